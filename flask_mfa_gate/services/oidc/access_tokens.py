"""Access tokens at the resources that they open: userinfo, and views of the app that take them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...clock import Clock
from ...domain.oidc.client import OidcClient
from ...domain.oidc.grant import Grant, TokenKind
from ...store.oidc.grants import GrantState
from .clients import ClientService
from .grants import GrantService
from .permission import GrantPermission, Use
from .subjects import Subject

_LONGEST = 512


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a request with an access token may do, and for whom.

    :param scopes: those of the token that its client still has.
    """

    grant: Grant
    subject: Subject = field(repr=False)
    client: OidcClient
    scopes: frozenset[str]


class AccessTokenReader:
    """Judges access tokens, each time that one is used."""

    def __init__(
        self, grants: GrantService, clients: ClientService, permission: GrantPermission, *, clock: Clock
    ) -> None:
        self._grants, self._clients, self._permission, self._clock = grants, clients, permission, clock

    def find(self, sent: str) -> GrantState | None:
        """Any token that was given out here, with its grant, whatever has become of them; None for all others."""
        return self._grants.by_token(sent) if len(sent) <= _LONGEST else None

    def read(self, state: GrantState) -> AccessToken | None:
        """What it opens now; None where it is over, or its sign-in, account or client is.

        :raises HostCallbackFailed: where the host fails to tell of the user.
        """
        token = state.token
        # SECURITY: a refresh token opens nothing but the token endpoint (RFC 6749 section 1.5).
        if token is None or token.kind is not TokenKind.ACCESS or self._clock() >= token.ends_at:
            return None
        subject = self._permission.subject(state, Use.ACCESS)
        registered = self._clients.find(state.grant.client_id)
        if subject is None or registered is None:
            return None
        # SECURITY: what an admin takes from a client counts at once, and not when its tokens end.
        scopes = frozenset(registered.client.scope_of(token.scope))
        return AccessToken(state.grant, subject, registered.client, scopes)
