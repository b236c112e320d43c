"""The services behind the commands, where the app is a provider."""

from __future__ import annotations

from ...errors import NotFound
from ...web.state import OidcServices, current_state


def provider() -> OidcServices:
    """The services of the OpenID provider.

    :raises NotFound: where the app is none.
    """
    found = current_state().oidc
    if found is None:
        raise NotFound("This app is not an OpenID provider. Set MFA_GATE_OIDC = True.")
    return found
