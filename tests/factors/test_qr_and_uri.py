"""The QR code and what is in it."""

from __future__ import annotations

import io
import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import zxingcpp
from flask import Flask
from PIL import Image
from sqlalchemy import Connection

from flask_mfa_gate.domain.factors.totp import Algorithm, TotpShape
from flask_mfa_gate.factors.base import Enrollee
from flask_mfa_gate.factors.parts import FactorParts
from flask_mfa_gate.factors.totp import KIND
from flask_mfa_gate.factors.totp.factor import PendingKey, TotpFactor, import_secret, provisioning_uri
from flask_mfa_gate.factors.totp.qr import qr_svg
from flask_mfa_gate.web.state import GateState
from tests.conftest import state_of

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
LABEL = "a label"


def picture(svg: str, *, scale: int = 5) -> Image.Image:
    """The SVG as a browser draws it: rows of dark runs on a white ground."""
    size = int(re.search(r'viewBox="0 0 (\d+)', svg).group(1))  # type: ignore[union-attr]
    image = Image.new("L", (size * scale, size * scale), 255)
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)", svg.split("translate")[1]):
        image.paste(0, (int(x) * scale, int(y) * scale, (int(x) + int(length)) * scale, (int(y) + 1) * scale))
    return image


@pytest.mark.parametrize(
    "account", ["bob@example.org", "a" * 200, "zoë@bär.example", "🙂", "<svg onload=x>", "a&secret=AAAA", "a:b"]
)
@pytest.mark.parametrize("issuer", ["Acme Co", "X" * 60])
def test_a_scanner_reads_the_uri(account: str, issuer: str) -> None:
    uri = provisioning_uri(SECRET, TotpShape(), account=account, issuer=issuer)
    svg = qr_svg(uri, label=LABEL)
    (found,) = zxingcpp.read_barcodes(picture(svg))
    assert found.text == uri
    assert len(svg) <= 6_000
    parts = urlsplit(uri)
    facts = parse_qs(parts.query)
    assert set(facts) == {"secret", "issuer"}, "parameters at their default are left out"
    assert facts["secret"] == [SECRET]
    label_issuer, _, _account = unquote(parts.path.lstrip("/")).partition(":")
    assert label_issuer == facts["issuer"][0]
    assert "+" not in uri
    assert "=" not in facts["secret"][0]


@pytest.mark.parametrize("account", ["é" * 200, "漢" * 200, "🙂" * 200], ids=["latin", "han", "emoji"])
@pytest.mark.parametrize("issuer", ["Portal", "漢" * 60, "🙂" * 60], ids=["plain", "han", "emoji"])
def test_a_long_name_in_any_script_stays_small_enough_to_scan(account: str, issuer: str) -> None:
    """Percent codes make three to twelve characters of one: the label is cut by what it takes in the code."""
    uri = provisioning_uri(SECRET, TotpShape(), account=account, issuer=issuer)
    svg = qr_svg(uri, label=LABEL)
    (found,) = zxingcpp.read_barcodes(picture(svg))
    assert found.text == uri
    version = (picture(svg, scale=1).width - 2 * 4 - 17) // 4
    assert version <= 10
    assert len(svg) <= 6_000


@pytest.mark.parametrize("text", ["a" * 39 + " and more", "x" * 39 + "\u3000y"])
def test_a_label_is_not_cut_to_a_space_at_its_end(text: str) -> None:
    uri = provisioning_uri(SECRET, TotpShape(), account=text, issuer=text)
    issuer, _, account = unquote(urlsplit(uri).path.lstrip("/")).partition(":")
    assert (issuer, account) == (issuer.strip(), account.strip())
    assert parse_qs(urlsplit(uri).query)["issuer"] == [issuer]


def test_spaces_are_percent_codes_and_a_colon_is_left_out() -> None:
    uri = provisioning_uri(SECRET, TotpShape(), account="bob: the builder", issuer="Acme Co")
    assert uri == f"otpauth://totp/Acme%20Co:bob%20the%20builder?secret={SECRET}&issuer=Acme%20Co"


