"""Who may do what to whom."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import ClassVar, TypeAlias

_USER = "user:"


class Role(StrEnum):
    """A role in the console, weakest first."""

    AUDITOR = "auditor"
    HELPDESK = "helpdesk"
    ADMIN = "admin"


class Right(Enum):
    """What an action takes: the service desk's rescue of a user, or an admin's rule over everybody."""

    RESCUE = auto()
    RULE = auto()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: ``Actor.user(KEY)``, or ``Actor.CLI``, ``Actor.HOST``, ``Actor.SYSTEM``, which may do everything.

    :param name: as records keep it: ``user:KEY``, or one of the words.
    :param role: of a user; None for nobody's role.
    """

    CLI: ClassVar[Actor]
    HOST: ClassVar[Actor]
    SYSTEM: ClassVar[Actor]

    name: str
    role: Role | None = None

    @classmethod
    def user(cls, key: str) -> Actor:
        """The user with this key, whatever it looks like."""
        return cls(f"{_USER}{key}")

    @classmethod
    def parse(cls, text: str) -> Actor:
        """From text: a word, ``user:KEY``, or else a bare key."""
        return cls(text) if is_reserved(text) else cls.user(text)

    @property
    def user_key(self) -> str | None:
        """The key of an actor who is a user."""
        return self.name.removeprefix(_USER) if self.name.startswith(_USER) else None

    @property
    def may_be_silent(self) -> bool:
        """Whether a user need not be told of what nobody else may do silently."""
        return self.user_key is None


ActorLike: TypeAlias = Actor | str
Actor.CLI, Actor.HOST, Actor.SYSTEM = (Actor(word) for word in ("cli", "host", "system"))
_WORDS = frozenset({Actor.CLI.name, Actor.HOST.name, Actor.SYSTEM.name})


def is_reserved(text: str) -> bool:
    """Whether text that names an actor is more than a bare key."""
    return text in _WORDS or text.startswith(_USER)


def impersonation_refusal(actor: Actor, *, subject: str, role: Role | None) -> str | None:
    """Why this actor may not act as this user, in one stable word; None when nothing speaks against it.

    :param role: of the subject.
    """
    if actor.user_key == subject:
        return "yourself"
    # SECURITY: an auditor only reads, and would act in another's name.
    if actor.role is Role.AUDITOR:
        return "not-allowed"
    # SECURITY: only admins act as users with a role, or anyone could take that role over.
    return None if role is None or actor.role is Role.ADMIN else "higher-role"


def refusal(actor: Actor, right: Right, *, subject: str, role: Role | None) -> str | None:
    """Why this actor may not act on this user, in one stable word; None when he may.

    :param subject: key of the user who is acted on.
    :param role: of the subject.
    """
    if actor.user_key is None:
        return None
    # SECURITY: nobody frees himself of a requirement, or hands himself a way in.
    if actor.user_key == subject:
        return "yourself"
    if actor.role is Role.ADMIN:
        return None
    # SECURITY: the service desk rescues people without a role; else it could take over an admin's account.
    if actor.role is Role.HELPDESK and right is Right.RESCUE:
        return None if role is None else "higher-role"
    return "not-allowed"
