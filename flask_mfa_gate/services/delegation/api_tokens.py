"""``gate.api_tokens``: tokens of the host that a proven session registered, and the ways to end that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ...crypto import new_id, token_digest
from ...domain.people.person import Origin
from ...domain.people.roles import Actor, ActorLike, Right
from ...domain.records.event_name import EventName
from ...domain.sign_in.api_token import MOST_TOKENS, ApiToken, may_register
from ...domain.sign_in.session import GateSession
from ...errors import BadRequest, Conflict, NotProved
from ...sentences import Sentence
from ..actions.actions import ActionRunner
from ..sign_in.endings import require_living
from ..text_validation import check_words
from ..unit_of_work import ActedBy, TransactionRunner, UnitOfWork

LONGEST_TOKEN, LONGEST_NAME = 8192, 64
_TOKEN = re.compile(r"[\x21-\x7e]+")
_UNPROVED = "Verify with a second factor first: only a session that has proved one can register API tokens."
_TAKEN = "This token is registered for another user."


class ApiTokenService:
    """Registers tokens, finds them, and ends what they stand for. The host alone knows whether a token is good."""

    def __init__(self, worker: TransactionRunner, runner: ActionRunner) -> None:
        self._store, self._worker, self._runner, self._clock = worker.store, worker, runner, worker.clock

    def mark(
        self, session: GateSession, token: str, *, name: str, ends_at: datetime | None, origin: Origin
    ) -> ApiToken:  # fmt: skip
        """Register a token of the user of this session, which stands for what the session has proved.

        Of more than 100 of one user those go that have not been used for the longest.

        :raises NotProved: for a session that has proved no factor.
        :raises BadRequest: for what can be no token.
        :raises Conflict: ``token-taken``, where it is registered for somebody else; ``signed-out``.
        """
        _check(token, name, ends_at)
        now = self._clock()
        # SECURITY: a token from a session that proved only a password would stand for more than was proved.
        if not may_register(session.assurance, now=now):
            raise NotProved(_UNPROVED)
        made = ApiToken(
            id=new_id(), digest=token_digest(token), user_key=session.user_key, lineage=session.lineage, name=name,
            proofs=session.assurance.proofs, created_at=now, stamp=session.stamp, ends_at=ends_at,
        )  # fmt: skip

        def act(work: UnitOfWork) -> ApiToken:
            work.lock_users(session.user_key)
            require_living(work, session)
            # SECURITY: nobody takes over what stands for another user.
            if any(one.user_key != made.user_key for one in self._store.api_tokens.find(work.tx, [made.digest])):
                raise Conflict("token-taken", _TAKEN)
            self._store.api_tokens.put(work.tx, made)
            self._store.api_tokens.trim(work.tx, made.user_key, most=MOST_TOKENS)
            actor = Actor.user(made.user_key).name
            work.record(
                EventName.API_TOKEN_MARKED, subject=made.user_key, actor=actor, origin=origin, token=made.id, label=name
            )
            return made

        return self._worker.run(act)

    def among(self, sent: Mapping[str, str]) -> list[tuple[str, ApiToken]]:
        """Those of these that are registered, each with its header, in one SELECT."""
        if not sent:
            return []
        headers = {token_digest(token): header for header, token in sent.items()}
        with self._store.database.read() as tx:
            found = self._store.api_tokens.find(tx, headers)
        return [(headers[one.digest], one) for one in found]

    def bound(self, token: ApiToken, stamps: Sequence[str]) -> ApiToken:
        """The token, as it stands beside the password of its user.

        :param stamps: what stands for the password now.
        """
        if token.stamp is not None or not stamps:
            return token

        def act(work: UnitOfWork) -> ApiToken:
            work.lock_users(token.user_key)
            known = work.locked[token.user_key].stamp
            # SECURITY: or no change of the password that no browser sees would ever end it.
            if known is None or known in stamps:
                self._store.api_tokens.restamp(work.tx, token.user_key, stamps[0])
                return replace(token, stamp=stamps[0])
            return replace(token, stamp=known)

        return self._worker.run(act)

    def note_use(self, token: ApiToken) -> None:
        """That it is in use, once a day."""
        now = self._clock()
        if not token.is_use_noted(now=now):
            self._worker.run(lambda work: self._store.api_tokens.note_use(work.tx, token, now=now))

    def of_user(self, user_key: str) -> list[ApiToken]:
        """Those of this user that have not expired, newest first."""
        now = self._clock()
        with self._store.database.read() as tx:
            found = self._store.api_tokens.of_user(tx, user_key)
        return [one for one in found if one.ends_at is None or now < one.ends_at]

    def revoke_own(self, session: GateSession, token_id: str, *, origin: Origin) -> bool:
        """The user of this session ends one of their tokens. False where there is no such one."""

        def act(work: UnitOfWork) -> bool:
            work.lock_users(session.user_key)
            require_living(work, session)
            return self._cut(work, session.user_key, token_id, ActedBy(Actor.user(session.user_key).name, origin))

        return self._worker.run(act)

    def revoke(
        self, user_key: str, token_id: str | None = None, *, actor: ActorLike = Actor.HOST, reason: str | None = None
    ) -> int:
        """End one token of a user, or all of them; how many there were.

        :raises UnknownUser, NotAllowed, BadRequest: see there.
        """
        check_words(actor, reason)
        by = self._runner.actor(actor)
        self._runner.checked(by, Right.RESCUE, user_key)
        wanted = [one.id for one in self.of_user(user_key)] if token_id is None else [token_id]

        def act(work: UnitOfWork) -> int:
            work.lock_users(user_key)
            return sum(self._cut(work, user_key, one, ActedBy(by.name, reason=reason)) for one in wanted)

        return self._worker.run(act)

    def _cut(self, work: UnitOfWork, user_key: str, token_id: str, by: ActedBy) -> bool:
        if not self._store.api_tokens.remove(work.tx, user_key, token_id):
            return False
        work.record(
            EventName.API_TOKEN_REVOKED,
            subject=user_key,
            actor=by.actor,
            origin=by.origin,
            reason=by.reason,
            token=token_id,
        )
        return True


def _check(token: object, name: object, ends_at: object) -> None:
    if not isinstance(token, str) or not _TOKEN.fullmatch(token) or len(token) > LONGEST_TOKEN:
        raise BadRequest("Pass the token as its owner sends it: printable ASCII without spaces or the word Bearer.")
    if not isinstance(name, str) or len(name) > LONGEST_NAME or not (name.isprintable() or not name):
        raise BadRequest(Sentence("Name a token in at most %(longest)s printable characters.", longest=LONGEST_NAME))
    if ends_at is not None and (not isinstance(ends_at, datetime) or ends_at.tzinfo is None):
        raise BadRequest("expires_at is a datetime with a time zone, or None.")
