"""Access passes: a way back in for somebody who lost their device."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from flask import Response

from ....domain.people.roles import Role
from ....errors import BadRequest, Conflict
from ...fields import text_field
from ...responses import answers
from ...translation import gettext
from ..console import WRITE, Console, ConsoleRoute
from .address import user_url
from .page import draw_user, pass_state

LIFETIMES = {
    "10m": timedelta(minutes=10), "1h": timedelta(hours=1), "8h": timedelta(hours=8), "1d": timedelta(days=1),
    "7d": timedelta(days=7), "30d": timedelta(days=30),
}  # fmt: skip


def issue_to_one(console: Console) -> Response:
    """A new pass for the user whom the form names."""
    return issue(console, text_field(console.fields, "key", default=""))


def issue(console: Console, key: str) -> Response:
    """A new pass, shown in this answer and never again; the same form sent twice issues no second one."""
    state = console.state
    found = state.people.enrollments.look_up(key)
    profile = state.people.profiles.read(key)
    if not console.auth.wants_json and text_field(console.fields, "pass_state", default="") != pass_state(profile):
        raise Conflict(
            "pass-changed",
            gettext("An access pass was issued or used since this form was opened. Open the user's page again."),
        )
    code = state.people.access_passes.issue(
        key, actor=console.actor, lifetime=_lifetime(console), reason=text_field(console.fields, "reason", default=""),
        one_time=text_field(console.fields, "one_time", default="") == "1",
        scope=text_field(console.fields, "scope", default="full"), starts_at=_starts_at(console),
    )  # fmt: skip
    fresh = state.people.profiles.read(key)
    if console.auth.wants_json:
        terms = fresh.access_pass.terms if fresh.access_pass else None
        times = {name: getattr(terms, name).isoformat() if terms else None for name in ("starts_at", "ends_at")}
        return answers.json_answer({"access_pass": code, **times}, 201)
    return draw_user(console, found, fresh, code=code, status=201)


def revoke(console: Console) -> Response:
    """The pass opens nothing any more, and what it opened ends."""
    key = text_field(console.fields, "key", default="")
    done = console.state.people.access_passes.revoke(
        key, actor=console.actor, reason=text_field(console.fields, "reason", default="") or None
    )
    return answers.json_answer({"revoked": done}) if console.auth.wants_json else answers.see_other(user_url(key))


def _lifetime(console: Console) -> timedelta:
    word = text_field(console.fields, "lifetime", default="1h")
    if word not in LIFETIMES:
        raise BadRequest(gettext("A pass lives one of: %(known)s.", known=", ".join(LIFETIMES)))
    return LIFETIMES[word]


def _starts_at(console: Console) -> datetime | None:
    text = text_field(console.fields, "starts_at", default="").strip()
    if not text:
        return None
    with suppress(ValueError, OverflowError):
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    raise BadRequest(gettext("Write starts_at as an ISO 8601 time with zone, such as 2026-03-31T08:00+02:00."))


ROUTES = (
    ConsoleRoute(
        rule="/access-pass", name="user_access_pass", view=issue_to_one, methods=WRITE, least_to_write=Role.HELPDESK
    ),
    ConsoleRoute(
        rule="/access-pass/revoke", name="user_access_pass_revoke", view=revoke, methods=WRITE,
        least_to_write=Role.HELPDESK,
    ),
)  # fmt: skip
