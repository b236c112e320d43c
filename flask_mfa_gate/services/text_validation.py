"""Text from outside that goes into the store: only what every database keeps as it is."""

from __future__ import annotations

import re

from ..domain.people.roles import Actor, ActorLike
from ..errors import BadRequest, NotAllowed
from ..sentences import Sentence

LONGEST_REASON = 10_000
_SAY_WHO = "Say who acts: Actor.user(KEY), Actor.CLI, Actor.SYSTEM or Actor.HOST."
# PostgreSQL has no NUL in text, and no driver takes half of a surrogate pair.
UNKEPT = re.compile(r"[\x00\ud800-\udfff]")


def check_words(actor: ActorLike, reason: str | None) -> None:
    """Refuse what could not be kept; MariaDB's TEXT ends at 64 KiB.

    :raises BadRequest, NotAllowed: with the sentence that says so; nobody in particular has no right to anything.
    """
    name = actor.name if isinstance(actor, Actor) else actor
    if not isinstance(name, str):
        raise BadRequest(_SAY_WHO)
    if name in {"", "user:"}:
        raise NotAllowed("not-allowed", _SAY_WHO)
    if len(reason or "") > LONGEST_REASON:
        raise BadRequest(
            Sentence("Give a reason of at most %(longest_reason)s characters.", longest_reason=f"{LONGEST_REASON:,}")
        )
    if UNKEPT.search(f"{name} {reason}"):
        raise BadRequest("There is a NUL or half of a surrogate pair in the reason or the actor.")


def kept_text(text: str) -> str:
    """The same text without what no database keeps: a name of the host must not cost anybody the sign-in."""
    return UNKEPT.sub("", text)
