"""The page that asks before an action on users, and the one that tells what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response

from ....domain.enrollment.enrollment import LONGEST_DAYS, start_period
from ....domain.policy.conditions.zones import zone_names
from ....services.actions.action_options import ActionOptions
from ....services.actions.action_requests import Preview
from ....store.enrollment.action_requests import ActionRequest, RequestState
from ...translation import gettext, marked, ngettext
from ..console import Console, console_url
from ..setting_words import pieces
from ..words import factor_word
from .listing import WORDS, names_of
from .options import graced_policies, options_of, values_of
from .verbs import VERBS, Verb, consequence_of

REASONS = {
    "already-required": marked("MFA is required already"),
    "in-period": marked("in an enrollment period already"),
    "lapsed": marked("the period has ended: extend or reset instead"),
    "no-period": marked("no enrollment period"),
    "not-required": marked("MFA is not required"),
    "lapsed-too": marked("cleared, but the period has ended: extend or reset too"),
    "yourself": marked("this is you"),
    "higher-role": marked("with a console role: ask an administrator"),
    "role-unknown": marked("role not known: ask an administrator"),
    "not-allowed": marked("your role doesn't allow it"),
    "unknown-user": marked("unknown user"),
    "not-seen-yet": marked("kept, but nobody has signed in with this key yet"),
    "no-factor": marked("no such factor"),
    "no-pass": marked("no access pass"),
    "no-grace": marked("no days of grace under this policy yet"),
    "changed-meanwhile": marked("changed after you opened the confirmation, so nothing was done"),
}
_CONTINUES = marked("You can close this page. The rest continues at the next run of flask mfa run-due, or now.")
_BUTTONS = {
    "require": lambda n: ngettext("Require MFA for %(num)s user", "Require MFA for %(num)s users", n),
    "extend": lambda n: ngettext("Extend for %(num)s user", "Extend for %(num)s users", n),
    "remind": lambda n: ngettext("Remind %(num)s user", "Remind %(num)s users", n),
    "unlock": lambda n: ngettext("Clear attempts for %(num)s user", "Clear attempts for %(num)s users", n),
    "revoke-sessions": lambda n: ngettext("Sign out %(num)s user", "Sign out %(num)s users", n),
    "revoke-factor": lambda n: ngettext("Revoke the factor of %(num)s user", "Revoke a factor for %(num)s users", n),
    "revoke-pass": lambda n: ngettext("Revoke the pass of %(num)s user", "Revoke the passes of %(num)s users", n),
    "restart-grace": lambda n: ngettext("Restart grace for %(num)s user", "Restart grace for %(num)s users", n),
    "reset": lambda n: ngettext("Reset MFA for %(num)s user", "Reset MFA for %(num)s users", n),
    "remove": lambda n: ngettext(
        "Remove the requirement for %(num)s user", "Remove the requirement for %(num)s users", n
    ),
}


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """So many users, and why."""

    number: int
    text: str
    outcome: str


def confirmation_page(
    console: Console, found: ActionRequest, typed: Mapping[str, Any], errors: Mapping[str, str] | None = None
) -> Response:  # fmt: skip
    """What will happen to how many, who is skipped and why, and the fields of the action."""
    verb, values = VERBS[found.action], values_of(console, found, typed)
    options, mistakes = options_of(console, found, values)
    told = {**mistakes, **(errors or {})}
    if mistakes:
        options, _ = options_of(console, found, values_of(console, found, {}))
    preview = console.state.people.action_requests.preview(found, options, actor=console.actor)
    names = names_of(console, preview.sample)
    return console.page(
        "confirm.html", 400 if told else 200, found=found, verb=verb, values=values, errors=told, preview=preview,
        consequence=consequence_of(verb), title=gettext(verb.label), button=_BUTTONS[verb.word](preview.done),
        sample=[(key, names.get(key) or key) for key in preview.sample], others=_others(preview),
        ends_at=_end(console, verb, options), days_text=_days_text(options), zones=_zones(),
        factors=_factors(console, found), policies=[(name, name) for name in graced_policies(console)],
        words=WORDS, action_url=console_url("user_request_confirm", request_id=found.id),
        show_url=console_url("user_request", request_id=found.id), most=LONGEST_DAYS,
    )  # fmt: skip


def result_page(console: Console, found: ActionRequest) -> Response:
    """How many it was done to, and everybody else with the reason."""
    totals = console.state.people.action_requests.totals(found)
    counts = [
        ReasonCount(number, gettext(REASONS.get(reason, reason)) if reason else "", outcome)
        for (outcome, reason), number in sorted(totals.items(), key=lambda one: (not one[0][0], one))
    ]
    return console.page(
        "result.html", found=found, verb=VERBS[found.action], title=gettext(VERBS[found.action].label), counts=counts,
        done=sum(one.number for one in counts if one.outcome == "done"),
        waiting=sum(one.number for one in counts if not one.outcome), is_done=found.state is RequestState.DONE,
        is_cancelled=found.state is RequestState.CANCELLED,
        is_running=console.state.people.action_jobs.is_worked_on(found),
        continues=tuple(pieces(gettext(_CONTINUES))),
        cancel_url=console_url("user_request_cancel", request_id=found.id),
        show_url=console_url("user_request", request_id=found.id),
        csv_url=console_url("user_request", request_id=found.id, format="csv"), words=WORDS,
        action_url=console_url("user_request_confirm", request_id=found.id),
    )  # fmt: skip


def _factors(console: Console, found: ActionRequest) -> list[tuple[str, str]]:
    """What can be revoked: kinds, and of a single user each factor by its name."""
    kinds = [(kind.value, gettext("All of this kind: %(kind)s", kind=factor_word(kind.value)))
             for kind in console.state.factors.registry.factors]  # fmt: skip
    if found.count != 1 or "factor" not in VERBS[found.action].takes:
        return kinds
    item = next(iter(console.state.people.action_requests.items(found)))
    held = console.state.people.profiles.read(item.user_key).factors
    return [*((one.id, f"{one.name} ({factor_word(one.kind.value)})") for one in held), *kinds]


def _zones() -> list[tuple[str, str]]:
    names = sorted(name for name in zone_names() if "/" in name and not name.startswith("Etc/"))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


def _end(console: Console, verb: Verb, options: ActionOptions) -> datetime | None:
    """The end that everybody will have, where it is the same for all."""
    if options.until is not None:
        return options.until
    return start_period(console.now, days=options.days).ends_at if verb.word == "require" and options.days else None


def _days_text(options: ActionOptions) -> str:
    return ngettext("%(num)s day", "%(num)s days", options.days) if options.days else ""


def _others(preview: Preview) -> list[ReasonCount]:
    """Who is left out, or done with a word of its own, and why."""
    return [
        ReasonCount(number, gettext(REASONS.get(reason, reason)), outcome)
        for (outcome, reason), number in sorted(preview.outcomes.items())
        if reason
    ]
