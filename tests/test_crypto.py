"""What is sealed opens with its key and in its place, and nowhere else."""

from __future__ import annotations

import hashlib
import random
import re
import secrets
import traceback
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.crypto import Keyring, Place, _joined, decode_key, generate_key, new_id, new_token, token_digest
from flask_mfa_gate.errors import MFAGateError, SecretUnreadable

OLD, NEW, STRANGE = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
PLACE = Place("factor", "secret", "7", "1")
PLAIN = b"JBSWY3DPEHPK3PXP"
ANY_CHARACTER = st.characters(exclude_categories=[])
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def ring(*keys: bytes) -> Keyring:
    return Keyring.from_keys(keys or (NEW,))


PLACES = st.builds(Place, NAMES, NAMES, NAMES, NAMES)


def sealed_of_old(keyring: Keyring, plain: bytes, place: Place) -> bytes:
    """As before secrets were bound to their user: another version, and a place of three names."""
    key = keyring._keys[0]
    nonce = bytes(range(12))
    return b"\x01" + key.key_id + nonce + key.cipher.encrypt(nonce, plain, _joined(*place[:3]))


@given(st.binary(max_size=200), PLACES)
def test_what_is_sealed_opens_in_its_place(plain: bytes, place: Place) -> None:
    sealed = ring().seal(plain, place)
    assert len(sealed) == 1 + 4 + 12 + len(plain) + 16
    assert ring().open(sealed, place) == plain


def test_the_same_secret_never_looks_the_same() -> None:
    sealed = {ring().seal(PLAIN, PLACE) for _ in range(200)}
    assert len(sealed) == len({text[5:17] for text in sealed}) == 200
    assert all(PLAIN not in text for text in sealed)


@pytest.mark.parametrize(
    "other", [{"row": "8"}, {"row": ""}, {"table": "session"}, {"column": "name"}, {"user": "2"}, {"user": ""}]
)
def test_a_secret_copied_elsewhere_stays_shut(other: dict[str, str]) -> None:
    sealed = ring().seal(PLAIN, PLACE)
    with pytest.raises(SecretUnreadable):
        ring().open(sealed, PLACE._replace(**other))


def test_two_rows_that_swap_their_secrets_open_neither() -> None:
    sealed = {row: ring().seal(row.encode(), PLACE._replace(row=row)) for row in ("1", "2")}
    for row, other in (("1", "2"), ("2", "1")):
        with pytest.raises(SecretUnreadable):
            ring().open(sealed[other], PLACE._replace(row=row))


@given(PLACES, PLACES)
def test_no_two_places_are_alike(one: Place, other: Place) -> None:
    if one == other:
        return
    sealed = ring().seal(PLAIN, one)
    with pytest.raises(SecretUnreadable):
        ring().open(sealed, other)


@pytest.mark.parametrize(
    "cut",
    [
        ("fa", "ctorsecret", "7", "1"),
        ("factors", "ecret", "7", "1"),
        ("factor", "secret7", "", "1"),
        ("factor", "secret", "71", ""),
    ],
)
def test_places_that_read_alike_when_joined_are_not_alike(cut: tuple[str, str, str, str]) -> None:
    sealed = ring().seal(PLAIN, PLACE)
    with pytest.raises(SecretUnreadable):
        ring().open(sealed, Place(*cut))


def test_any_flipped_bit_is_noticed() -> None:
    sealed = ring().seal(PLAIN, PLACE)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SecretUnreadable):
            ring().open(bytes(changed), PLACE)


def test_any_cut_is_noticed() -> None:
    sealed = ring().seal(PLAIN, PLACE)
    for length in range(len(sealed)):
        with pytest.raises(SecretUnreadable):
            ring().open(sealed[:length], PLACE)
    with pytest.raises(SecretUnreadable):
        ring().open(sealed + b"\0", PLACE)


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda rest: ring().seal(b"", PLACE)[:5] + rest))
def test_junk_is_unreadable_and_nothing_worse(junk: bytes) -> None:
    with pytest.raises(SecretUnreadable):
        ring().open(junk, PLACE)
    with pytest.raises(SecretUnreadable):
        ring(OLD, STRANGE).open(junk, PLACE)


