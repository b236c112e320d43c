"""Reads what an admin says of a client, and says what is wrong with it."""

from __future__ import annotations

import difflib
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from ...errors import BadRequest
from .client import OPENID, SCOPES, AuthMethod, GrantType, OidcClient, SigningAlgorithm

LONGEST_NAME, LONGEST_URI, MOST_URIS = 100, 2000, 50
LEAST_RSA_BITS, MOST_RSA_BITS, MOST_KEYS = 2048, 8192, 10
LONGEST_AGE = 366 * 24 * 3600
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._~-]{0,62}[A-Za-z0-9])?")
# RFC 3986 without what browsers and servers read in two ways: spaces, quotes, backslashes, user info.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9\-._~:/?\[\]!$&'()*+,;=%]+")
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
WORDS = (
    "client_id", "client_name", "redirect_uris", "post_logout_redirect_uris", "token_endpoint_auth_method",
    "grant_types", "response_types", "scope", "id_token_signed_response_alg", "jwks", "default_max_age", "client_uri",
    "backchannel_logout_uri", "backchannel_logout_session_required", "skip_consent", "application_type",
)  # fmt: skip
Word = TypeVar("Word", bound=StrEnum)


class BadClient(BadRequest):
    """What is said of a client can't be.

    :param word: which of its words, such as ``redirect_uris``.
    """

    def __init__(self, word: str, problem: str) -> None:
        self.word = word
        super().__init__(f"{word} {problem}.")


def read_client(words: Mapping[str, Any], *, is_configured: bool = False, is_enabled: bool = True) -> OidcClient:
    """A client from its metadata.

    :raises BadClient: for a word that is unknown, missing or wrong.
    """
    _refuse_unknown(words)
    client_id = _client_id(words.get("client_id"))
    method = _one_of(AuthMethod, words, "token_endpoint_auth_method", AuthMethod.BASIC)
    _require_code_only(words)
    return OidcClient(
        client_id=client_id,
        client_name=_name(words.get("client_name", client_id)),
        redirect_uris=_redirect_uris(words, is_public=method is AuthMethod.NONE),
        post_logout_redirect_uris=_uris(words, "post_logout_redirect_uris"),
        token_endpoint_auth_method=method,
        grant_types=_grant_types(words),
        scopes=_scopes(words),
        id_token_signed_response_alg=_one_of(
            SigningAlgorithm, words, "id_token_signed_response_alg", SigningAlgorithm.RS256
        ),
        jwks=_jwks(words.get("jwks"), is_needed=method is AuthMethod.PRIVATE_KEY_JWT),
        default_max_age=_age(words.get("default_max_age")),
        client_uri=_web_uri(words, "client_uri"),
        backchannel_logout_uri=_web_uri(words, "backchannel_logout_uri"),
        skip_consent=_flag(words, "skip_consent"),
        is_enabled=is_enabled,
        is_configured=is_configured,
    )


def client_words(client: OidcClient) -> dict[str, Any]:
    """The same back again, as JSON values."""
    words: dict[str, Any] = {
        "client_id": client.client_id,
        "client_name": client.client_name,
        "redirect_uris": list(client.redirect_uris),
        "post_logout_redirect_uris": list(client.post_logout_redirect_uris),
        "token_endpoint_auth_method": client.token_endpoint_auth_method.value,
        "grant_types": sorted(client.grant_types),
        "response_types": ["code"],
        "scope": " ".join(scope for scope in SCOPES if scope in client.scopes),
        "id_token_signed_response_alg": client.id_token_signed_response_alg.value,
        "jwks": None if client.jwks is None else dict(client.jwks),
        "default_max_age": client.default_max_age,
        "client_uri": client.client_uri,
        "backchannel_logout_uri": client.backchannel_logout_uri,
        "skip_consent": client.skip_consent,
    }
    return {word: value for word, value in words.items() if value is not None}


def _refuse_unknown(words: Mapping[str, Any]) -> None:
    for word in words:
        if word not in WORDS:
            near = next(iter(difflib.get_close_matches(str(word), WORDS, n=1)), None)
            raise BadClient(str(word)[:LONGEST_NAME], f"is not known here{f', did you mean {near}?' if near else ''}")


def _client_id(value: Any) -> str:
    # The page of a client is under its id, and "new" is the page that registers one.
    if not isinstance(value, str) or not _ID.fullmatch(value) or value == "new":
        raise BadClient("client_id", "must be 1 to 64 letters, digits and the marks . _ ~ -, such as wiki")
    return value


def _name(value: Any) -> str:
    # SECURITY: the name is shown on the page that asks for consent; a break or a mark of direction could forge it.
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_NAME or not value.isprintable():
        raise BadClient("client_name", f"must be 1 to {LONGEST_NAME} printable characters")
    return value.strip()


def _require_code_only(words: Mapping[str, Any]) -> None:
    # SECURITY: every other response type sends tokens through the browser's address bar.
    if words.get("response_types", ["code"]) not in (["code"], ("code",)):
        raise BadClient("response_types", "can only be ['code']")
    if words.get("backchannel_logout_session_required", True) not in (True, False):
        raise BadClient("backchannel_logout_session_required", "must be true or false")
    if words.get("application_type", "web") not in ("web", "native"):
        raise BadClient("application_type", "must be web or native")


def _redirect_uris(words: Mapping[str, Any], *, is_public: bool) -> tuple[str, ...]:
    found = _uris(words, "redirect_uris", takes_private_schemes=is_public)
    if not found:
        raise BadClient("redirect_uris", "must name at least one address")
    return found


