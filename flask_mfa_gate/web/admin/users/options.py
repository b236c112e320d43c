"""The fields of an action, as they were typed, proposed, and read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from ....domain.enrollment.enrollment import LATEST_END, LONGEST_DAYS
from ....domain.policy.conditions.zones import zone_called, zone_names
from ....services.actions.action_options import ActionOptions
from ....services.people.user_objects import is_key
from ....services.text_validation import LONGEST_REASON
from ....store.enrollment.action_requests import ActionRequest
from ...translation import gettext
from ..console import Console
from .verbs import VERBS, Verb

_FIELDS = ("when", "days", "until", "zone", "renew", "factor", "policy", "reason", "notify", "silent")
_YES = frozenset({"1", "true", "True"})


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
    elif "until" in verb.takes and _text(typed, "until"):
        # Those who typed a date and left the other choice ticked meant the date.
        errors = {"until": gettext("Choose “A date” to use this day, or clear it.")}
    elif "days" in verb.takes and (_text(typed, "days") or not _may_leave_out_days(verb, typed)):
        days, errors = _days(verb, _text(typed, "days"))
    reason = _text(typed, "reason")
    if len(reason) > LONGEST_REASON:
        errors["reason"] = gettext("Give a reason of at most %(most)s characters.", most=f"{LONGEST_REASON:,}")
    factor, policy = _chosen(console, verb, typed, errors)
    is_silent = not verb.is_loud and _text(typed, "notify") in {"0", "false", "False"}
    return ActionOptions(
        days=days, until=until, renew="renew" in verb.takes and _text(typed, "renew") in _YES, factor=factor,
        policy=policy, reason=reason or None, notify=not is_silent,
    ), errors  # fmt: skip


def _may_leave_out_days(verb: Verb, typed: Mapping[str, Any]) -> bool:
    """Programs may, for the app's own number; a form that was emptied may not. A reset without days has a meaning."""
    return verb.word == "reset" or (verb.word == "require" and typed.get("days") is None)


def _chosen(
    console: Console, verb: Verb, typed: Mapping[str, Any], errors: dict[str, str]
) -> tuple[str | None, str | None]:
    """The factor, or the policy, that the action is about."""
    factor, policy = _text(typed, "factor") or None, _text(typed, "policy") or None
    if "factor" in verb.takes and not is_key(factor):
        errors["factor"] = gettext("Choose which factor to revoke.")
    if "policy" in verb.takes and policy not in graced_policies(console):
        errors["policy"] = gettext("Choose a policy that gives days of grace.")
    return factor if "factor" in verb.takes else None, policy if "policy" in verb.takes else None


def graced_policies(console: Console) -> list[str]:
    """Names of the policies that give days of grace."""
    return [policy.name for policy in console.state.access.policies.list() if policy.effect.grace_days]


def values_of(console: Console, found: ActionRequest, typed: Mapping[str, Any]) -> dict[str, str]:
    """The fields as they stand: what was typed, else what is proposed."""
    days = "" if found.action == "reset" else str(console.state.settings.enrollment_days)
    proposed = {"when": "days", "days": days, "until": "", "zone": "UTC", "reason": "", "notify": "1", "renew": ""}
    proposed["factor"] = next(iter(console.state.factors.registry.factors)).value
    proposed["policy"] = next(iter(graced_policies(console)), "")
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