def test_an_unknown_key_is_told_from_a_changed_text_without_a_secret_in_it() -> None:
    sealed = ring(OLD).seal(PLAIN, PLACE)
    with pytest.raises(SecretUnreadable, match="MFA_GATE_KEYS") as unknown:
        ring(NEW).open(sealed, PLACE)
    with pytest.raises(SecretUnreadable, match="changed") as changed:
        ring(OLD).open(sealed[:-1] + bytes([sealed[-1] ^ 1]), PLACE)
    with pytest.raises(SecretUnreadable, match="cut off") as cut:
        ring(OLD).open(sealed[:16], PLACE)
    for problem in (unknown.value, changed.value, cut.value):
        assert isinstance(problem, MFAGateError)
        told = "".join(traceback.format_exception(problem))
        assert not any(secret in told for secret in (PLAIN.decode(), OLD.hex(), NEW.hex(), sealed.hex(), repr(OLD)))


def test_after_a_rotation_old_rows_open_and_new_rows_use_the_newest_key() -> None:
    before, rotated = ring(OLD), ring(NEW, OLD)
    old_row, new_row = before.seal(PLAIN, PLACE), rotated.seal(PLAIN, PLACE)
    assert rotated.open(old_row, PLACE) == rotated.open(new_row, PLACE) == ring(NEW).open(new_row, PLACE) == PLAIN
    for keyring in (ring(NEW), ring(STRANGE)):
        with pytest.raises(SecretUnreadable):
            keyring.open(old_row, PLACE)


def test_what_was_sealed_for_a_row_alone_opens_and_is_sealed_anew_for_its_user() -> None:
    keyring = ring(NEW, OLD)
    for old in (sealed_of_old(ring(OLD), PLAIN, PLACE), sealed_of_old(ring(NEW), PLAIN, PLACE)):
        assert keyring.open(old, PLACE) == keyring.open(old, PLACE._replace(user="2")) == PLAIN
        with pytest.raises(SecretUnreadable):
            keyring.open(old, PLACE._replace(row="8"))
        fresh = keyring.reseal(old, PLACE)
        assert fresh is not None
        assert ring(NEW).open(fresh, PLACE) == PLAIN
        assert keyring.reseal(fresh, PLACE) is None
        with pytest.raises(SecretUnreadable):
            keyring.open(fresh, PLACE._replace(user="2"))


@pytest.mark.parametrize("place", [PLACE, PLACE._replace(user="2"), PLACE._replace(user="")])
def test_a_secret_of_a_user_is_not_passed_off_as_one_of_old(place: Place) -> None:
    """SECURITY: or whoever writes to the database would go around the user by changing one byte."""
    sealed = ring().seal(PLAIN, PLACE)
    with pytest.raises(SecretUnreadable):
        ring().open(b"\x01" + sealed[1:], place)


def test_the_digest_of_each_key_is_at_hand_newest_first() -> None:
    rotated = ring(NEW, OLD)
    under_old = ring(OLD).digest("code", purpose="recovery-code", row="7")
    under_new = ring(NEW).digest("code", purpose="recovery-code", row="7")
    assert rotated.digests("code", purpose="recovery-code", row="7") == (under_new, under_old)
    assert rotated.digest("code", purpose="recovery-code", row="7") == under_new
    assert re.fullmatch("[0-9a-f]{64}", under_new)


def test_text_and_its_bytes_have_one_digest() -> None:
    assert ring().digest("größe", purpose="p", row="1") == ring().digest("größe".encode(), purpose="p", row="1")


