"""Who may do what to whom."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto

ACTOR_WORDS = frozenset({"cli", "host", "system"})
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
    """Who acts.

    :param name: ``user:KEY``, or one of the words ``cli``, ``host``, ``system``, which may do everything.
    :param role: of a user; None for nobody's role.
    """

    name: str
    role: Role | None = None

    @property
    def user_key(self) -> str | None:
        """The key of an actor who is a user."""
        return self.name.removeprefix(_USER) if self.name.startswith(_USER) else None

    @property
    def may_be_silent(self) -> bool:
        """Whether a user need not be told of what nobody else may do silently."""
        return self.user_key is None


def actor_name(text: str) -> str:
    """The actor in its stored form; bare text that is none of the words is read as a user key."""
    return text if text in ACTOR_WORDS or text.startswith(_USER) else f"{_USER}{text}"


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
