"""Codes and tokens: given out, traded, found, revoked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ...clock import Clock
from ...crypto import new_id, new_token, token_digest
from ...domain.oidc.grant import Asked, Authorization, Grant, OidcLifetimes, Token, TokenKind
from ...domain.records.event_name import EventName
from ...domain.sign_in.session import IDLE_MARK_INTERVAL
from ...store import Store
from ...store.oidc.grants import GrantState
from ..unit_of_work import TransactionRunner, UnitOfWork


@dataclass(frozen=True, slots=True)
class NewTokens:
    """What a client is about to get.

    :param scope: of the access token; a refresh token always keeps that of the grant.
    """

    access: str = field(repr=False)
    scope: str
    refresh: str | None = field(default=None, repr=False)


class ConsentWithdrawn(Exception):
    """The user took back what they had agreed to, while the code was made."""


class GrantService:
    """Everything that is granted to clients, whose tokens nobody can read from the database."""

    def __init__(
        self, store: Store, worker: TransactionRunner, *, clock: Clock, lifetimes: OidcLifetimes
    ) -> None:  # fmt: skip
        self._store, self._worker, self._clock, self.lifetimes = store, worker, clock, lifetimes

    def begin(self, asked: Asked, by: Authorization, *, code: str) -> None:
        """Keep a new grant, whose code was just made.

        :raises ConsentWithdrawn: where the user agrees to it no more.
        """
        now, client = self._clock(), asked.client
        grant = Grant(
            id=new_id(), client_id=client.client_id, user_key=by.user_key, lineage=by.lineage, scope=asked.scope,
            nonce=asked.nonce, redirect_uri=asked.redirect_uri, acr=by.acr, amr=by.assurance.amr,
            assurance=by.assurance, facts=by.facts, code_digest=token_digest(code),
            code_challenge=asked.code_challenge, code_ends_at=now + self.lifetimes.code, is_offline=asked.is_offline,
            revocations=by.revocations, stamp=by.stamp, created_at=now,
            ends_at=now + self.lifetimes.offline if asked.is_offline else by.ends_at,
        )  # fmt: skip
        notify_at = by.ends_at if client.backchannel_logout_uri is not None else None
        grants = self._store.oidc.grants

        def act(work: UnitOfWork) -> bool:
            if client.needs_consent(asked.scope.split()):
                return grants.try_add_agreed(work.tx, grant, notify_at=notify_at)
            grants.add(work.tx, grant, notify_at=notify_at)
            return True

        if not self._worker.run(act):
            raise ConsentWithdrawn

    def by_code(self, code: str, client_id: str) -> GrantState | None:
        """The grant of a code of this client; None where the code is none, is over, or was used."""
        now = self._clock()
        with self._store.database.read() as tx:
            found = self._store.oidc.grants.by_code(tx, token_digest(code), now=now)
        # SECURITY: the client comes first: what another one sends neither uses a code up nor revokes anything.
        if found is None or found.grant.client_id != client_id:
            return None
        if found.grant.code_used_at is not None:
            self.revoke_reused(found.grant)
            return None
        return found if now < found.grant.code_ends_at else None

    def by_refresh(self, token: str, client_id: str) -> GrantState | None:
        """The grant of a refresh token of this client; None where it is none, is over, or was used."""
        found = self.by_token(token)
        if found is None or found.token is None or found.token.kind is not TokenKind.REFRESH:
            return None
        if found.grant.client_id != client_id:
            return None
        if found.token.used_at is not None:
            self.revoke_reused(found.grant)
            return None
        return found if self._clock() < found.token.ends_at else None

    def by_token(self, token: str) -> GrantState | None:
        """Any token with its grant, whatever has become of either."""
        with self._store.database.read() as tx:
            return self._store.oidc.grants.by_token(tx, token_digest(token), now=self._clock())

    def try_trade(self, state: GrantState, tokens: NewTokens) -> bool:
        """Give the tokens out for the code, or for the refresh token, of this state, which is used up with it.

        False where another request was first: then the whole family is revoked, since one of the two was stolen.
        """

        def act(work: UnitOfWork) -> bool:
            now, grants = work.clock(), self._store.oidc.grants
            if state.token is None:
                is_first = grants.try_use_code(work.tx, state.grant.id, now=now)
            else:
                is_first = grants.try_use_refresh(work.tx, state.token, now=now)
            if is_first:
                grants.add_tokens(work.tx, self._rows(state.grant, tokens, now))
                self._mark_seen(work, state)
            return is_first

        # One transaction, so that a code is never used up without its tokens.
        if self._worker.run(act):
            return True
        # SECURITY: a transaction of its own that commits, whatever the answer is.
        self.revoke_reused(state.grant)
        return False

    def revoke(self, grant: Grant) -> None:
        """End a family, as the client itself asks for it."""
        self._worker.run(lambda work: self._store.oidc.grants.revoke(work.tx, grant.id, now=work.clock()))

    def end_token(self, token: str) -> None:
        """End one token."""
        digest = token_digest(token)
        self._worker.run(lambda work: self._store.oidc.grants.end_token(work.tx, digest, now=work.clock()))

    def revoke_reused(self, grant: Grant) -> None:
        """Something that counts once came a second time: who has the rest can't be told, so nobody has anything."""

        def act(work: UnitOfWork) -> None:
            if self._store.oidc.grants.revoke(work.tx, grant.id, now=work.clock()):
                work.record(
                    EventName.TOKEN_REUSED, subject=grant.user_key, actor="system", client=grant.client_id
                )  # fmt: skip

        self._worker.run(act)

    def _rows(self, grant: Grant, tokens: NewTokens, now: datetime) -> Sequence[Token]:
        access = Token(
            digest=token_digest(tokens.access), grant_id=grant.id, kind=TokenKind.ACCESS, scope=tokens.scope,
            created_at=now, ends_at=min(now + self.lifetimes.access, grant.ends_at),
        )  # fmt: skip
        if tokens.refresh is None:
            return [access]
        refresh = Token(
            digest=token_digest(tokens.refresh), grant_id=grant.id, kind=TokenKind.REFRESH, scope=grant.scope,
            created_at=now, ends_at=min(now + self.lifetimes.refresh, grant.ends_at),
        )  # fmt: skip
        return [access, refresh]

    def _mark_seen(self, work: UnitOfWork, state: GrantState) -> None:
        """Who works in a connected app is no less there than who works in this one."""
        session, now = state.session, work.clock()
        if state.token is not None and session is not None and now - session.seen_at >= IDLE_MARK_INTERVAL:
            self._store.sessions.touch(work.tx, session.id_digest, now=now)


def new_code() -> str:
    """256 random bits, url-safe, as are all tokens."""
    return new_token()
