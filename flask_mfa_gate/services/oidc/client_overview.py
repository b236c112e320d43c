"""Clients as admins see them: with what can be told of their secrets, and with the number of their users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...domain.oidc.client import OidcClient
from ...domain.oidc.registration import client_words
from ...errors import NotFound
from ...sentences import Sentence
from ...store.oidc.clients import SecretRow
from ..unit_of_work import TransactionRunner
from .clients import ClientService


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOverview:
    """A client with what is known around it.

    :param secrets: those that work, oldest first; what they are nobody can say any more.
    :param users: how many have signed in with it and not signed out since.
    :param changed_at: None for one that is set in the configuration.
    """

    client: OidcClient
    secrets: Sequence[SecretRow] = ()
    users: int = 0
    created_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def version(self) -> str:
        """Tells whether a form is about the client as it is now."""
        return self.changed_at.isoformat() if self.changed_at else ""

    @property
    def secrets_version(self) -> str:
        """The same for its secrets: a form that was sent twice makes one."""
        return " ".join(one.id for one in self.secrets)


class ClientOverviewReader:
    """Reads them."""

    def __init__(self, worker: TransactionRunner, clients: ClientService) -> None:
        self._store, self._clock, self._clients = worker.store, worker.clock, clients

    def all(self) -> Sequence[ClientOverview]:
        """Every client by name, also those that are disabled."""
        now, known = self._clock(), self._clients.list()
        with self._store.database.read() as tx:
            users = self._store.oidc.overviews.users(tx, now=now)
            secrets = self._store.oidc.overviews.secrets(tx, now=now)
            rows = {row.client_id: row for row in self._store.oidc.clients.all(tx)}
        found = []
        for client in known:
            row = None if client.is_configured else rows.get(client.client_id)
            found.append(
                ClientOverview(
                    client=client, secrets=() if row is None else secrets.get(client.client_id, ()),
                    users=users.get(client.client_id, 0), created_at=row.created_at if row else None,
                    changed_at=row.changed_at if row else None,
                )
            )  # fmt: skip
        return found

    def get(self, client_id: str) -> ClientOverview:
        """One of them.

        :raises NotFound: where there is no such client.
        """
        found = next((one for one in self.all() if one.client.client_id == client_id), None)
        if found is None:
            raise NotFound(Sentence("There is no client %(client)r.", client=client_id))
        return found


def overview_json(found: ClientOverview) -> dict[str, Any]:
    """The metadata in the words of RFC 7591, and what is known around it. Nothing in it is a secret."""
    return {
        **client_words(found.client),
        "is_enabled": found.client.is_enabled,
        "source": "configuration" if found.client.is_configured else "database",
        "users": found.users,
        "secrets": [
            {
                "id": one.id,
                "created_at": one.created_at.isoformat(),
                "ends_at": one.ends_at.isoformat() if one.ends_at else None,
            }
            for one in found.secrets
        ],
        "version": found.version,
    }
