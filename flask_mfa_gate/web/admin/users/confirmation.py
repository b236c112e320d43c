"""The page that asks before an action on users, and the one that tells what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from flask import Response

from ....domain.enrollment import LATEST_END, LONGEST_DAYS, start_period
from ....domain.policy.conditions.zones import zone_called, zone_names
from ....services.enrollment.action_requests import ActionOptions, Preview
from ....services.text_validation import LONGEST_REASON
from ....store.action_requests import ActionRequest, RequestState
from ...translation import gettext, marked, ngettext
from ..console import Console, console_url
from .listing import WORDS, names_of
from .verbs import VERBS, Verb

REASONS = {
    "": marked("Done"),
    "already-required": marked("MFA is required already"),
    "in-period": marked("in an enrollment period already"),
    "lapsed": marked("the period has ended: extend or reset instead"),
    "no-period": marked("no enrollment period"),
    "not-required": marked("MFA is not required"),
    "lapsed-too": marked("cleared, but still locked out: extend or reset too"),
    "yourself": marked("this is you"),
    "higher-role": marked("has a role, so an administrator has to do it"),
    "not-allowed": marked("your role doesn't allow it"),
    "unknown-user": marked("unknown user"),
    "not-seen-yet": marked("kept, but nobody has signed in with this key yet"),
    "changed-meanwhile": marked("changed after you opened the confirmation, so nothing was done"),
}
_BUTTONS = {
    "require": lambda n: ngettext("Require MFA for %(num)s person", "Require MFA for %(num)s people", n),
    "extend": lambda n: ngettext("Extend for %(num)s person", "Extend for %(num)s people", n),
    "remind": lambda n: ngettext("Remind %(num)s person", "Remind %(num)s people", n),
    "unlock": lambda n: ngettext("Clear attempts of %(num)s person", "Clear attempts of %(num)s people", n),
    "revoke-sessions": lambda n: ngettext("Sign out %(num)s person", "Sign out %(num)s people", n),
    "reset": lambda n: ngettext("Reset MFA of %(num)s person", "Reset MFA of %(num)s people", n),
    "remove": lambda n: ngettext(
        "Remove the requirement from %(num)s person", "Remove the requirement from %(num)s people", n
    ),
}
_FIELDS = ("when", "days", "until", "zone", "reason", "notify", "silent")


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
    verb, values = VERBS[found.action], _values(console, found, typed)
    options, mistakes = options_of(console, found, values)
    told = {**mistakes, **(errors or {})}
    if mistakes:
        options, _ = options_of(console, found, _values(console, found, {}))
    preview = console.state.action_requests.preview(found, options, actor=console.actor)
    names = names_of(console, preview.sample)
    return console.page(
        "confirm.html", 400 if told else 200, found=found, verb=verb, values=values, errors=told, preview=preview,
        consequence=gettext(verb.consequence), title=gettext(verb.label), button=_BUTTONS[verb.word](preview.done),
        sample=[(key, names.get(key) or key) for key in preview.sample], others=_others(preview),
        ends_at=_end(console, verb, options), days_text=_days_text(options), zones=_zones(),
        words=WORDS, action_url=console_url("user_request_confirm", request_id=found.id),
        show_url=console_url("user_request", request_id=found.id), most=LONGEST_DAYS,
    )  # fmt: skip


def result_page(console: Console, found: ActionRequest) -> Response:
    """How many it was done to, and everybody else with the reason."""
    totals = console.state.action_requests.totals(found)
    counts = [
        ReasonCount(number, gettext(REASONS.get(reason, reason)), outcome)
        for (outcome, reason), number in sorted(totals.items())
    ]
    return console.page(
        "result.html", found=found, verb=VERBS[found.action], title=gettext(VERBS[found.action].label), counts=counts,
        done=sum(one.number for one in counts if one.outcome == "done"),
        waiting=sum(one.number for one in counts if not one.outcome), is_done=found.state is RequestState.DONE,
        csv_url=console_url("user_request", request_id=found.id, format="csv"), words=WORDS,
        action_url=console_url("user_request_confirm", request_id=found.id),
    )  # fmt: skip


def options_of(
    console: Console, found: ActionRequest, typed: Mapping[str, Any]
) -> tuple[ActionOptions, dict[str, str]]:
    """The options of an action as they were typed, and what is wrong with them, by field."""
    verb = VERBS[found.action]
    errors: dict[str, str] = {}
    days: int | None = None
    until: datetime | None = None
    when = _text(typed, "when") or ("until" if _text(typed, "until") else "days")
    if "now" in verb.takes and (when == "now" or _text(typed, "days") == "now"):
        days = 0
    elif "until" in verb.takes and when == "until":
        until, errors = _until(console, typed)
    elif "days" in verb.takes and (_text(typed, "days") or verb.word == "extend"):
        days, errors = _days(verb, _text(typed, "days"))
    reason = _text(typed, "reason")
    if len(reason) > LONGEST_REASON:
        errors["reason"] = gettext("Give a reason of at most %(most)s characters.", most=f"{LONGEST_REASON:,}")
    is_silent = not verb.is_loud and _text(typed, "notify") in {"0", "false", "False"}
    return ActionOptions(days=days, until=until, reason=reason or None, notify=not is_silent), errors


def _values(console: Console, found: ActionRequest, typed: Mapping[str, Any]) -> dict[str, str]:
    """The fields as they stand: what was typed, else what is proposed."""
    days = "" if found.action == "reset" else str(console.state.settings.enrollment_days)
    proposed = {"when": "days", "days": days, "until": "", "zone": "UTC", "reason": "", "notify": "1"}
    was_sent = any(name in typed for name in _FIELDS)
    given = {name: _text(typed, name) for name in proposed if name in typed}
    if was_sent and "notify" not in given and "silent" in typed:
        given["notify"] = "0"
    return {**proposed, **given}


def _text(typed: Mapping[str, Any], name: str) -> str:
    """One field; what is no text of a form is refused as such a text would be."""
    value = typed.get(name)
    return "" if value is None else str(value).strip()


def _days(verb: Verb, text: str) -> tuple[int | None, dict[str, str]]:
    if text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= LONGEST_DAYS:
        return int(text), {}
    if text == "0" and "now" in verb.takes:
        return None, {"days": gettext("To require MFA at the next sign-in, choose “Now”.")}
    return None, {"days": gettext("Enter a whole number of days from 1 to %(most)s.", most=LONGEST_DAYS)}


def _until(console: Console, typed: Mapping[str, Any]) -> tuple[datetime | None, dict[str, str]]:
    """The last second of a day in the zone that the form names."""
    zone = _zone(_text(typed, "zone") or "UTC")
    if zone is None:
        return None, {"zone": gettext("Choose one of the time zones.")}
    try:
        day = date.fromisoformat(_text(typed, "until"))
        end = (datetime.combine(day, time(23, 59, 59), zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None, {"until": gettext("Write the date as 2026-03-31.")}
    if not console.now < end <= min(LATEST_END, console.now + timedelta(days=LONGEST_DAYS + 1)):
        return None, {"until": gettext("Choose a day from today on, at most %(most)s days ahead.", most=LONGEST_DAYS)}
    return end, {}


def _zone(name: str) -> tzinfo | None:
    return UTC if name == "UTC" else zone_called(name) if name in zone_names() else None


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
