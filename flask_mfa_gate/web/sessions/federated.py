"""What another provider said of a user, noted for the sign-in that the app makes in the same request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...domain.oidc.upstream_claims import read_upstream
from ...domain.sign_in.upstream import FederatedSignIn
from ...services.people.user_objects import key_of
from ..request_context import current_context
from ..state import GateState


def note_federated_sign_in(user: Any, claims: Mapping[str, Any] | None) -> None:
    """As the claims tell of it. What is noted belongs to this request, and no other can see it."""
    context = current_context()
    if context is not None:
        # A client whose provider sent no ID token has none.
        context.federated = federated_sign_in(context.state, user, claims or {})


def federated_sign_in(state: GateState, user: Any, claims: Mapping[str, Any]) -> FederatedSignIn:
    """What the claims tell of this user."""
    upstream = read_upstream(claims, state.settings.strong_acr(claims.get("iss")), now=state.clock())
    return FederatedSignIn(key_of(user, state.host.user_key), upstream)