@pytest.mark.parametrize("account", ["", " ", "\n", ":", "\u200b"])
def test_an_account_without_a_name_is_called_account(account: str) -> None:
    uri = provisioning_uri(SECRET, TotpShape(), account=account, issuer="Portal")
    assert uri.startswith("otpauth://totp/Portal:account?")


def test_the_ground_is_painted_first_and_covers_the_quiet_zone() -> None:
    svg = qr_svg("otpauth://totp/x?secret=A", label=LABEL)
    size = picture(svg, scale=1).width
    assert svg.index(f'<path fill="#fff" d="M0 0h{size}v{size}H0z"/>') < svg.index('stroke="#000"')
    columns = [int(x) for x, _ in re.findall(r"M(\d+) (\d+)h", svg.split("translate")[1])]
    assert min(columns) == 4, "a border of four modules, and no more"


def test_a_usual_uri_is_short() -> None:
    assert len(provisioning_uri(SECRET, TotpShape(), account="a" * 30, issuer="Portal")) <= 120


def test_white_ground_quiet_zone_and_no_foreign_source() -> None:
    svg = qr_svg("otpauth://totp/x?secret=A", label=LABEL)
    image = picture(svg, scale=1)
    size = image.width
    assert 'fill="#fff"' in svg
    for edge in range(4):
        assert {image.getpixel((edge, n)) for n in range(size)} | {
            image.getpixel((n, size - 1 - edge)) for n in range(size)
        } == {255}
    for foreign in ("href", "<image", "url(", "style="):
        assert foreign not in svg
    assert 'role="img"' in svg
    assert f'aria-label="{LABEL}"' in svg


def test_what_a_key_has_of_its_own_is_in_the_uri() -> None:
    shape = TotpShape(digits=8, period=60, algorithm=Algorithm.SHA256)
    uri = provisioning_uri(SECRET, shape, account="a", issuer="b")
    facts = parse_qs(urlsplit(uri).query)
    assert (facts["digits"], facts["period"], facts["algorithm"]) == (["8"], ["60"], ["SHA256"])


def begin(state: GateState, tx: Connection, session_family: str, user_key: str = "1") -> PendingKey:
    return TotpFactor(FactorParts(state.store, state.keyring, state.settings, "Portal")).begin(
        tx, Enrollee(user_key, session_family), now=state.clock()
    )


def test_keys_are_160_bits_and_never_equal(app: Flask) -> None:
    from base64 import b32decode

    state = state_of(app)
    with state.store.database.write() as tx:
        keys = {begin(state, tx, str(n)).secret for n in range(20)}
    assert len(keys) == 20
    assert {len(b32decode(key)) for key in keys} == {20}


def test_a_key_sealed_for_one_row_opens_in_no_other(app: Flask) -> None:
    state = state_of(app)
    with state.store.database.write() as tx:
        one = begin(state, tx, "a")
        two = begin(state, tx, "b", "2")
        table = state.store.factors._table
        sealed = tx.execute(table.select().where(table.c.user_key == "1")).one().secret
        tx.execute(table.update().where(table.c.user_key == "2").values(secret=sealed))
        assert begin(state, tx, "b", "2").secret not in {one.secret, two.secret}


@pytest.mark.parametrize("secret", ["", "A" * 16, "A" * 200, "not base32!", "JBSWY3DP"])
def test_importing_a_bad_key_is_a_clean_error(app: Flask, secret: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - pyotp and we both say so
        import_secret(state_of(app).keyring, secret, factor_id="1", user="7")


def test_nothing_secret_in_a_repr(app: Flask) -> None:
    state = state_of(app)
    with state.store.database.write() as tx:
        pending = begin(state, tx, "a")
        (factor,) = [state.store.factors.pending(tx, "1", KIND, lineage="a", now=state.clock())]
    assert pending.secret not in repr(pending)
    assert "sealed" not in repr(factor)
    buffer = io.StringIO()
    print(pending, factor, file=buffer)
    assert pending.secret not in buffer.getvalue()
