"""Sessions that are ended from outside: by a reset, an admin, another session of the user, or a changed password.

Two things are kept. The row stays, so that its own cookie is known for what it is. And each time is counted at the
user, because most cookies of a host can't be told apart: from then on one that no living row stands behind counts as
revoked. Tokens that the ended sessions registered go with them. The caller holds the users' rows locked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ...domain.people.person import NOWHERE, Origin
from ...domain.people.roles import Actor
from ...domain.records.event_name import EventName
from ...domain.sign_in.impersonation import Impersonation, ImpersonationEnd
from ...domain.sign_in.session import Ending, GateSession
from ...errors import Conflict
from ..unit_of_work import UnitOfWork

_SIGNED_OUT = "You were signed out meanwhile. Sign in again."


def revoke_all(work: UnitOfWork, keys: Collection[str]) -> None:
    """Every session of these users."""
    work.store.sessions.revoke_all(work.tx, keys, now=work.clock())
    # SECURITY: a thief who registered a token in a stolen session must not keep it.
    work.store.api_tokens.drop(work.tx, keys)
    work.store.revocations.count(work.tx, keys)
    _end_impersonations(work, keys)


def is_over(work: UnitOfWork, session: GateSession) -> bool:
    """Whether it was ended since its request began."""
    found = work.store.sessions.load(work.tx, session.id_digest, now=work.clock())
    return found is None or found[0].ended_at is not None


def require_living(work: UnitOfWork, session: GateSession) -> None:
    """Of two sessions that act at once the one that was ended first does nothing more.

    :raises Conflict: ``signed-out``.
    """
    # SECURITY: a request that was open while its session was revoked must not end the owner's, nor make codes.
    if is_over(work, session):
        raise Conflict("signed-out", _SIGNED_OUT)


def require_unrevoked(work: UnitOfWork, user_key: str, revocations: int | None) -> None:
    """What a request found good may have been revoked before it is written down.

    :param revocations: how many there were then; None where that is of no account.
    :raises Conflict: ``signed-out``.
    """
    # SECURITY: a living row beside it would bring the revoked session of the host back.
    if revocations is not None and work.locked[user_key].revocations != revocations:
        raise Conflict("signed-out", _SIGNED_OUT)


def revoke_others(work: UnitOfWork, session: GateSession) -> int:
    """Every session of this user but this one.

    :raises Conflict: ``signed-out``, when this one is over itself.
    """
    require_living(work, session)
    ended = work.store.sessions.revoke_others(work.tx, session.user_key, but=session.lineage, now=work.clock())
    # SECURITY: nor one who did so in another session than this.
    work.store.api_tokens.drop_others(work.tx, session.user_key, but=session.lineage)
    work.store.revocations.count(work.tx, [session.user_key])
    _end_impersonations(work, [session.user_key])
    return ended


def revoke_one(work: UnitOfWork, user_key: str, lineage: str) -> int:
    """One session of this user; 0 when there is no such one. A sign-in that was never in leaves no cookie to refuse."""
    was_in = any(
        one.lineage == lineage and not one.is_waiting for one in work.store.sessions.of_user(work.tx, user_key)
    )
    ended = work.store.sessions.end(
        work.tx, lineage, user_key=user_key, now=work.clock(), ending=Ending.REVOKED
    )  # fmt: skip
    return _counted(work, user_key, ended) if was_in else ended


def revoke_opened(work: UnitOfWork, user_key: str, pass_ids: Collection[str]) -> int:
    """Sessions that were opened with these access passes."""
    ended = work.store.sessions.revoke_opened(work.tx, user_key, pass_ids, now=work.clock())
    return _counted(work, user_key, ended)


def notice_password(
    work: UnitOfWork, user_key: str, stamps: Sequence[str], *, but: str | None = None,
    living: Collection[str] | None = None,
) -> bool:  # fmt: skip
    """End what rests on another password than today's; whether it was changed since it was last seen.

    :param stamps: what stands for the password now, as of :class:`Newcomer`.
    :param but: the lineage that stays, as the one that signed in with it.
    :param living: what stands for the passwords behind the user's sign-ins, or two of several such, where the caller
        has just read it.
    """
    known, newest = work.locked[user_key].stamp, next(iter(stamps), None)
    ended = 0
    # Between two that are today's there may be others that are not.
    if living is None or len(living) > 1 or not set(stamps).issuperset(living):
        ended = work.store.sessions.revoke_stale(work.tx, user_key, stamps, but=but, now=work.clock())
    is_changed = ended > 0 or (known is not None and known not in stamps)
    if is_changed:
        work.store.api_tokens.drop_others(work.tx, user_key, but=but)
        work.store.revocations.count(work.tx, [user_key])
        _end_impersonations(work, [user_key])
    if known != newest:
        work.store.revocations.note_stamp(work.tx, user_key, newest)
    return is_changed


def _counted(work: UnitOfWork, user_key: str, ended: int) -> int:
    if ended:
        # SECURITY: nor in the one that was ended now.
        work.store.api_tokens.drop_of_revoked(work.tx, user_key)
        work.store.revocations.count(work.tx, [user_key])
        _end_impersonations(work, [user_key])
    return ended


def _end_impersonations(work: UnitOfWork, keys: Collection[str]) -> None:
    """Those that the users were in with what was just ended."""
    for begun in work.store.impersonations.in_ended(work.tx, keys):
        try_end_impersonation(work, begun, ImpersonationEnd.REVOKED)


def try_end_impersonation(
    work: UnitOfWork, begun: Impersonation, how: ImpersonationEnd, *, origin: Origin = NOWHERE
) -> bool:
    """End it and put that on record; False when it was over before."""
    is_ended = work.store.impersonations.try_end(work.tx, begun)
    if is_ended:
        record_impersonation(work, EventName.IMPERSONATION_ENDED, begun, origin, how=how.value)
    return is_ended


def record_impersonation(
    work: UnitOfWork, name: EventName, begun: Impersonation, origin: Origin, **details: Any
) -> None:
    """That it began or ended."""
    work.record(
        name, subject=begun.subject_key, actor=Actor.user(begun.user_key).name, origin=origin, reason=begun.reason,
        **details,
    )  # fmt: skip
