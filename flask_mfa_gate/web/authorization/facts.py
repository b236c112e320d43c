"""The facts of a request that policies look at, each collected once, and only if somebody asks for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flask import Request, request

from ...domain.address import canonical_address
from ...domain.policy.facts import Environment
from ...domain.sign_in.assurance import SignIn
from ...domain.sign_in.upstream import Upstream
from ...services.client.risk import Client
from ...services.client.user_agents import device_word, words_of
from ..sessions.signing_in_user import groups_of
from ..state import GateState

log = logging.getLogger("flask_mfa_gate")
_SIGN_INS = {SignIn.PASSWORD: "password", SignIn.REMEMBER_ME: "remember-me", SignIn.FEDERATED: "federated"}
_WITHOUT_PROVIDER = frozenset({SignIn.PASSWORD, SignIn.REMEMBER_ME})
_SIGN_IN_PAGE = "mfa_gate.challenge"


@dataclass
class RequestFacts:
    """From where and with what the request comes, and what the host says of its users meanwhile.

    :param groups: by user key; asked for before any transaction, which could be the only one to be had.
    :param risks: the host's own signals, by user key.
    """

    state: GateState = field(repr=False)
    groups: dict[str, frozenset[str] | None] = field(default_factory=dict)
    risks: dict[str, Mapping[str, bool]] = field(default_factory=dict)

    def environment(
        self, wanted: frozenset[str], *, sign_in: SignIn, upstream: Upstream | None,
        risk: Mapping[str, bool] | None, is_sign_in: bool,
    ) -> Environment:  # fmt: skip
        """What is known of this request, as far as it is wanted.

        :param upstream: what the provider of a federated sign-in said.
        :param risk: the signals for this user here.
        :param is_sign_in: whether the app as a whole is being opened. A sign-in reads: what the login view is called
            and takes is not what is opened.
        """
        device, device_unknown = self.device if "device" in wanted else (None, frozenset[str]())
        needs_words = "platform" in wanted or "browser" in wanted
        platform, browser = self.client_words if needs_words else (None, None)
        return Environment(
            address=self.client.address if "address" in wanted else None,
            user_agent=(request.user_agent.string or None) if "user_agent" in wanted else None,
            country=self.country if "country" in wanted else None,
            platform=platform,
            browser=browser,
            device=device,
            device_unknown=device_unknown,
            sign_in=_SIGN_INS.get(sign_in),
            provider=upstream.issuer if upstream is not None else None,
            upstream_amr=self._upstream_amr(sign_in, upstream) if "upstream_amr" in wanted else None,
            method="GET" if is_sign_in else request.method,
            endpoint=_SIGN_IN_PAGE if is_sign_in else request.endpoint,
            risk=risk,
            at=self.state.clock(),
        )

    def _upstream_amr(self, sign_in: SignIn, upstream: Upstream | None) -> frozenset[str] | None:
        if sign_in in _WITHOUT_PROVIDER:
            return frozenset()
        return frozenset(upstream.amr) if upstream is not None and self.state.rules.trust.believes(upstream) else None

    @cached_property
    def client_words(self) -> tuple[str | None, str | None]:
        """Platform and browser in the words of the policies, by client hint, else by user agent; None if unreadable."""
        return client_words(request)

    @cached_property
    def client(self) -> Client:
        """From where and with what this request comes."""
        return Client(canonical_address(request.remote_addr), device_word(*self.client_words))

    @cached_property
    def country(self) -> str | None:
        """Where the address is."""
        return self.state.sign_in.places.of(self.client.address).country

    @cached_property
    def device(self) -> tuple[frozenset[str] | None, frozenset[str]]:
        """The words that hold, None unless one can be told; and the words of which it can't be told."""
        found = {"certificate": _has_certificate(request), "managed": _is_managed(self.state)}
        unknown = frozenset(word for word, holds in found.items() if holds is None)
        return None if len(unknown) == len(found) else frozenset(word for word in found if found[word]), unknown

    def groups_of(self, key: str, user: Any) -> frozenset[str] | None:
        """The groups that the host tells of; None where it tells of none."""
        if key not in self.groups:
            self.groups[key] = groups_of(self.state, user, key)
        return self.groups[key]

    def risk(self, key: str, user: Any, kept: Mapping[str, Any] | None) -> Mapping[str, bool] | None:
        """Signals that were taken for this address and client, and those of the host.

        :param user: the host's user object for its own signals; None where it isn't loaded.
        :param kept: what the session keeps of them.
        """
        signals = kept.get("signals", {}) if kept and self.client.is_as_in(kept) else {}
        return {**signals, **self._host_risk(key, user, kept or {})} or None

    def fresh_risk(self, key: str, user: Any, kept: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """The signals of this user from here, as a session keeps them, beside what the host says."""
        client, signals = self.client, dict(self.state.sign_in.risk.signals(key, self.client))
        told = dict(self._host_risk(key, user, kept or {}))
        return {"address": client.address, "device": client.device, "signals": signals, "host": told}

    def _host_risk(self, key: str, user: Any, kept: Mapping[str, Any]) -> Mapping[str, bool]:
        """The gate's own pages don't load the user, so what the host said last still stands there."""
        if user is None:
            told: Mapping[str, bool] = kept.get("host", {})
            return told
        if key not in self.risks:
            self.risks[key] = _host_risk(self.state, user)
        return self.risks[key]


def client_words(request: Request) -> tuple[str | None, str | None]:
    """Platform and browser in the words of the policies, by client hint, else by user agent; None if unreadable."""
    return words_of(request.user_agent.string, hint=request.headers.get("Sec-CH-UA-Platform", ""))


def _has_certificate(request: Request) -> bool | None:
    """What the server in front verified (mod_ssl, nginx); read from the WSGI environment, never from a header."""
    verified = request.environ.get("SSL_CLIENT_VERIFY")
    return None if verified is None else verified == "SUCCESS"


def _is_managed(state: GateState) -> bool | None:
    if state.host.traits.is_managed is None:
        return None
    try:
        return _yes_or_no(state.host.traits.is_managed(request))
    except Exception as error:  # noqa: BLE001 - a condition that raises is unknown
        log.warning("the is_managed callback failed: %s", type(error).__name__)
        return None


def _host_risk(state: GateState, user: Any) -> Mapping[str, bool]:
    """What the host's own signals are; empty where it has none, or they fail."""
    if state.host.traits.risk_signals is None:
        return {}
    try:
        told = state.host.traits.risk_signals(user, request).items()
        answers = {str(name).lower(): _yes_or_no(raised) for name, raised in told}
    except Exception as error:  # noqa: BLE001 - a condition that raises is unknown
        log.warning("the risk_signals callback failed: %s", type(error).__name__)
        return {}
    return {name: raised for name, raised in answers.items() if raised is not None}


def _yes_or_no(answer: object) -> bool | None:
    """What a callback of the host says; None for an answer that is neither."""
    # SECURITY: what can't be told must not pass for "not raised", nor a coroutine or a text for "managed".
    return bool(answer) if answer in (True, False) else None
