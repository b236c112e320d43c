"""Relying parties, and the secrets that they prove themselves by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, insert, or_, select, update

from ...domain.oidc.client import ClientSecret
from ..tables.tables import Tables

_NOW, _CLIENT, _USER = "at", "wanted", "asking"


@dataclass(frozen=True, slots=True)
class ClientRow:
    """One client as it is kept.

    :param words: its metadata.
    :param consent: the scopes that the user who asks agreed to; empty where there is no such user, or consent.
    """

    client_id: str
    words: Mapping[str, Any]
    is_enabled: bool
    created_at: datetime
    changed_at: datetime
    secrets: Sequence[ClientSecret] = field(default=(), repr=False)
    consent: str = ""


@dataclass(frozen=True, slots=True)
class SecretRow:
    """One secret, as an admin sees it."""

    id: str
    created_at: datetime
    ends_at: datetime | None


class OidcClients:
    """Rows of the client tables."""

    def __init__(self, tables: Tables) -> None:
        self._client, self._secret, self._consent = tables.oidc_client, tables.oidc_client_secret, tables.oidc_consent
        secret = self._secret.c
        living = and_(secret.client_id == self._client.c.client_id, self._lives(bindparam(_NOW)))
        # Built once: it is part of every request for tokens.
        self._loading = (
            select(self._client, secret.id.label("secret_id"), secret.digest)
            .select_from(self._client.outerjoin(self._secret, living))
            .where(self._client.c.client_id == bindparam(_CLIENT))
            .order_by(secret.created_at)
        )
        agreed = and_(
            self._consent.c.client_id == self._client.c.client_id, self._consent.c.user_key == bindparam(_USER)
        )
        self._loading_for = (
            select(self._client, self._consent.c.scope.label("consent"))
            .select_from(self._client.outerjoin(self._consent, agreed))
            .where(self._client.c.client_id == bindparam(_CLIENT))
        )

    def get(self, tx: Connection, client_id: str, *, now: datetime) -> ClientRow | None:
        """A client with its living secrets, in one SELECT."""
        rows = tx.execute(self._loading, {_CLIENT: client_id, _NOW: now}).all()
        if not rows:
            return None
        secrets = [ClientSecret(row.secret_id, row.digest) for row in rows if row.secret_id is not None]
        return _client(rows[0], secrets=secrets)

    def get_for(self, tx: Connection, client_id: str, user_key: str) -> ClientRow | None:
        """A client with what this user agreed to, in one SELECT."""
        row = tx.execute(self._loading_for, {_CLIENT: client_id, _USER: user_key}).first()
        return None if row is None else _client(row, consent=row.consent or "")

    def all(self, tx: Connection) -> Sequence[ClientRow]:
        """Every client, by name."""
        return [_client(row) for row in tx.execute(select(self._client).order_by(self._client.c.client_id))]

    def add(self, tx: Connection, client_id: str, words: Mapping[str, Any], *, now: datetime) -> None:
        """A new one."""
        facts = {"client_id": client_id, "words": dict(words), "is_enabled": True}
        tx.execute(insert(self._client).values(**facts, created_at=now, changed_at=now))

    def change(self, tx: Connection, client_id: str, *, now: datetime, **columns: Any) -> bool:
        """Other metadata, or enabled or disabled; False where there is no such client."""
        mine = update(self._client).where(self._client.c.client_id == client_id)
        return tx.execute(mine.values(changed_at=now, **columns)).rowcount == 1

    def remove(self, tx: Connection, client_id: str) -> bool:
        """It is gone, with its secrets and with what users agreed to."""
        for table in (self._secret, self._consent):
            tx.execute(delete(table).where(table.c.client_id == client_id))
        return tx.execute(delete(self._client).where(self._client.c.client_id == client_id)).rowcount == 1

    def add_secret(self, tx: Connection, client_id: str, secret: ClientSecret, *, now: datetime) -> None:
        """One more."""
        facts = {"id": secret.id, "client_id": client_id, "digest": secret.digest, "created_at": now}
        tx.execute(insert(self._secret).values(facts))

    def secrets(self, tx: Connection, client_id: str, *, now: datetime) -> Sequence[SecretRow]:
        """Those that live, oldest first."""
        row = self._secret.c
        living = select(row.id, row.created_at, row.ends_at).where(row.client_id == client_id, self._lives(now))
        return [SecretRow(*found) for found in tx.execute(living.order_by(row.created_at, row.id))]

    def end_secrets(self, tx: Connection, client_id: str, *, but: str, at: datetime, now: datetime) -> int:
        """Let every other living secret end then."""
        row = self._secret.c
        others = (
            row.client_id == client_id,
            row.id != but,
            self._lives(now),
            or_(row.ends_at.is_(None), row.ends_at > at),
        )
        return tx.execute(update(self._secret).where(*others).values(ends_at=at)).rowcount

    def revoke_secret(self, tx: Connection, client_id: str, secret_id: str, *, now: datetime) -> bool:
        """It counts no more."""
        row = self._secret.c
        mine = (row.client_id == client_id, row.id == secret_id, row.revoked_at.is_(None))
        return tx.execute(update(self._secret).where(*mine).values(revoked_at=now)).rowcount == 1

    def _lives(self, now: Any) -> ColumnElement[bool]:
        row = self._secret.c
        return and_(row.revoked_at.is_(None), or_(row.ends_at.is_(None), row.ends_at > now))


def _client(row: Any, *, secrets: Sequence[ClientSecret] = (), consent: str = "") -> ClientRow:
    return ClientRow(row.client_id, row.words, row.is_enabled, row.created_at, row.changed_at, secrets, consent)
