"""What can be done to users: the words of the buttons, and who may press them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....domain.people.roles import Right, Role, refusal
from ...translation import gettext, marked
from ..console import Console
from ..words import locks_out


@dataclass(frozen=True, slots=True)
class Verb:
    """One action.

    :param word: as URLs and forms have it.
    :param consequence: what will happen, in a sentence about those it is done to.
    :param takes: fields of the confirmation beside the reason, such as ``days``, ``now`` or ``until``.
    :param is_of_page: whether a user's page has its button where the thing itself is shown.
    :param is_loud: whether the users are told whatever the form says.
    """

    word: str
    label: str
    consequence: str
    right: Right
    takes: frozenset[str] = frozenset()
    is_loud: bool = False
    is_danger: bool = False
    tells: bool = True
    is_of_page: bool = False


VERBS = {
    verb.word: verb
    for verb in (
        Verb(
            "require", marked("Require MFA"),
            marked("They are asked to set up an authenticator app at each sign-in, and locked out after the deadline."),
            Right.RULE, frozenset({"days", "now", "renew"}),
        ),
        Verb(
            "extend", marked("Extend the deadline"),
            marked("The deadline moves. Keys and factors stay as they are. Locked-out users can sign in again."),
            Right.RESCUE, frozenset({"days", "until"}),
        ),
        Verb(
            "remind", marked("Send a reminder"),
            marked("Everyone in an enrollment period gets an email with the deadline. Nothing else changes."),
            Right.RESCUE,
        ),
        Verb(
            "unlock", marked("Clear failed attempts"),
            marked("Failed attempts no longer count: a code can be tried right away. Lapsed users stay locked out."),
            Right.RESCUE, tells=False,
        ),
        Verb(
            "revoke-sessions", marked("Sign out everywhere"),
            marked("They are signed out in every browser and have to sign in again. Factors stay as they are."),
            Right.RESCUE, tells=False,
        ),
        Verb(
            "revoke-factor", marked("Revoke a factor"),
            marked(
                "The factor stops working at once, and they are signed out everywhere. "
                "Users who need MFA and have no other factor set one up at the next sign-in."
            ),
            Right.RESCUE, frozenset({"factor"}), is_loud=True, is_danger=True, is_of_page=True,
        ),
        Verb(
            "revoke-pass", marked("Revoke access passes"),
            marked("The pass stops working at once, and sessions that it opened end."),
            Right.RESCUE, tells=False, is_of_page=True,
        ),
        Verb(
            "restart-grace", marked("Restart days of grace"),
            marked("The policy's days of grace start over now for everyone whose days have already started."),
            Right.RULE, frozenset({"policy"}), tells=False, is_of_page=True,
        ),
        Verb(
            "reset", marked("Reset MFA"),
            marked(
                "Their authenticator app, recovery codes, access passes and sessions stop working at once. "
                "Users who need MFA have to set it up again."
            ),
            Right.RESCUE, frozenset({"days"}), is_loud=True, is_danger=True,
        ),
        Verb(
            "remove", marked("Remove the requirement"),
            marked("They are no longer asked to set up MFA. Users who have a factor are still asked for it."),
            Right.RULE, is_danger=True,
        ),
    )
}  # fmt: skip

# Where a period that lapses locks nobody out.
_WHERE_FORCED = {
    "require": marked(
        "They are asked to set up an authenticator app at each sign-in, and can't postpone it after the deadline."
    ),
    "extend": marked(
        "The deadline moves. Keys and factors stay as they are. Users who had to set up MFA can postpone it again."
    ),
    "unlock": marked("Failed attempts no longer count: a code can be tried right away."),
}


def consequence_of(verb: Verb) -> str:
    """What will happen in this app, in a sentence."""
    told = verb.consequence if locks_out() else _WHERE_FORCED.get(verb.word, verb.consequence)
    return gettext(told)


def verbs_for(console: Console, *, key: str | None = None, role: Role | None = None) -> Sequence[tuple[str, str]]:
    """The actions that this reader may take, as pairs of word and label.

    :param key: of the one user they are about; None for a list.
    :param role: of that user.
    """
    return [
        (verb.word, gettext(verb.label))
        for verb in VERBS.values()
        if not (key and verb.is_of_page) and refusal(console.actor, verb.right, subject=key or "", role=role) is None
    ]
