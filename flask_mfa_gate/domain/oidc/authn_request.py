"""What an authentication request asks of the sign-in (OpenID Connect Core 1.0 sections 3.1.2.1 and 5.5)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...errors import BadRequest
from .registration import LONGEST_AGE

LONGEST_HINT = 320
_AGE = re.compile(r"[0-9]{1,9}")
_SUBJECT, _ACR, _AUTH_TIME = "sub", "acr", "auth_time"


class Prompt(StrEnum):
    """What the client wants its user to be shown."""

    NONE = "none"
    LOGIN = "login"
    CONSENT = "consent"
    SELECT_ACCOUNT = "select_account"


class BadAuthnRequest(BadRequest):
    """A parameter is not as the specification has it. The sentence is plain ASCII, for an ``error_description``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthnRequest:
    """What is asked.

    :param max_age: seconds that the proof may be old; zero is the same as ``prompt=login``.
    :param acr_values: wished for, in any order of preference.
    :param essential_acr: one of these has to be sent, or there is no code.
    :param needs_auth_time: whether the time of the proof has to be told, however long ago that was.
    :param subject: key of the user who is meant, where ``claims`` names one.
    :param login_hint: what the user who is meant may type to sign in; empty where nothing is said, or nothing usable.
    """

    prompts: frozenset[Prompt] = frozenset()
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    essential_acr: tuple[str, ...] = ()
    needs_auth_time: bool = False
    subject: str | None = None
    login_hint: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether nothing may be shown."""
        return Prompt.NONE in self.prompts

    @property
    def wants_new_proof(self) -> bool:
        """Whether only a proof that is newer than the request will do."""
        return Prompt.LOGIN in self.prompts or self.max_age == 0

    @property
    def wishes(self) -> Mapping[str, str]:
        """What the app's own sign-in may act on, in the words of the request: who is meant, how new it has to be."""
        words = {"login_hint": self.login_hint} if self.login_hint else {}
        if self.wants_new_proof:
            return {**words, "prompt": Prompt.LOGIN.value}
        return words if self.max_age is None else {**words, "max_age": str(self.max_age)}

    def hints_at_another(self, names: Collection[str]) -> bool:
        """Whether the login hint is none of these names of the user; never where nobody knows their names."""
        known = {name.casefold() for name in names if name}
        return bool(self.login_hint and known) and self.login_hint.casefold() not in known


def read_authn_request(parameters: Mapping[str, str], *, default_max_age: int | None) -> AuthnRequest:
    """What these parameters ask.

    :param default_max_age: of the client, where the request names none.
    :raises BadAuthnRequest: for a value that is none.
    """
    claims = _claims(parameters.get("claims"))
    about_acr, about_subject = _about(claims, _ACR), _about(claims, _SUBJECT)
    wished = _values(about_acr)
    return AuthnRequest(
        prompts=_prompts(parameters.get("prompt", "")),
        max_age=_max_age(parameters.get("max_age"), default=default_max_age),
        acr_values=(*parameters.get("acr_values", "").split(), *wished),
        essential_acr=wished if _is_essential(about_acr) else (),
        needs_auth_time=_is_essential(_about(claims, _AUTH_TIME)),
        subject=next(iter(_values(about_subject)), None),
        login_hint=_login_hint(parameters.get("login_hint", "")),
    )


def _login_hint(text: str) -> str:
    hint = text.strip()
    # SECURITY: it becomes part of the address of the app's own login page.
    return hint if len(hint) <= LONGEST_HINT and hint.isprintable() else ""


def _prompts(text: str) -> frozenset[Prompt]:
    words = text.split()
    if not set(words) <= set(Prompt):
        raise BadAuthnRequest("The prompt is not known. Known are: none, login, consent, select_account.")
    found = frozenset(Prompt(word) for word in words)
    if Prompt.NONE in found and len(found) > 1:
        raise BadAuthnRequest("prompt=none can't be combined with another prompt.")
    return found


def _max_age(text: str | None, *, default: int | None) -> int | None:
    if text is None:
        return default
    if not _AGE.fullmatch(text) or int(text) > LONGEST_AGE:
        raise BadAuthnRequest(f"max_age must be seconds from 0 to {LONGEST_AGE}.")
    return int(text)


def _claims(text: str | None) -> Mapping[str, Any]:
    """What is asked of the ID token; other members are for other places, and voluntary."""
    if text is None:
        return {}
    # SECURITY: nesting that is too deep is an error like any other. Its length is bounded with the whole request.
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        raise BadAuthnRequest("claims is not valid JSON.") from None
    asked = read.get("id_token") if isinstance(read, dict) else read
    if asked is None and isinstance(read, dict):
        return {}
    if not isinstance(asked, dict):
        raise BadAuthnRequest("claims must be a JSON object of objects.")
    return asked


def _about(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    about = claims.get(name)
    if about is None:
        return {}
    if not isinstance(about, dict):
        raise BadAuthnRequest("A claim that is asked for must be a JSON object or null.")
    return about


def _is_essential(about: Mapping[str, Any]) -> bool:
    return about.get("essential") is True


def _values(about: Mapping[str, Any]) -> tuple[str, ...]:
    listed = about.get("values", [about["value"]] if "value" in about else [])
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise BadAuthnRequest("The values of a claim must be strings.")
    return tuple(listed)
