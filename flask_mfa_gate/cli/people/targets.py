"""Whom a command is about: users by key or email, a group, those whom a filter finds, or everybody."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import click

from ...domain.enrollment.enrollment import Status
from ...domain.people.roles import Role
from ...domain.people.user_filter import UserFilter
from ...domain.sign_in.assurance import FactorKind
from ...errors import BadRequest, UnknownUser
from ...services.text_validation import kept_text
from ...web.state import GateState
from ..arguments import length
from ..group import progress
from ..output import label, local

_LOOKED_THROUGH = 5000
_NEAR = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """The arguments that say which users a command is about."""

    users: Sequence[str] = ()
    everybody: bool = False
    group: str | None = None
    ends_within: str | None = None
    role: str | None = None
    factor: str | None = None
    without_factor: bool = False
    statuses: Sequence[str] = ()
    search: str | None = None
    throttled: bool = False
    no_email: bool = False

    @property
    def is_many(self) -> bool:
        """Whether they are found by what holds of them, and not named one by one.

        :raises BadRequest: unless it is exactly one of both.
        """
        narrows = (self.group, self.ends_within, self.role, self.factor, self.search)
        flags = (self.everybody, self.without_factor, self.throttled, self.no_email, bool(self.statuses))
        is_many = any(flags) or any(one is not None for one in narrows)
        if is_many == bool(self.users) or (self.everybody and self.group is not None):
            raise BadRequest("Name users, or pass --all, --group or another filter, and only one of these.")
        return is_many

    def filter(self) -> UserFilter:
        """What has to hold of them."""
        return UserFilter(
            group=self.group,
            ends_within=None if self.ends_within is None else length(self.ends_within, "--ends-within"),
            role=None if self.role is None else Role(self.role),
            factor=None if self.factor is None else FactorKind(self.factor),
            holds_any=False if self.without_factor else None,
            status=frozenset(map(Status, self.statuses)) or None,
            text=self.search,
            throttled=True if self.throttled else None,
            has_email=False if self.no_email else None,
        )


KINDS, _ROLES = [kind.value for kind in FactorKind], [role.value for role in Role]
_STATUSES = click.Choice([status.value for status in Status], case_sensitive=False)
_OPTIONS = (
    click.option("--no-email", is_flag=True, help="Only those without an email address."),
    click.option(
        "--throttled", is_flag=True, help="Only those whose codes are throttled after too many failed attempts."
    ),
    click.option("--search", help="Only those with words in their name, email or key that begin with these."),
    click.option("--status", "statuses", multiple=True, type=_STATUSES, help="Only those with this status."),
    click.option("--without-factor", is_flag=True, help="Only those who hold no factor."),
    click.option("--factor", type=click.Choice(KINDS), help="Only those who hold this factor."),
    click.option("--role", type=click.Choice(_ROLES), help="Only those who have this role."),
    click.option("--ends-within", help="Only those whose period ends within this time: 90m, 36h or 2d."),
    click.option("--group", help="Everyone in this group."),
    click.option("--all", "everybody", is_flag=True, help="Everyone."),
    click.argument("users", nargs=-1),
)


def about_users(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these arguments, as one ``whom``."""

    def gathered(**options: Any) -> Any:
        whom = Whom(**{name: options.pop(name) for name in Whom.__slots__})
        return command(whom=whom, **options)

    gathered.__name__ = command.__name__
    gathered.__dict__.update(command.__dict__)
    for option in _OPTIONS:
        gathered = option(gathered)
    return gathered


def key_of(state: GateState, text: str) -> str:
    """An exact key, or the email of somebody who is the only one to have it.

    :raises BadRequest: for what can be neither; no database keeps it, and no terminal shows it in the answer.
    """
    _refuse_unkept(text, "key or email of a user")
    return state.people.lookup.key_of(text)


def known_key(state: GateState, text: str) -> str:
    """The same of somebody who is there.

    :raises UnknownUser: for nobody, with the one who may have been meant. Without a directory every key is taken, but
        for one that is the name or the email of somebody whose key is another.
    """
    key = key_of(state, text)
    if not state.host.directory.lists_users:
        if hint := _namesake(state, text, key):
            raise UnknownUser(f"Nobody has signed in by the key {text!r}. {hint}")
        return key
    try:
        return state.people.enrollments.look_up(key).person.key
    except UnknownUser:
        raise UnknownUser(f"No user {text!r} is known. {_nearest(state, text)}".rstrip()) from None


def chosen(state: GateState, whom: Whom, *, may_sync: bool) -> UserFilter:
    """Those whom a filter finds among the people that the gate knows, as new as can be had.

    :param may_sync: whether the app's users may be taken over first; else their age is said.
    :raises BadRequest: for a group that nobody is in.
    """
    _refuse_unkept(whom.group, "group")
    _refuse_unkept(whom.search, "name, email or key")
    users = whom.filter()
    if state.host.directory.lists_users:
        _take_over(state) if may_sync else _say_age(state)
    if whom.group is not None:
        _require_group(state, whom.group)
    return users


def _take_over(state: GateState) -> None:
    with progress("Syncing the app's users") as bar:
        state.people.users.sync(progress=lambda _: bar(1))


def _say_age(state: GateState) -> None:
    at = state.people.users.synced_at()
    age = "The app's users were never synced" if at is None else f"The app's users as of {local(at)}"
    click.echo(f"{age}. For newer ones: flask mfa sync", err=True)


def _require_group(state: GateState, group: str) -> None:
    with state.store.database.read() as tx:
        names = state.store.people.group_names(tx)
    if group not in names:
        raise BadRequest(f"Nobody is in a group {group!r}.{_group_hint(group, names)}")


def _group_hint(group: str, names: Collection[str]) -> str:
    if not names:
        return " No user has groups: pass groups= to init_app, then run flask mfa sync."
    nearest = difflib.get_close_matches(group, names, n=1)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""


def _namesake(state: GateState, text: str, key: str) -> str:
    """Who is called so, where nobody has come by this key."""
    if state.people.enrollments.look_up(key).is_seen:
        return ""
    with state.store.database.read() as tx:
        people = state.store.people.first(tx, limit=_LOOKED_THROUGH)
    word = text.casefold()
    called_so = (one for one in people if word in {one.name.casefold(), one.email.casefold()})
    meant = next((one for one in called_so if one.key != key), None)
    return f"Did you mean {label(meant)}? Then use the key {meant.key!r}." if meant else ""


def _nearest(state: GateState, text: str) -> str:
    with state.store.database.read() as tx:
        people = state.store.people.first(tx, limit=_LOOKED_THROUGH)
    words = {word.casefold(): one for one in people for word in (one.name, one.key, one.email) if word}
    near = difflib.get_close_matches(text.casefold(), words, n=1, cutoff=_NEAR)
    return f"Did you mean {words[near[0]].email or near[0]}, {label(words[near[0]])}?" if near else ""


def _refuse_unkept(text: str | None, what: str) -> None:
    if text is not None and kept_text(text) != text:
        raise BadRequest(f"There is a NUL or half of a surrogate pair in {text!r}, so it can be no {what}.")
