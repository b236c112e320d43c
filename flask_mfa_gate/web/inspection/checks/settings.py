"""Settings that are right by themselves and come to nothing in this app."""

from __future__ import annotations

from collections.abc import Iterator

from ....domain.sign_in.upstream import Trust
from ....sentences import Sentence
from ..findings import Finding, error, warning
from ..registry import Inspection, check

_NO_NAMES = frozenset({"app", "application", "flask_app", "lib", "main", "__main__", "server", "web", "wsgi"})


@check()
def factor_pages(on: Inspection) -> Iterator[Finding]:
    """Factors that nobody can set up, as this version has no page for them."""
    pages = f"{on.settings.url_prefix}/enroll/"
    there = {rule.rule.removeprefix(pages).partition("/")[0] for rule in on.app.url_map.iter_rules()}
    for kind in dict.fromkeys((*on.settings.factors, *on.settings.period_satisfied_by)):
        if kind not in there:
            yield error(
                "factor-without-page",
                Sentence("Nobody can set up the factor %(kind)r: this version has no page for it.", kind=kind),
                fix=Sentence("Take %(kind)r out of MFA_GATE_FACTORS and MFA_GATE_PERIOD_SATISFIED_BY.", kind=kind),
            )


@check()
def issuer(on: Inspection) -> Iterator[Finding]:
    """A name that means nothing in an authenticator app."""
    if not on.settings.issuer and ("." in on.app.name or on.app.name in _NO_NAMES):
        yield warning(
            "no-issuer",
            Sentence("Authenticator apps and emails call this app %(name)r.", name=on.app.name),
            fix="Set MFA_GATE_ISSUER to the name that users know.",
        )


@check()
def believed_providers(on: Inspection) -> Iterator[Finding]:
    """Providers whose word is worth more, or less, than it looks."""
    configured = {one.issuer for one in on.settings.upstreams.values()}
    for name, word in on.settings.trust_amr.items():
        if word == Trust.ALWAYS:
            yield warning(
                "provider-always-believed",
                Sentence("Every sign-in by %(name)s counts as one with a second factor.", name=name),
                fix='Set "when-proved" in MFA_GATE_TRUST_AMR, unless it asks everybody for one and does not say so.',
            )
        if name not in configured and name.rstrip("/") in {one.rstrip("/") for one in configured}:
            yield error(
                "provider-never-believed",
                Sentence(
                    "MFA_GATE_TRUST_AMR names %(name)s, and MFA_GATE_UPSTREAMS the same with another slash.", name=name
                ),
                fix="Write the issuer as the provider itself does, in both.",
            )
