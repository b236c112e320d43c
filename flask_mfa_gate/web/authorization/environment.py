"""The facts of a request that policies look at."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from flask import Request, request

from ...domain.assurance import SignIn
from ...domain.policy.facts import Environment
from ...domain.session import GateSession
from ...services.sign_in.risk import Client
from ...services.sign_in.user_agents import device_word, words_of
from ..client import origin_of
from ..state import GateState

log = logging.getLogger("flask_mfa_gate")
_SIGN_INS = {SignIn.PASSWORD: "password", SignIn.REMEMBER_ME: "remember-me"}


def environment(state: GateState, session: GateSession | None, sign_in: SignIn, user: Any) -> Environment:
    """What is known of this request. ``session`` keeps the risk signals that were taken before.

    :param user: the host's user object for its own risk signals; None where it isn't loaded.
    """
    address = origin_of(request).address
    agent = request.user_agent.string
    platform, browser = client_words(request)
    device, device_unknown = _device(state, request)
    return Environment(
        address=address,
        user_agent=agent or None,
        country=state.places.of(address).country,
        platform=platform,
        browser=browser,
        device=device,
        device_unknown=device_unknown,
        sign_in=_SIGN_INS.get(sign_in),
        method=request.method,
        endpoint=request.endpoint,
        risk=_risk(state, session, user),
        at=state.clock(),
    )


def client_of_request() -> Client:
    """From where and with what this request comes."""
    platform, browser = client_words(request)
    return Client(origin_of(request).address, device_word(platform, browser))


def client_words(request: Request) -> tuple[str | None, str | None]:
    """Platform and browser in the words of the policies, by client hint, else by user agent; None if unreadable."""
    return words_of(request.user_agent.string, hint=request.headers.get("Sec-CH-UA-Platform", ""))


def _device(state: GateState, request: Request) -> tuple[frozenset[str] | None, frozenset[str]]:
    """The words that hold, None unless one can be told; and the words of which it can't be told."""
    found = {"certificate": _has_certificate(request), "managed": _is_managed(state)}
    unknown = frozenset(word for word, holds in found.items() if holds is None)
    return None if len(unknown) == len(found) else frozenset(word for word in found if found[word]), unknown


def _has_certificate(request: Request) -> bool | None:
    """What the server in front verified (mod_ssl, nginx); read from the WSGI environment, never from a header."""
    verified = request.environ.get("SSL_CLIENT_VERIFY")
    return None if verified is None else verified == "SUCCESS"


def _is_managed(state: GateState) -> bool | None:
    if state.traits.is_managed is None:
        return None
    try:
        return _yes_or_no(state.traits.is_managed(request))
    except Exception as error:  # noqa: BLE001 - a condition that raises is unknown
        log.warning("the is_managed callback failed: %s", type(error).__name__)
        return None


def _risk(state: GateState, session: GateSession | None, user: Any) -> Mapping[str, bool] | None:
    """Signals that were taken for this address and client, and those of the host."""
    kept = (session.risk if session is not None else None) or {}
    signals = kept.get("signals", {}) if client_of_request().is_as_in(kept) else {}
    # The gate's own pages don't load the user, so what the host said last still stands there.
    told = host_risk(state, user) if user is not None else kept.get("host", {})
    return {**signals, **told} or None


def host_risk(state: GateState, user: Any) -> Mapping[str, bool]:
    """What the host's own signals are; empty where it has none, or they fail."""
    if state.traits.risk_signals is None:
        return {}
    try:
        told = state.traits.risk_signals(user, request).items()
        answers = {str(name).lower(): _yes_or_no(raised) for name, raised in told}
    except Exception as error:  # noqa: BLE001 - a condition that raises is unknown
        log.warning("the risk_signals callback failed: %s", type(error).__name__)
        return {}
    return {name: raised for name, raised in answers.items() if raised is not None}


def _yes_or_no(answer: object) -> bool | None:
    """What a callback of the host says; None for an answer that is neither."""
    # SECURITY: what can't be told must not pass for "not raised", nor a coroutine or a text for "managed".
    return bool(answer) if answer in (True, False) else None
