"""What the pages of clients share."""

from __future__ import annotations

from ....errors import NotFound
from ....services.oidc.client_overview import ClientOverview
from ...state import OidcServices
from ...translation import gettext
from ..console import Console


def provider(console: Console) -> OidcServices:
    """The services of the OpenID provider.

    :raises NotFound: where the app is none.
    """
    found = console.state.oidc
    if found is None:
        raise NotFound(gettext("This app is not an OpenID provider. MFA_GATE_OIDC turns it on."))
    return found


def overview_of(console: Console, client_id: str) -> ClientOverview:
    """One client.

    :raises NotFound: where there is no such client.
    """
    return provider(console).overview.get(client_id)