@given(st.tuples(NAMES, NAMES, NAMES), st.tuples(NAMES, NAMES, NAMES))
def test_a_digest_belongs_to_value_purpose_and_row(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    digests = [ring().digest(value, purpose=purpose, row=row) for value, purpose, row in (one, other)]
    assert (digests[0] == digests[1]) is (one == other)


@pytest.mark.parametrize(("value", "purpose", "row"), [("7code", "p", ""), ("code", "p7", ""), ("ode", "p", "7c")])
def test_digests_of_texts_that_read_alike_when_joined_differ(value: str, purpose: str, row: str) -> None:
    assert ring().digest(value, purpose=purpose, row=row) != ring().digest("code", purpose="p", row="7")


def test_the_master_key_itself_neither_seals_nor_digests() -> None:
    sealed = ring(NEW).seal(PLAIN, PLACE)
    aad = b"".join(len(name).to_bytes(4, "big") + name.encode() for name in PLACE)
    with pytest.raises(InvalidTag):
        AESGCM(NEW).decrypt(sealed[5:17], sealed[17:], aad)
    inner = ring(NEW)._keys[0]
    assert inner.digest_key != NEW
    with pytest.raises(InvalidTag):
        AESGCM(inner.digest_key).decrypt(sealed[5:17], sealed[17:], aad)
    assert NEW[:4] not in sealed[:5]


def test_ciphers_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = ring(NEW, OLD)
    monkeypatch.setattr("flask_mfa_gate.crypto.AESGCM", None)
    monkeypatch.setattr("flask_mfa_gate.crypto.HKDF", None)
    assert keyring.open(keyring.seal(PLAIN, PLACE), PLACE) == PLAIN
    assert keyring.digests("code", purpose="p", row="1")


@pytest.mark.parametrize("keys", [[], [b""], [b"\x01" * 31], [b"\x01" * 33], [NEW, b"\x01" * 16]])
def test_a_keyring_takes_keys_of_32_bytes(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes") as problem:
        Keyring.from_keys(keys)
    assert repr(keys) not in str(problem.value)


def test_no_key_is_shown() -> None:
    keyring = ring(NEW, OLD)
    shown = "".join([repr(keyring), str(keyring), f"{keyring}", *map(repr, keyring._keys)])
    assert repr(keyring) == "<Keyring of 2>"
    for key in (NEW, OLD, *(inner.digest_key for inner in keyring._keys)):
        assert not any(form in shown for form in (key.hex(), repr(key), b64encode(key).decode(), key.decode("latin1")))


def test_a_made_key_can_be_configured() -> None:
    keys = {generate_key() for _ in range(50)}
    assert len(keys) == 50
    assert all(re.fullmatch("[A-Za-z0-9_-]{43}=", key) and len(decode_key(key)) == 32 for key in keys)
    key = generate_key()
    assert decode_key(f" {key}\n") == decode_key(key) == urlsafe_b64decode(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2-hunter2",
        "hunter2" * 50,
        urlsafe_b64encode(b"hunter2" * 4).decode(),
        urlsafe_b64encode(b"h" * 33).decode(),
        urlsafe_b64encode(b"h" * 32).decode().rstrip("="),
        "hunter2!" + urlsafe_b64encode(b"h" * 32).decode(),
        urlsafe_b64encode(b"h" * 32).decode()[:20] + "\n" + urlsafe_b64encode(b"h" * 32).decode()[20:],
        "hünter2" * 6,
        "\ud800hunter2",
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="not ") as problem:
        decode_key(text)
    told = "".join(traceback.format_exception(problem.value)[-1:])
    assert type(problem.value) is ValueError
    assert not text or text not in told
    assert "hunter2" not in told


def refusal_of(text: str) -> str | None:
    try:
        decode_key(text)
    except ValueError as problem:
        return str(problem)
    return None


@given(st.text(ANY_CHARACTER, max_size=60) | st.binary(max_size=40).map(lambda key: b64encode(key).decode()))
def test_any_text_is_a_key_or_a_plain_refusal(text: str) -> None:
    assert refusal_of(text) in {None, "not url-safe base64", "not 32 bytes"}


def test_ids_and_tokens_are_long_and_random() -> None:
    ids, tokens = {new_id() for _ in range(1000)}, {new_token() for _ in range(1000)}
    assert len(ids) == len(tokens) == 1000
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)
    assert all(re.fullmatch("[A-Za-z0-9_-]{43}", one) for one in tokens)


def test_chance_comes_from_the_system() -> None:
    random.seed(0)
    first = (new_id(), new_token(), generate_key())
    random.seed(0)
    assert not set(first) & {new_id(), new_token(), generate_key()}


def test_a_token_is_stored_as_sha_256() -> None:
    token = secrets.token_urlsafe(32)
    assert token_digest(token) == hashlib.sha256(token.encode()).hexdigest()
    assert token_digest(token[:-1]) != token_digest(token)
