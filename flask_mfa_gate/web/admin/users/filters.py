"""The filter of the users list, between the URL and the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ....domain.enrollment.enrollment import LONGEST_DAYS, Status
from ....domain.people.roles import Role
from ....domain.people.user_filter import UserFilter
from ....domain.sign_in.assurance import FactorKind
from ....errors import BadRequest
from ...translation import gettext, ngettext
from ..listing import Chip, ListState, are_one_of
from ..words import factor_word, role_word, status_word

FILTERS = (
    "q", "status", "required", "factor", "mfa", "ends_within", "group", "role", "throttled", "email",
)  # fmt: skip
COLUMN = "column"
_YES, _NO = "yes", "no"


def filter_of(state: ListState) -> UserFilter:
    """The filter in the URL.

    :raises BadRequest: for a word that a filter does not have.
    """
    statuses = state.texts("status")
    are_one_of(statuses, Status, "status")
    factor = _word(state, "factor", [kind.value for kind in FactorKind])
    role = _word(state, "role", [role.value for role in Role])
    return UserFilter(
        status=frozenset(map(Status, statuses)) or None,
        required=_flag(state, "required"),
        factor=FactorKind(factor) if factor else None,
        holds_any=_flag(state, "mfa"),
        ends_within=_days(state),
        group=state.text("group"),
        role=Role(role) if role else None,
        throttled=_flag(state, "throttled"),
        has_email=_flag(state, "email"),
        text=state.text("q"),
    )


def chips_of(state: ListState) -> Iterator[Chip]:
    """Each filter that is on, and the list without it."""
    for status in state.texts("status"):
        yield Chip(status_word(Status(status)).text, state.url_without("status", status))
    for name in FILTERS:
        value = state.text(name)
        if value is not None and name != "status":
            yield Chip(_words(name, value), state.url_without(name, value))


def _words(name: str, value: str) -> str:
    by_value = {
        ("required", _YES): gettext("MFA required"), ("required", _NO): gettext("MFA not required"),
        ("mfa", _YES): gettext("Has MFA"), ("mfa", _NO): gettext("No MFA"),
        ("throttled", _YES): gettext("Throttled"), ("throttled", _NO): gettext("Not throttled"),
        ("email", _YES): gettext("Has an email address"), ("email", _NO): gettext("No email address"),
    }  # fmt: skip
    if name == "ends_within":
        return ngettext("Ends within %(num)s day", "Ends within %(num)s days", int(value))
    by_name = {
        "q": gettext("Search: %(text)s", text=value),
        "group": gettext("Group: %(name)s", name=value),
        "factor": gettext("Has: %(factor)s", factor=factor_word(value)),
        "role": gettext("Role: %(role)s", role=role_word(value)),
    }
    return by_value.get((name, value)) or by_name[name]


def _word(state: ListState, name: str, known: list[str]) -> str | None:
    value = state.text(name)
    are_one_of([value] if value else [], known, name)
    return value


def _flag(state: ListState, name: str) -> bool | None:
    value = _word(state, name, [_YES, _NO])
    return None if value is None else value == _YES


def _days(state: ListState) -> timedelta | None:
    text = state.text("ends_within")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= LONGEST_DAYS):
        raise BadRequest(gettext("“Ends within” is a whole number of days from 1 to %(most)s.", most=LONGEST_DAYS))
    return timedelta(days=int(text))
