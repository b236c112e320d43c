"""The clients of one app, made when they are first needed: Authlib is slow to load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...clock import Clock
from ...domain.oidc.upstream_provider import UpstreamProvider

if TYPE_CHECKING:
    from .client import TryUse, UpstreamClient


class UpstreamClients:
    """Every provider that signs users in here, by name.

    :param base: address of the pages that users come back to, which end in the name.
    """

    def __init__(
        self, providers: Mapping[str, UpstreamProvider], *, base: str, clock: Clock, try_use: TryUse
    ) -> None:  # fmt: skip
        self.providers, self._base, self._clock, self._try_use = providers, base, clock, try_use
        self._made: dict[str, UpstreamClient] = {}

    def find(self, name: str) -> UpstreamClient | None:
        """The client of this provider."""
        if name not in self.providers:
            return None
        if name not in self._made:
            from .client import UpstreamClient  # noqa: PLC0415 - Authlib is slow to load

            redirect_uri = f"{self._base}/{name}/callback"
            self._made[name] = UpstreamClient(
                self.providers[name], redirect_uri=redirect_uri, clock=self._clock, try_use=self._try_use
            )
        return self._made[name]

    def of_issuer(self, issuer: str | None) -> UpstreamProvider | None:
        """The provider that is configured with this issuer."""
        return next((one for one in self.providers.values() if one.issuer == issuer), None)