def _uris(words: Mapping[str, Any], word: str, *, takes_private_schemes: bool = False) -> tuple[str, ...]:
    given = words.get(word, ())
    if not isinstance(given, list | tuple) or len(given) > MOST_URIS:
        raise BadClient(word, f"must be a list of at most {MOST_URIS} addresses")
    for uri in given:
        if not _is_uri(uri) or not (_is_web(uri) or (takes_private_schemes and _is_private(uri))):
            raise BadClient(
                word,
                "must be exact https addresses without fragment, user or wildcard "
                "(http only for localhost, an app's own scheme such as com.example.app only for public clients)",
            )
    return tuple(dict.fromkeys(given))


def _web_uri(words: Mapping[str, Any], word: str) -> str | None:
    uri = words.get(word)
    if uri is None:
        return None
    if not _is_uri(uri) or not _is_web(uri):
        raise BadClient(word, "must be an https address, or http for localhost")
    return str(uri)


def _is_uri(uri: Any) -> bool:
    # SECURITY: what two parsers could read in two ways is refused when it is registered, and never compared loosely.
    if not isinstance(uri, str) or len(uri) > LONGEST_URI or _URI.fullmatch(uri) is None:
        return False
    path = unquote(uri.partition("?")[0])
    return {".", ".."}.isdisjoint(path.split("/"))


def _is_web(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        is_sound = bool(parts.hostname) and parts.port != 0 and "*" not in parts.netloc
    except ValueError:
        return False
    return is_sound and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")))


def is_loopback(host: str) -> bool:
    """Whether this name is of the same machine, so that nobody can listen in on plain HTTP (RFC 8252 section 8.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_private(uri: str) -> bool:
    """A scheme of an app's own, by its domain name (RFC 8252 section 7.1): never ``javascript:`` or ``data:``."""
    scheme, _, rest = uri.partition(":")
    return bool(_PRIVATE_SCHEME.fullmatch(scheme)) and rest.startswith("/")


def _grant_types(words: Mapping[str, Any]) -> frozenset[GrantType]:
    given = words.get("grant_types", [GrantType.CODE, GrantType.REFRESH])
    is_known = isinstance(given, list | tuple) and all(one in list(GrantType) for one in given)
    if not is_known or GrantType.CODE not in given:
        raise BadClient("grant_types", "must be authorization_code, and refresh_token where the client refreshes")
    return frozenset(GrantType(one) for one in given)


def _scopes(words: Mapping[str, Any]) -> frozenset[str]:
    given = words.get("scope", " ".join(SCOPES))
    chosen = set(given.split()) if isinstance(given, str) else set()
    if OPENID not in chosen or not chosen <= set(SCOPES):
        raise BadClient("scope", f"must hold openid, and nothing but {', '.join(SCOPES)}")
    return frozenset(chosen)


def _one_of(kind: type[Word], words: Mapping[str, Any], word: str, default: Word) -> Word:
    value = words.get(word, default)
    if not isinstance(value, str) or value not in set(kind):
        raise BadClient(word, f"must be one of {', '.join(kind)}")
    return kind(value)


def _jwks(value: Any, *, is_needed: bool) -> Mapping[str, Any] | None:
    """Public keys only, of the two algorithms that assertions are signed with."""
    if value is None:
        if is_needed:
            raise BadClient("jwks", "is missing: private_key_jwt needs the client's public keys")
        return None
    keys = value.get("keys") if isinstance(value, Mapping) else None
    if (
        not isinstance(keys, list)
        or not 0 < len(keys) <= MOST_KEYS
        or not all(isinstance(key, Mapping) for key in keys)
    ):
        raise BadClient("jwks", f"must be a JWK set with 1 to {MOST_KEYS} keys")
    for key in keys:
        # SECURITY: what can be factored, or has an exponent of one, would let anyone sign as the client.
        if not (_is_strong_rsa(key) or _is_p256(key)):
            raise BadClient(
                "jwks", f"may hold RSA keys of {LEAST_RSA_BITS} to {MOST_RSA_BITS} bits and EC keys of P-256 only"
            )
        # SECURITY: a private key that is sent here is no longer one, and must not be kept.
        if not {"d", "p", "q", "k"}.isdisjoint(key):
            raise BadClient("jwks", "holds a private key; only public keys belong here")
    return dict(value)


def _is_strong_rsa(key: Mapping[str, Any]) -> bool:
    modulus, exponent = _number(key.get("n")), _number(key.get("e"))
    is_of_size = LEAST_RSA_BITS <= modulus.bit_length() <= MOST_RSA_BITS
    return key.get("kty") == "RSA" and is_of_size and exponent >= 3 and modulus % 2 == exponent % 2 == 1


def _is_p256(key: Mapping[str, Any]) -> bool:
    """Whether it is a point of that curve (FIPS 186-4, D.1.2.3)."""
    x, y = _number(key.get("x")), _number(key.get("y"))
    is_on_curve = 0 <= x < _P256 and 0 <= y < _P256 and (y * y - (x * x * x - 3 * x + _P256_B)) % _P256 == 0
    return key.get("kty") == "EC" and key.get("crv") == "P-256" and is_on_curve


def _number(text: Any) -> int:
    """What a member of a JWK stands for (RFC 7518 section 2, Base64urlUInt); zero for what is none."""
    if not isinstance(text, str) or not 0 < len(text) <= MOST_RSA_BITS // 6 + 2 or not _BASE64URL.fullmatch(text):
        return 0
    try:
        return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return 0


def _age(value: Any) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= LONGEST_AGE:
        raise BadClient("default_max_age", f"must be seconds from 0 to {LONGEST_AGE}")
    return value


def _flag(words: Mapping[str, Any], word: str) -> bool:
    value = words.get(word, False)
    if not isinstance(value, bool):
        raise BadClient(word, "must be true or false")
    return value
