"""A request as Authlib sees it: values that were checked, and nothing of Flask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

LONGEST_PARAMETER, LONGEST_REQUEST = 4096, 16_384


class ProviderRequest(OAuth2Request):  # type: ignore[misc]
    """One request.

    :param uri: made of the issuer, since behind a proxy the app itself may be asked by plain HTTP.
    :param parameters: each once.
    """

    def __init__(self, method: str, uri: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> None:
        super().__init__(method=method, uri=uri, headers=headers)
        self._parameters = dict(parameters)
        self.payload = BasicOAuth2Payload(self._parameters)

    @property
    def form(self) -> Mapping[str, str]:
        """What was posted; of an authorization request, what it asks."""
        return self._parameters

    @property
    def args(self) -> Mapping[str, str]:
        """Nothing counts that stands in the address."""
        return {}


def repeated(names: list[str]) -> str | None:
    """A parameter that came more than once, which none may (RFC 6749 sections 3.1 and 3.2)."""
    # SECURITY: counted in one pass, or a body of many short names would keep a worker busy for seconds.
    return next((name for name, times in Counter(names).items() if times > 1), None)


def is_sound(parameters: Mapping[str, str]) -> bool:
    """Whether these can be looked at at all: neither endless nor with marks that no parameter holds."""
    # SECURITY: bounded before anything is read, kept or sent back; a NUL would break a statement on PostgreSQL.
    lengths = [len(name) + len(value) for name, value in parameters.items()]
    if sum(lengths) > LONGEST_REQUEST or max(lengths, default=0) > LONGEST_PARAMETER:
        return False
    return all(_is_text(name) and _is_text(value) for name, value in parameters.items())


def _is_text(value: str) -> bool:
    return "\x00" not in value and not any("\ud800" <= mark <= "\udfff" for mark in value)
