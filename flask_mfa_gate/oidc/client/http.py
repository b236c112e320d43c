"""Requests to a provider: short, small, and nowhere but where they were sent."""

from __future__ import annotations

from typing import Any

from authlib.integrations.requests_client import OAuth2Session
from requests import RequestException, Response, Timeout

from ...outbound import within

TIMEOUT, TOTAL_SECONDS = (5, 10), 15
LARGEST_ANSWER = 1 << 20


class BoundedSession(OAuth2Session):  # type: ignore[misc]
    """Authlib's session with an end to each answer."""

    def request(self, method: str, url: str, **options: Any) -> Response:
        """As Authlib sends it."""
        # SECURITY: neither a look-up of a name has an end, nor an answer of which a byte comes now and then, and each
        # would hold up a worker of the app.
        try:
            return within(TOTAL_SECONDS, lambda: self._request(method, url, **options))
        except TimeoutError as error:
            raise Timeout("the provider takes too long") from error

    def _request(self, method: str, url: str, **options: Any) -> Response:
        options |= {"timeout": TIMEOUT, "stream": True}
        # SECURITY: a redirect would carry the code and the client's secret to another place.
        options["allow_redirects"] = False
        response: Response = super().request(method, url, **options)
        with response:
            response._content = _content(response)
        return response


def _content(response: Response) -> bytes:
    if response.is_redirect:
        raise RequestException("the provider answers with a redirect")
    # SECURITY: an answer without an end would fill the memory.
    content = bytearray()
    for part in response.iter_content(1 << 16):
        content += part
        if len(content) > LARGEST_ANSWER:
            raise RequestException("the answer of the provider is too long")
    return bytes(content)
