"""A program that knows OAuth 2.0, RFC 6750 and RFC 9470, and nothing of the gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import WWWAuthenticate
from werkzeug.test import TestResponse

INSUFFICIENT = "insufficient_user_authentication"
# What RFC 9470 section 3 defines. Nothing else of a challenge is looked at.
_UNDERSTOOD = ("acr_values", "max_age")


@dataclass
class StepUpClient:
    """Gets a resource; where that wants a better sign-in it sends its user once more, and gives up at the same answer.

    :param send: gets the resource with these headers.
    :param authorize: has the user authorize again with these parameters, and gives the new access token.
    :ivar asked: the parameters of every authorization request, in order.
    """

    send: Callable[[Mapping[str, str]], TestResponse]
    authorize: Callable[..., str]
    token: str | None = None
    asked: list[dict[str, str]] = field(default_factory=list)

    def get(self) -> TestResponse:
        answer = self._try()
        wanted = wanted_of(answer)
        if wanted is None:
            return answer
        self.asked.append(wanted)
        self.token = self.authorize(**wanted)
        return self._try()

    def _try(self) -> TestResponse:
        return self.send({} if self.token is None else {"Authorization": f"Bearer {self.token}"})


def challenge_of(answer: TestResponse) -> Any:
    assert answer.status_code in {401, 403}, answer.text
    found = WWWAuthenticate.from_header(answer.headers.get("WWW-Authenticate"))
    assert found is not None, answer.headers
    assert found.type == "bearer"
    return found


def wanted_of(answer: TestResponse) -> dict[str, str] | None:
    """The parameters for the next authorization request; None where none would help."""
    if answer.status_code != 401:
        return None
    parts = challenge_of(answer).parameters
    if not parts:
        return {}
    if parts.get("error") != INSUFFICIENT:
        return None
    return {name: parts[name] for name in _UNDERSTOOD if name in parts}
