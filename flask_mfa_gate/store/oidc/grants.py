"""Grants and their tokens. What may happen once is one conditional UPDATE, whose count decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Select,
    Update,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    select,
    update,
)

from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.oidc.grant import Grant, Token, TokenKind
from ...domain.sign_in.session import GateSession
from ..enrollment.states import read_standing, standing_columns
from ..sign_in.session_rows import read_assurance, write_assurance
from ..sign_in.sessions import Sessions
from ..tables.tables import Tables
from ..tables.types import UTCDateTime

_WANTED, _NOW, _NEW = "wanted", "moment", "new_"


@dataclass(frozen=True, slots=True)
class GrantState:
    """A grant with what has become of its user and sign-in.

    :param session: the sign-in as it is now; None where its row is gone.
    :param token: the one that was asked for.
    """

    grant: Grant
    enrollment: EnrollmentState
    session: GateSession | None
    token: Token | None = field(default=None, repr=False)


class OidcGrants:
    """Rows of the grant and token tables."""

    def __init__(self, tables: Tables, sessions: Sessions) -> None:
        self._grant, self._token, self._sessions = tables.oidc_grant, tables.oidc_token, sessions
        self._of_code = _with_state(tables).where(self._grant.c.code_digest == bindparam(_WANTED))
        self._of_token = _with_state(tables, with_token=True).where(self._token.c.digest == bindparam(_WANTED))
        self._using_code, self._using_refresh = _using_code(tables), _using_refresh(tables)
        self._adding_agreed = _adding_agreed(tables)
        self._grant_columns, self._token_columns = len(self._grant.c), len(self._token.c)
        self._session_names = tables.session.c.keys()

    def by_code(self, tx: Connection, digest: str, *, now: datetime) -> GrantState | None:
        """The grant of a code, in one SELECT."""
        row = tx.execute(self._of_code, {_WANTED: digest}).first()
        return None if row is None else self._read(row, has_token=False, now=now)

    def by_token(self, tx: Connection, digest: str, *, now: datetime) -> GrantState | None:
        """A token with its grant, likewise."""
        row = tx.execute(self._of_token, {_WANTED: digest}).first()
        return None if row is None else self._read(row, has_token=True, now=now)

    def add(self, tx: Connection, grant: Grant, *, notify_at: datetime | None) -> None:
        """A new grant, whose code waits to be traded."""
        tx.execute(insert(self._grant).values(_write(grant, notify_at=notify_at)))

    def try_add_agreed(self, tx: Connection, grant: Grant, *, notify_at: datetime | None) -> bool:
        """The same, where its user agrees to the client; False where they have taken that back."""
        new = {f"{_NEW}{name}": value for name, value in _write(grant, notify_at=notify_at).items()}
        return tx.execute(self._adding_agreed, new).rowcount == 1

    def try_use_code(self, tx: Connection, grant_id: str, *, now: datetime) -> bool:
        """Use the code up; False when it was used, or the grant is over."""
        return tx.execute(self._using_code, {_WANTED: grant_id, _NOW: now}).rowcount == 1

    def try_use_refresh(self, tx: Connection, token: Token, *, now: datetime) -> bool:
        """Use a refresh token up; False when it was used, or the grant is over."""
        return tx.execute(self._using_refresh, {_WANTED: token.digest, _NOW: now}).rowcount == 1

    def add_tokens(self, tx: Connection, tokens: Sequence[Token]) -> None:
        """What the client gets."""
        tx.execute(insert(self._token), [{**_token_row(token)} for token in tokens])

    def end_token(self, tx: Connection, digest: str, *, now: datetime) -> None:
        """This one token counts no more."""
        tx.execute(update(self._token).where(self._token.c.digest == digest).values(ends_at=now))

    def revoke(self, tx: Connection, grant_id: str, *, now: datetime) -> bool:
        """The whole family; False when it was before."""
        return self._revoke(tx, self._grant.c.id == grant_id, now=now) == 1

    def revoke_of(
        self, tx: Connection, *, user_key: str | None = None, client_id: str | None = None, now: datetime
    ) -> int:
        """Every family of this user, of this client, or of both together."""
        row, those = self._grant.c, []
        those += [row.user_key == user_key] if user_key is not None else []
        those += [row.client_id == client_id] if client_id is not None else []
        assert those  # noqa: S101 - nobody means everybody
        return self._revoke(tx, *those, now=now)

    def _revoke(self, tx: Connection, *those: ColumnElement[bool], now: datetime) -> int:
        living = update(self._grant).where(*those, self._grant.c.revoked_at.is_(None))
        return tx.execute(living.values(revoked_at=now)).rowcount

    def of_user(self, tx: Connection, user_key: str, *, now: datetime) -> Sequence[Grant]:
        """The families of this user that are not over, newest first."""
        row = self._grant.c
        living = (row.user_key == user_key, row.revoked_at.is_(None), row.ends_at > now)
        found = tx.execute(select(self._grant).where(*living).order_by(row.created_at.desc()))
        return [_read(dict(one._mapping)) for one in found]

    def sweep(self, tx: Connection, *, now: datetime) -> int:
        """Delete what is over: tokens with their time, grants whose clients know of the end."""
        token, grant = self._token.c, self._grant.c
        swept = tx.execute(delete(self._token).where(token.ends_at < now)).rowcount
        over = (grant.ends_at < now, grant.notify_at.is_(None))
        return swept + tx.execute(delete(self._grant).where(*over)).rowcount

    def _read(self, row: Any, *, has_token: bool, now: datetime) -> GrantState:
        behind = self._grant_columns + (self._token_columns if has_token else 0)
        grant = _read(dict(zip(self._grant.c.keys(), row, strict=False)))
        token = dict(zip(self._token.c.keys(), row[self._grant_columns : behind], strict=True)) if has_token else None
        own = dict(zip(self._session_names, row[behind:], strict=False))
        session = None if own["id_digest"] is None else self._sessions.read(own)
        enrollment = read_standing(row, user_key=grant.user_key, now=now)
        return GrantState(
            grant, enrollment, session, Token(**{**token, "kind": TokenKind(token["kind"])}) if token else None
        )


def _adding_agreed(tables: Tables) -> Insert:
    new = {column.name: bindparam(f"{_NEW}{column.name}", type_=column.type) for column in tables.oidc_grant.c}
    consent = tables.oidc_consent.c
    # SECURITY: locked until the grant is there, or one who withdraws it right now would not find the grant.
    agreed = (
        select(*(value.label(name) for name, value in new.items()))
        .where(consent.user_key == new["user_key"], consent.client_id == new["client_id"])
        .with_for_update()
    )
    adding = insert(tables.oidc_grant).from_select(list(new), agreed, include_defaults=False)
    return adding.execution_options(preserve_rowcount=True)


def _using_code(tables: Tables) -> Update:
    row, now = tables.oidc_grant.c, bindparam(_NOW, type_=UTCDateTime())
    # SECURITY: of many requests with one code exactly one finds it unused, whatever they have read before.
    unused = (
        row.id == bindparam(_WANTED),
        row.code_used_at.is_(None),
        row.revoked_at.is_(None),
        row.code_ends_at > now,
    )
    return update(tables.oidc_grant).where(*unused).values(code_used_at=now)


def _using_refresh(tables: Tables) -> Update:
    row, grant, now = tables.oidc_token.c, tables.oidc_grant.c, bindparam(_NOW, type_=UTCDateTime())
    # A revocation that comes at the same moment kills the new tokens too, since each use of one asks the grant.
    alive = exists().where(grant.id == row.grant_id, grant.revoked_at.is_(None), grant.ends_at > now)
    # SECURITY: of many requests with one refresh token exactly one finds it unused.
    unused = (row.digest == bindparam(_WANTED), row.used_at.is_(None), row.ends_at > now)
    return update(tables.oidc_token).where(*unused, alive).values(used_at=now)


@cache
def _with_state(tables: Tables, *, with_token: bool = False) -> Select[Any]:
    """The columns of grant, token and sign-in, then those of the standing. Building it takes longer than running it."""
    grant, token, session, enrollment = tables.oidc_grant, tables.oidc_token, tables.session, tables.enrollment
    # The id of a session rotates; what counts is the newest of the lineage.
    current = and_(session.c.lineage == grant.c.lineage, session.c.superseded_at.is_(None))
    joined: Any = grant.join(token, token.c.grant_id == grant.c.id) if with_token else grant
    joined = joined.outerjoin(session, current).outerjoin(enrollment, enrollment.c.user_key == grant.c.user_key)
    own = [column.label(f"grant_{column.name}") for column in grant.c]
    own += [column.label(f"token_{column.name}") for column in token.c] if with_token else []
    own += [column.label(f"session_{column.name}") for column in session.c]
    return select(*own, *standing_columns(tables, grant.c.user_key)).select_from(joined)


_PLAIN = (
    "id", "client_id", "user_key", "lineage", "scope", "nonce", "redirect_uri", "acr", "code_digest", "code_challenge",
    "code_ends_at", "code_used_at", "is_offline", "revocations", "stamp", "created_at", "ends_at", "revoked_at",
)  # fmt: skip


def _write(grant: Grant, *, notify_at: datetime | None) -> dict[str, Any]:
    return {
        **{name: getattr(grant, name) for name in _PLAIN},
        "amr": list(grant.amr),
        "facts": dict(grant.facts),
        **write_assurance(grant.assurance),
        "notify_at": notify_at,
        "notify_attempts": 0,
        "notify_claimed_until": None,
    }


def _read(row: dict[str, Any]) -> Grant:
    return Grant(
        amr=tuple(row["amr"]),
        facts=row["facts"],
        assurance=read_assurance(row),
        **{name: row[name] for name in _PLAIN},
    )


def _token_row(token: Token) -> dict[str, Any]:
    return {
        "digest": token.digest, "grant_id": token.grant_id, "kind": token.kind.value, "scope": token.scope,
        "created_at": token.created_at, "ends_at": token.ends_at,
    }  # fmt: skip
