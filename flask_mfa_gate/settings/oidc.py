"""Settings of the OpenID provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from ..domain.oidc.grant import OidcLifetimes
from ..domain.oidc.registration import is_loopback
from ..domain.oidc.strength import DEFAULT_ACR, STRONG_ACR
from ..domain.oidc.upstream_provider import UpstreamProvider
from ..errors import ConfigError
from . import checks, oidc_checks
from .setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """Whether other apps sign in here, which ones, and for how long."""

    base_url: str | None = setting(
        None,
        "str or None",
        checks.base_url,
        "Public address of the app, for links in emails, and the issuer of its ID tokens. Never taken from a request.",
    )
    oidc: bool = setting(
        False, "bool", checks.flag, "Let other apps sign in here with OpenID Connect. Needs `MFA_GATE_BASE_URL`."
    )
    oidc_clients: tuple[Mapping[str, Any], ...] = setting(
        (),
        "list of dict",
        oidc_checks.clients,
        "Apps that sign in here, beside those of the console, in the words of RFC 7591 and with their `client_secret`.",
        secret=True,
    )
    oidc_code_lifetime: timedelta = setting(
        timedelta(seconds=60), "timedelta", oidc_checks.code_lifetime, "How long an authorization code lives."
    )
    oidc_access_lifetime: timedelta = setting(
        timedelta(minutes=10), "timedelta", checks.duration(), "How long an access token lives."
    )
    oidc_id_token_lifetime: timedelta = setting(
        timedelta(minutes=10), "timedelta", checks.duration(), "How long an ID token is valid."
    )
    oidc_refresh_lifetime: timedelta = setting(
        timedelta(days=14), "timedelta", checks.duration(), "How long a refresh token lives that nobody uses."
    )
    oidc_offline_lifetime: timedelta = setting(
        timedelta(days=30),
        "timedelta",
        checks.duration(),
        "How long an app keeps offline access at most; all other access ends with the sign-in.",
    )
    acr: Mapping[str, str] = setting(
        MappingProxyType(dict(DEFAULT_ACR)),
        "dict of str to str",
        oidc_checks.acr,
        "What ID tokens call the strengths `1fa`, `mfa` and `phr` (phishing-resistant) in `acr`.",
    )

    upstreams: Mapping[str, UpstreamProvider] = setting(
        MappingProxyType({}),
        "dict of str to dict",
        oidc_checks.upstreams,
        "Providers that sign users in here, by the name in their address: `issuer`, `client_id`, `client_secret`, and "
        "`label`, `scope`, `acr_values`, `max_age`, `token_endpoint_auth_method`. Needs `MFA_GATE_BASE_URL`.",
        secret=True,
    )
    trust_amr: Mapping[str, str] = setting(
        MappingProxyType({}),
        "dict of str to str",
        oidc_checks.trust_amr,
        "What is believed of providers that sign users in here, by issuer: that they proved a second factor when `acr` "
        "or `amr` says so, or always. One that is not named is never believed.",
    )

    def strong_acr(self, issuer: object) -> frozenset[str]:
        """Values of ``acr`` by which this provider says that it proved more than one factor."""
        # SECURITY: what one provider calls so may be one factor to another.
        asked = {value for one in self.upstreams.values() if one.issuer == issuer for value in one.acr_values}
        return STRONG_ACR | asked | {self.acr["mfa"], self.acr["phr"]}

    @property
    def oidc_lifetimes(self) -> OidcLifetimes:
        """How long codes and tokens live."""
        return OidcLifetimes(
            code=self.oidc_code_lifetime, access=self.oidc_access_lifetime, id_token=self.oidc_id_token_lifetime,
            refresh=self.oidc_refresh_lifetime, offline=self.oidc_offline_lifetime,
        )  # fmt: skip

    def require_issuer(self) -> None:
        """A provider has an address, which nobody can listen in on.

        :raises ConfigError: for one without.
        """
        if self.upstreams and self.base_url is None:
            # SECURITY: where users come back to must not be what a request says of its host.
            raise ConfigError("MFA_GATE_BASE_URL", "is missing, which MFA_GATE_UPSTREAMS needs")
        if not self.oidc:
            return
        parts = urlsplit(self.base_url or "")
        # SECURITY: codes and tokens go over this address (RFC 6749 section 3.1).
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            raise ConfigError(
                "MFA_GATE_BASE_URL", "has to be the public https address of the app, since MFA_GATE_OIDC is on",
                given=self.base_url, allowed="an https address; http only for localhost",
            )  # fmt: skip
