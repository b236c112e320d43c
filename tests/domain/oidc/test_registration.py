"""What may be said of a client."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.oidc.client import AuthMethod
from flask_mfa_gate.domain.oidc.registration import BadClient, client_words, read_client

WIKI = {"client_id": "wiki", "redirect_uris": ["https://wiki.example.org/cb"]}

GOOD_URIS = [
    "https://wiki.example.org", "https://wiki.example.org/cb?x=1", "http://localhost:5000/cb", "http://127.0.0.1/cb",
    "http://[::1]:8080/cb", "http://app.localhost/cb", "https://xn--bcher-kva.example/cb",
]  # fmt: skip
BAD_URIS = [
    "", "wiki", "/cb", "//wiki.example.org/cb", "http://wiki.example.org/cb", "https://wiki.example.org/cb#x", "https://user@wiki.example.org/",
    "https://*.example.org/cb", "https://wiki.example.org/a/../b", "https://wiki.example.org\\@evil.example", "https://wiki.example.org/ cb",
    "https://bücher.example/", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https:///cb", "https://wiki.example.org:0/",
    "https://wiki.example.org:99999/", "https://[::1", 'https://wiki.example.org/"', "https://wiki.example.org/<x>", "http://localhost.evil.example/",
    "x" * 3000, "https://wiki.example.org/\n", "myapp:/cb", 5, None, "https://wiki.example.org/a/..", "https://wiki.example.org/./a",
    "https://wiki.example.org/%2e%2E/a", "https://wiki.example.org/a%2f..%2fb", "https://127.0.0.1%2f@evil.example/",
]  # fmt: skip


@pytest.mark.parametrize("uri", GOOD_URIS)
def test_addresses_that_may_be_registered(uri: str) -> None:
    assert read_client({**WIKI, "redirect_uris": [uri]}).redirect_uris == (uri,)


@pytest.mark.parametrize("uri", BAD_URIS)
def test_addresses_that_may_not(uri: Any) -> None:
    for words in (
        {"redirect_uris": [uri]},
        {"post_logout_redirect_uris": [uri]},
        {"redirect_uris": [uri], "token_endpoint_auth_method": "none"},
    ):
        with pytest.raises(BadClient, match="redirect_uris"):
            read_client({**WIKI, **words})


def test_an_app_of_its_own_scheme_is_public() -> None:
    words = {**WIKI, "redirect_uris": ["com.example.app:/cb"]}
    with pytest.raises(BadClient):
        read_client(words)
    assert read_client({**words, "token_endpoint_auth_method": "none"}).is_public


BAD_WORDS: list[dict[str, Any]] = [
    {"client_id": ""}, {"client_id": "a b"}, {"client_id": "x" * 65}, {"client_id": None}, {"client_id": "-"}, {"client_name": ""},
    {"client_name": "Wiki\u202e"}, {"client_name": "a\nb"}, {"redirect_uris": "https://wiki.example.org/cb"}, {"redirect_uris": []},
    {"token_endpoint_auth_method": "client_secret_jwt"}, {"token_endpoint_auth_method": 5}, {"grant_types": ["implicit"]},
    {"grant_types": ["refresh_token"]}, {"response_types": ["code", "token"]}, {"scope": "profile"}, {"scope": "openid admin"}, {"scope": 5},
    {"id_token_signed_response_alg": "none"}, {"id_token_signed_response_alg": "HS256"}, {"jwks": {"keys": []}}, {"jwks": "x"},
    {"jwks": {"keys": [{"kty": "oct", "k": "x"}]}}, {"jwks": {"keys": [{"kty": "RSA", "n": "x", "e": "y", "d": "z"}]}},
    {"token_endpoint_auth_method": "private_key_jwt"}, {"default_max_age": -1}, {"default_max_age": True}, {"skip_consent": "yes"},
    {"backchannel_logout_uri": "http://10.0.0.1/"}, {"jwks_uri": "https://wiki.example.org/jwks"}, {"redirect_uri": "x"},
]  # fmt: skip


def b64(number: int, size: int) -> str:
    return urlsafe_b64encode(number.to_bytes(size)).decode().rstrip("=")


RSA = {"kty": "RSA", "n": b64(2**2047 + 1, 256), "e": "AQAB"}
# The base point of P-256 (FIPS 186-4, D.1.2.3).
POINT = {
    "kty": "EC", "crv": "P-256",
    "x": b64(0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296, 32),
    "y": b64(0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5, 32),
}  # fmt: skip
WEAK_KEYS: list[dict[str, Any]] = [
    {**RSA, "n": b64(2**2046 + 1, 256)}, {**RSA, "n": b64(2**1023 + 1, 128)}, {**RSA, "n": b64(2**2047, 256)}, {**RSA, "e": "AQ"},
    {**RSA, "e": b64(2, 1)}, {**RSA, "n": b64(2**16000 + 1, 2001)}, {**RSA, "n": "!" * 400}, {**RSA, "n": 5}, {"kty": "RSA"},
    {**POINT, "crv": "P-384"}, {**POINT, "crv": "P-192"}, {**POINT, "crv": "secp256k1"}, {**POINT, "y": POINT["x"]},
    {**POINT, "x": b64(0, 32), "y": b64(0, 32)}, {"kty": "EC", "crv": "P-256"}, {**RSA, "kty": "OKP"}, {**POINT, "d": "x"},
]  # fmt: skip


@pytest.mark.parametrize("key", [RSA, POINT])
def test_strong_public_keys_are_taken(key: dict[str, Any]) -> None:
    words = {**WIKI, "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key]}}
    assert read_client(words).jwks == {"keys": [key]}


@pytest.mark.parametrize("key", WEAK_KEYS)
def test_keys_that_anyone_could_sign_with_are_refused(key: dict[str, Any]) -> None:
    words = {**WIKI, "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [RSA, key]}}
    with pytest.raises(BadClient, match="jwks"):
        read_client(words)


@pytest.mark.parametrize("words", BAD_WORDS)
def test_what_can_not_be_is_refused_by_name(words: dict[str, Any]) -> None:
    with pytest.raises(BadClient):
        read_client({**WIKI, **words})


def test_a_typing_error_is_told_the_right_word() -> None:
    with pytest.raises(BadClient, match="did you mean redirect_uris"):
        read_client({"client_id": "wiki", "redirect_uri": []})


def test_a_client_reads_back_as_it_was_written() -> None:
    client = read_client(
        {
            **WIKI,
            "client_name": "Wiki",
            "scope": "openid email",
            "default_max_age": 300,
            "token_endpoint_auth_method": "none",
        }
    )
    assert read_client(client_words(client)) == client
    assert client.token_endpoint_auth_method is AuthMethod.NONE
    assert client.resource == "client:wiki"


@given(
    st.dictionaries(
        st.sampled_from(
            ["client_id", "client_name", "redirect_uris", "scope", "jwks", "grant_types", "default_max_age"]
        ),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_nothing_else_is_raised_whatever_is_said(words: dict[str, Any]) -> None:
    try:
        read_client({**WIKI, **words})
    except BadClient:
        return
