"""Events on their way to other servers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ....domain.records.destination import Webhook
from ....outbound import AddressRefused
from ....sentences import Sentence
from ..findings import Finding, warning
from ..registry import Inspection, Needs, check

_LATE = timedelta(hours=2)


@check(Needs.TABLES)
def waiting_events(on: Inspection) -> Iterator[Finding]:
    """Events that should be gone by now."""
    for one in on.state.operations.event_delivery.states():
        if one.waiting_since is None or one.waiting_since >= on.now - _LATE:
            continue
        yield warning(
            "events-late",
            Sentence(
                "Events for %(name)s have been waiting since %(since)s UTC (%(count)s).",
                name=one.name,
                since=f"{one.waiting_since:%Y-%m-%d %H:%M}",
                count=one.waiting,
            ),
            fix="See why: flask mfa events failed. Where nothing failed, run from cron: flask mfa run-due."
            if one.destination is not None
            else "Set this destination up again under the same name, or wait: after a week its events are given up.",
        )


@check(Needs.TABLES)
def undelivered_events(on: Inspection) -> Iterator[Finding]:
    """Events that a destination will not get."""
    for one in on.state.operations.event_delivery.states():
        if one.given_up:
            yield warning(
                "events-given-up",
                Sentence(
                    "Events that %(name)s did not take for a week and that were given up in the last 30 days: "
                    "%(count)s.",
                    name=one.name,
                    count=one.given_up,
                ),
                fix=Sentence("Fix the destination, then: flask mfa events retry %(name)s", name=one.name),
            )


@check(Needs.NETWORK)
def addresses_of_webhooks(on: Inspection) -> Iterator[Finding]:
    """Webhooks that this app will not post to."""
    for one in on.settings.destinations:
        try:
            if isinstance(one, Webhook):
                on.state.operations.outbound.require_allowed(one.url)
        except AddressRefused as refused:
            yield warning(
                "webhook-address",
                Sentence("The webhook %(name)s gets no events: %(problem)s", name=one.name, problem=refused),
                fix="If it runs in your own network, add that address to MFA_GATE_OUTBOUND_NETWORKS.",
            )
        except OSError:
            continue
