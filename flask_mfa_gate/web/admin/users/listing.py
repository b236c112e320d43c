"""The users list: who has MFA, who does not, and until when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from ....domain.enrollment.enrollment import Status
from ....domain.people.roles import Role
from ....domain.people.user_list import UserPage, UserQuery, UserRow, UserSort
from ....domain.sign_in.assurance import FactorKind
from ...translation import gettext
from ..console import Console, ConsoleRoute, console_url
from ..listing import ListState, SortLink, are_one_of
from ..representation import Format, Listing, Table, csv_file, format_wanted, json_list
from ..words import actor_word, author_word, factor_word, role_word, status_meaning, status_word
from .address import user_url
from .filters import COLUMN, FILTERS, chips_of, filter_of
from .verbs import verbs_for

_COLUMNS = (
    "key", "name", "email", "groups", "required", "required_by", "status", "days_left", "ends_at", "enrolled_at",
    "factors", "last_sign_in",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class QuickFilter:
    """A named list, one click away."""

    label: str
    url: str
    is_current: bool


def users(console: Console) -> Response:
    """The list, as a page, as JSON, or all of it as CSV."""
    state = ListState("users", (*FILTERS, COLUMN))
    wanted, column = filter_of(state), _column(state)
    kind = format_wanted(console, Format.HTML, Format.JSON, Format.CSV)
    if kind is Format.CSV:
        console.state.operations.audit_reader.note_export(console.actor, TABLE.name, origin=console.origin)
        return csv_file(_FILE, console.state.people.user_list.export(wanted))
    sort = _sort_of(state)
    query = UserQuery(users=wanted, sort=sort, cursor=state.text("cursor"), per_page=state.per_page(50))
    page = console.state.people.user_list.page(query)
    if kind is Format.JSON:
        return json_list(Listing(page.items, page.next_cursor, page.count, page.count_is_exact), TABLE)
    return _page(console, state, query, page, column)


def _page(console: Console, state: ListState, query: UserQuery, page: UserPage, column: str) -> Response:
    pager = state.pager(len(page.items), page.next_cursor, count=page.count, is_exact=page.count_is_exact)
    return console.page(
        "users.html", rows=page.items, count=page.count, is_exact=page.count_is_exact, state=state,
        chips=list(chips_of(state)), clear_url=console_url("users"), csv_url=state.url(format="csv"), pager=pager,
        heads={word.value: _head(state, word, query.sort) for word in UserSort}, words=WORDS, column=column,
        names=_names(console, page), synced_at=console.state.people.users.synced_at(), quick=_quick(state),
        challenges=console.state.people.user_list.challenges([row.key for row in page.items]),
        may_act=console.may(Role.HELPDESK), options=_options(), verbs=verbs_for(console), statuses=list(Status),
        select_url=console_url("user_select"), unreadable=page.unreadable, sent_on=state.query(FILTERS),
    )  # fmt: skip


WORDS: Mapping[str, Any] = {
    "status": status_word, "meaning": status_meaning, "factor": factor_word, "role": role_word, "actor": actor_word,
    "author": author_word, "user_url": user_url,
}  # fmt: skip


def _sort_of(state: ListState) -> UserSort:
    word = state.text("sort") or UserSort.NAME.value
    are_one_of([word], [one.value for one in UserSort], "sort")
    return UserSort(word)


def _head(state: ListState, word: UserSort, current: UserSort) -> SortLink:
    return state.sort_link(word.value, current=current.value, descending=word.is_descending)


def _column(state: ListState) -> str:
    """Which factor is shown, or nothing for the status."""
    kind = state.text(COLUMN) or ""
    are_one_of([kind] if kind else [], [one.value for one in FactorKind], COLUMN)
    return kind


def _names(console: Console, page: UserPage) -> dict[str, str]:
    """Names of those who required MFA of somebody on this page, by key."""
    actors = [row.required_by for row in page.items if row.required_by is not None]
    keys = {actor.removeprefix("user:") for actor in actors if actor.startswith("user:")}
    return names_of(console, keys)


def names_of(console: Console, keys: Collection[str]) -> dict[str, str]:
    """Names of these users, by key, as the gate knows them."""
    if not keys:
        return {}
    store = console.state.store
    with store.database.read() as tx:
        return store.people.names(tx, keys)


def _quick(state: ListState) -> list[QuickFilter]:
    """The questions that admins ask most."""
    lists: tuple[tuple[str, dict[str, str]], ...] = (
        (gettext("Everyone"), {}),
        (gettext("No MFA"), {"mfa": "no"}),
        (gettext("Lapse within a day"), {"ends_within": "1"}),
        (gettext("Lapsed"), {"status": Status.ENROLLMENT_EXPIRED.value}),
        (gettext("Throttled"), {"throttled": "yes"}),
        (gettext("Admins without MFA"), {"role": "admin", "mfa": "no"}),
    )
    now = {name: value for name in FILTERS if (value := state.text(name))}
    return [QuickFilter(label, console_url("users", **args), args == now) for label, args in lists]


def _options() -> dict[str, list[tuple[str, str]]]:
    """What the filter form offers."""
    anything = ("", gettext("Any"))
    return {
        "required": [anything, ("yes", gettext("Required")), ("no", gettext("Not required"))],
        "mfa": [anything, ("yes", gettext("Has MFA")), ("no", gettext("No MFA"))],
        "factor": [anything, *((kind.value, factor_word(kind.value)) for kind in FactorKind)],
        "role": [anything, *((role.value, role_word(role.value)) for role in Role)],
        "throttled": [anything, ("yes", gettext("Throttled")), ("no", gettext("Not throttled"))],
        "email": [anything, ("yes", gettext("Has an email address")), ("no", gettext("No email address"))],
        "column": [("", gettext("Status")), *((kind.value, factor_word(kind.value)) for kind in FactorKind)],
        "per_page": [(size, size) for size in ("20", "50", "100")],
    }


def _row(row: UserRow) -> Mapping[str, Any]:
    return {
        "key": row.key, "name": row.name, "email": row.email, "groups": list(row.groups), "required": row.required,
        "required_by": row.required_by, "status": row.status.value, "days_left": row.days_left,
        "ends_at": row.ends_at.isoformat() if row.ends_at else None,
        "enrolled_at": row.enrolled_at.isoformat() if row.enrolled_at else None, "factors": list(row.factors),
        "last_sign_in": row.last_sign_in.isoformat() if row.last_sign_in else None,
    }  # fmt: skip


def _line(row: UserRow | str) -> Mapping[str, Any]:
    """Of a row that somebody edited by hand so that nothing can read it, the file has the key."""
    return {**dict.fromkeys(_COLUMNS), "key": row, "status": "unreadable"} if isinstance(row, str) else _row(row)


TABLE = Table("users", _COLUMNS, _row)
_FILE: Table[UserRow | str] = Table("users", _COLUMNS, _line)
ROUTES = (ConsoleRoute(rule="/users", name="users", view=users),)
