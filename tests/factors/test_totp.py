"""An authenticator app from the first code to the last."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest

from flask_mfa_gate.crypto import Keyring, new_id
from flask_mfa_gate.domain.factors.totp import Algorithm, CodeShape, TotpShape
from flask_mfa_gate.domain.sign_in.assurance import Assurance, FactorKind, SignIn
from flask_mfa_gate.domain.sign_in.session import GateSession
from flask_mfa_gate.errors import SecretUnreadable
from flask_mfa_gate.factors.base import NOTHING, Enrollee
from flask_mfa_gate.factors.totp.factor import CLOCK_HINT, TotpFactor, import_secret
from flask_mfa_gate.settings import Settings
from flask_mfa_gate.store import Store
from flask_mfa_gate.store.enrollment.factors import NewFactor
from tests.conftest import at_once, holder
from tests.factors.conftest import parts_of

NOW = datetime(2026, 3, 2, 9, 0, 7, tzinfo=UTC)
STEP = timedelta(seconds=30)
SIX, EIGHT = TotpShape(), TotpShape(digits=8)
RFC_KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
OTHER_KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def factor(store: Store, keyring: Keyring) -> TotpFactor:
    return TotpFactor(parts_of(store, keyring))


def code_of(secret: str, now: datetime) -> str:
    return pyotp.TOTP(secret).generate_otp(int(now.timestamp()) // 30)


def begin(factor: TotpFactor, store: Store, lineage: str = "a", *, user: str = "7", now: datetime = NOW) -> str:
    with store.database.write() as tx:
        return factor.begin(tx, Enrollee(user, lineage), now=now).secret


def confirm(
    factor: TotpFactor, store: Store, code: str, lineage: str = "a", *, user: str = "7", now: datetime = NOW
) -> str | None:
    with store.database.write() as tx:
        return factor.confirm(tx, Enrollee(user, lineage), code, now=now)


def is_accepted(factor: TotpFactor, store: Store, code: str, *, user: str = "7", now: datetime = NOW) -> bool:
    with store.database.write() as tx:
        return factor.verify(tx, holder(store, tx, user), code, state=NOTHING, now=now) is not None


def hint(factor: TotpFactor, store: Store, code: str, *, now: datetime = NOW) -> str | None:
    with store.database.read() as tx:
        return factor.explain(tx, "7", code, now=now).hint


def held(store: Store, secret: str, keyring: Keyring, *, step: int = 0, user: str = "7", shape: TotpShape = SIX) -> str:
    """A live key, whose last used step is ``step``."""
    factor_id = new_id()
    with store.database.write() as tx:
        store.factors.add_pending(
            tx,
            NewFactor(
                id=factor_id,
                user_key=user,
                kind=FactorKind("totp"),
                name="App",
                sealed=import_secret(keyring, secret, factor_id=factor_id, user=user),
                data=shape.to_data(),
                lineage="x",
            ),
            now=NOW,
        )
        assert store.factors.try_confirm(tx, factor_id, counter=step, name="App", now=NOW)
    return factor_id


def test_a_session_is_shown_one_key_and_another_session_another(factor: TotpFactor, store: Store) -> None:
    assert begin(factor, store, "a") == begin(factor, store, "a") != begin(factor, store, "b")
    assert begin(factor, store, "a", user="8") not in {begin(factor, store, "a"), begin(factor, store, "b")}


def test_a_key_that_nobody_confirmed_lives_for_a_day(factor: TotpFactor, store: Store) -> None:
    secret, day = begin(factor, store), timedelta(days=1)
    assert begin(factor, store, now=NOW + day - timedelta(seconds=1)) == secret
    assert confirm(factor, store, code_of(secret, NOW + day), now=NOW + day) is None
    assert begin(factor, store, now=NOW + day) != secret


def test_a_wrong_code_leaves_the_key_as_it_is(factor: TotpFactor, store: Store) -> None:
    secret = begin(factor, store)
    assert confirm(factor, store, code_of(secret, NOW + 5 * STEP)) is None
    assert begin(factor, store) == secret
    assert confirm(factor, store, code_of(secret, NOW))


def test_only_the_session_and_the_user_of_a_key_confirm_it(factor: TotpFactor, store: Store) -> None:
    code = code_of(begin(factor, store), NOW)
    assert confirm(factor, store, code, "b") is None
    assert confirm(factor, store, code, user="8") is None
    assert confirm(factor, store, code)


def test_nothing_is_accepted_before_the_first_confirmation(factor: TotpFactor, store: Store) -> None:
    secret = begin(factor, store)
    assert not is_accepted(factor, store, code_of(secret, NOW))


def test_the_code_that_confirmed_is_used_up(factor: TotpFactor, store: Store) -> None:
    secret = begin(factor, store)
    assert confirm(factor, store, code_of(secret, NOW))
    assert not is_accepted(factor, store, code_of(secret, NOW))
    assert not is_accepted(factor, store, code_of(secret, NOW - STEP)), "nor is an older one good"
    assert is_accepted(factor, store, code_of(secret, NOW + STEP)), "the next one is, also a little early"


def test_the_first_confirmation_wins_and_the_other_keys_are_void(factor: TotpFactor, store: Store) -> None:
    """SECURITY: a thief who was shown a key before must not confirm it later."""
    with store.database.write() as tx:
        for lineage in ("a", "b"):
            signed_in = GateSession(lineage * 64, lineage, "7", Assurance(SignIn.PASSWORD, NOW), NOW, NOW)
            store.sessions.add(tx, signed_in)
    first, second = begin(factor, store, "a"), begin(factor, store, "b")
    assert confirm(factor, store, code_of(first, NOW), "a")
    assert confirm(factor, store, code_of(second, NOW), "b") is None
    assert begin(factor, store, "b") not in {first, second}
    later = NOW + STEP
    assert not is_accepted(factor, store, code_of(second, later), now=later)
    assert is_accepted(factor, store, code_of(first, later), now=later)


def test_a_replaced_key_works_until_the_new_one_is_confirmed_and_hands_on_its_name(
    factor: TotpFactor, store: Store, keyring: Keyring
) -> None:
    old_id = held(store, RFC_KEY, keyring)
    with store.database.write() as tx:
        assert store.factors.rename(tx, old_id, user_key="7", name="My phone")
    new = begin(factor, store)
    assert is_accepted(factor, store, code_of(RFC_KEY, NOW))
    assert confirm(factor, store, code_of(new, NOW))
    later = NOW + STEP
    assert not is_accepted(factor, store, code_of(RFC_KEY, later), now=later)
    assert is_accepted(factor, store, code_of(new, later), now=later)
    with store.database.read() as tx:
        assert [live.name for live in store.factors.confirmed(tx, "7")] == ["My phone"]


def test_a_void_key_forgets_its_secret(factor: TotpFactor, store: Store, keyring: Keyring) -> None:
    held(store, RFC_KEY, keyring)
    assert confirm(factor, store, code_of(begin(factor, store), NOW))
    with store.database.read() as tx:
        assert [bool(one.sealed) for one in store.factors.record(tx, "7")] == [False, True]


@pytest.mark.parametrize(("apart", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_to_each_side_is_accepted(
    factor: TotpFactor, store: Store, keyring: Keyring, apart: int, accepted: bool
) -> None:
    held(store, RFC_KEY, keyring)
    assert is_accepted(factor, store, code_of(RFC_KEY, NOW + apart * STEP)) is accepted


@pytest.mark.parametrize("apart", [-1, 0, 1])
def test_no_window_means_this_step_only(store: Store, keyring: Keyring, apart: int) -> None:
    strict = TotpFactor(parts_of(store, keyring, Settings(totp_window=0)))
    held(store, RFC_KEY, keyring)
    assert is_accepted(strict, store, code_of(RFC_KEY, NOW + apart * STEP)) is (apart == 0)


def test_codes_are_good_once_and_only_forward(factor: TotpFactor, store: Store, keyring: Keyring) -> None:
    held(store, RFC_KEY, keyring)
    assert is_accepted(factor, store, code_of(RFC_KEY, NOW))
    assert not is_accepted(factor, store, code_of(RFC_KEY, NOW))
    assert not is_accepted(factor, store, code_of(RFC_KEY, NOW - STEP)), "older and never used"
    assert is_accepted(factor, store, code_of(RFC_KEY, NOW + STEP))


@pytest.mark.parametrize("back", [timedelta(seconds=60), timedelta(days=1)])
def test_a_clock_that_went_back_makes_no_code_good_again(
    factor: TotpFactor, store: Store, keyring: Keyring, back: timedelta
) -> None:
    held(store, RFC_KEY, keyring)
    assert is_accepted(factor, store, code_of(RFC_KEY, NOW))
    earlier = NOW - back
    assert not is_accepted(factor, store, code_of(RFC_KEY, NOW), now=earlier)
    assert not is_accepted(factor, store, code_of(RFC_KEY, earlier), now=earlier)
    later = NOW + STEP
    assert is_accepted(factor, store, code_of(RFC_KEY, later), now=later), "good again when time has caught up"


def test_a_clock_that_was_ahead_for_a_day_opens_nothing(factor: TotpFactor, store: Store, keyring: Keyring) -> None:
    held(store, RFC_KEY, keyring)
    ahead = NOW + timedelta(days=1)
    assert is_accepted(factor, store, code_of(RFC_KEY, ahead), now=ahead)
    assert not is_accepted(factor, store, code_of(RFC_KEY, NOW))


def test_a_code_of_another_user_is_wrong(factor: TotpFactor, store: Store, keyring: Keyring) -> None:
    held(store, RFC_KEY, keyring, user="8")
    assert not is_accepted(factor, store, code_of(RFC_KEY, NOW))


@pytest.mark.parametrize("apart", [-20, -2])
def test_the_owner_of_a_wrong_clock_is_told_and_nothing_is_used_up(
    factor: TotpFactor, store: Store, keyring: Keyring, apart: int
) -> None:
    held(store, RFC_KEY, keyring)
    assert hint(factor, store, code_of(RFC_KEY, NOW + apart * STEP)) == CLOCK_HINT
    assert is_accepted(factor, store, code_of(RFC_KEY, NOW))


@pytest.mark.parametrize("apart", [-21, 0, 2, 20, 21])
def test_other_codes_give_no_hint(factor: TotpFactor, store: Store, keyring: Keyring, apart: int) -> None:
    held(store, RFC_KEY, keyring)
    assert hint(factor, store, code_of(RFC_KEY, NOW + apart * STEP)) is None


def test_the_codes_of_the_standard_are_accepted(factor: TotpFactor, store: Store, keyring: Keyring) -> None:
    """RFC 6238 appendix B, SHA-1, in both lengths, through the stored key."""
    vectors = {
        59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924",
        2000000000: "69279037", 20000000000: "65353130",
    }  # fmt: skip
    for user, shape in (("8", EIGHT), ("6", SIX)):
        held(store, RFC_KEY, keyring, user=user, shape=shape)
        for seconds, code in vectors.items():
            now = datetime.fromtimestamp(seconds, UTC)
            short = code[-shape.digits :]
            assert factor.read(short) == (CodeShape.OK, short)
            assert is_accepted(factor, store, short, user=user, now=now), (shape, seconds)


# Digits, period and algorithm are the key's own


SHAPES = [SIX, EIGHT, TotpShape(period=60), TotpShape(algorithm=Algorithm.SHA256), TotpShape(8, 60, Algorithm.SHA512)]
OTHERS = [Settings(), Settings(totp_digits=8), Settings(totp_period=60), Settings(totp_digits=8, totp_period=60)]


def code_in(shape: TotpShape, now: datetime, secret: str = RFC_KEY) -> str:
    digest = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}[shape.algorithm]
    return pyotp.TOTP(secret, digits=shape.digits, interval=shape.period, digest=digest).at(now)


@pytest.mark.parametrize("later", OTHERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_key_keeps_its_shape_whatever_the_settings_become(
    store: Store, keyring: Keyring, shape: TotpShape, later: Settings
) -> None:
    held(store, RFC_KEY, keyring, shape=shape)
    factor, now = TotpFactor(parts_of(store, keyring, later)), NOW + timedelta(minutes=5)
    assert hint(factor, store, code_in(shape, now - 10 * timedelta(seconds=shape.period)), now=now) == CLOCK_HINT
    assert factor.read(code_in(shape, now))[0] is CodeShape.OK
    assert is_accepted(factor, store, code_in(shape, now), now=now)
    assert not is_accepted(factor, store, code_in(shape, now), now=now)


@pytest.mark.parametrize("first", OTHERS)
def test_a_key_that_waits_keeps_the_shape_it_was_shown_with(store: Store, keyring: Keyring, first: Settings) -> None:
    with store.database.write() as tx:
        shown = TotpFactor(parts_of(store, keyring, first)).begin(tx, Enrollee("7", "a"), now=NOW)
    for later in OTHERS:
        with store.database.write() as tx:
            assert (
                TotpFactor(parts_of(store, keyring, later)).begin(tx, Enrollee("7", "a"), now=NOW).shape == shown.shape
            )
    last = TotpFactor(parts_of(store, keyring, OTHERS[-1]))
    assert confirm(last, store, code_in(shown.shape, NOW, shown.secret)) is not None


def test_steps_of_another_period_are_not_mixed(store: Store, keyring: Keyring) -> None:
    """SECURITY: a step of 60 seconds is half the number of one of 30, so that a used one would look unused."""
    held(store, RFC_KEY, keyring, shape=SIX)
    before, after = TotpFactor(parts_of(store, keyring)), TotpFactor(parts_of(store, keyring, Settings(totp_period=60)))
    assert is_accepted(before, store, code_in(SIX, NOW))
    assert not is_accepted(after, store, code_in(SIX, NOW))
    assert is_accepted(after, store, code_in(SIX, NOW + STEP), now=NOW + STEP)
    assert not is_accepted(before, store, code_in(SIX, NOW + STEP), now=NOW + STEP)


@pytest.mark.parametrize("data", [{"digits": 5}, {"digits": 7}, {"period": 0}, {"period": 3600}, {"algorithm": "MD5"}])
def test_a_shape_that_no_key_has_opens_nothing(store: Store, keyring: Keyring, data: dict[str, Any]) -> None:
    held(store, RFC_KEY, keyring)
    with store.database.write() as tx:
        tx.execute(store.tables.factor.update().values(data={**SIX.to_data(), **data}))
    factor = TotpFactor(parts_of(store, keyring))
    assert not is_accepted(factor, store, code_in(SIX, NOW))
    with store.database.read() as tx:
        assert factor.challenge(holder(store, tx), now=NOW).public == {"digits": 6, "period": 30}, (
            "its pages still open"
        )


@pytest.mark.parametrize("raw", ["1234567", "12345", "123456789"])
def test_what_no_key_makes_is_of_the_wrong_shape(factor: TotpFactor, raw: str) -> None:
    assert factor.read(raw) == (CodeShape.WRONG, "")


def test_a_used_code_is_not_taken_in_another_spelling(factor: TotpFactor, store: Store, keyring: Keyring) -> None:
    held(store, RFC_KEY, keyring)
    code = code_of(RFC_KEY, NOW)
    assert is_accepted(factor, store, code)
    assert factor.read("".join(chr(ord(digit) + 0xFEE0) for digit in code)) == (CodeShape.WRONG, "")
    spaced = factor.read(f" {code[:3]}-{code[3:]} ")
    assert spaced == (CodeShape.OK, code)
    assert not is_accepted(factor, store, spaced[1])


def test_of_eight_threads_with_one_code_one_is_let_in(factor: TotpFactor, store: Store, keyring: Keyring) -> None:
    held(store, RFC_KEY, keyring)
    code = code_of(RFC_KEY, NOW)

    def try_it() -> bool:
        return store.database.transact(
            lambda tx: factor.verify(tx, holder(store, tx), code, state=NOTHING, now=NOW) is not None
        )

    answers = at_once([try_it] * 8)
    assert sorted(answers) == [False] * 7 + [True]


def test_of_eight_threads_that_burn_one_step_one_does(store: Store, keyring: Keyring) -> None:
    factor_id = held(store, RFC_KEY, keyring, step=10)

    def burn() -> bool:
        return store.database.transact(lambda tx: store.factors.try_advance(tx, factor_id, counter=11, now=NOW))

    burned = at_once([burn] * 8)
    assert sorted(burned) == [False] * 7 + [True]


@pytest.mark.parametrize("column", ["user_key", "id", "secret"])
def test_a_key_that_was_moved_is_refused_and_leaves_its_new_user_their_own(
    factor: TotpFactor, store: Store, keyring: Keyring, caplog: pytest.LogCaptureFixture, column: str
) -> None:
    moved = {"user_key": "7", "id": "f" * 32, "secret": b"\x02cut off"}[column]
    foreign = held(store, OTHER_KEY, keyring, user="7" if column != "user_key" else "8")
    held(store, RFC_KEY, keyring)
    with store.database.write() as tx:
        table = store.tables.factor
        tx.execute(table.update().where(table.c.id == foreign).values({column: moved}))
    assert not is_accepted(factor, store, code_of(OTHER_KEY, NOW))
    assert hint(factor, store, code_of(OTHER_KEY, NOW)) is None
    assert is_accepted(factor, store, code_of(RFC_KEY, NOW)), "one's own still opens"
    assert "of the user '7' is refused: SecretMisplaced" in caplog.text


def test_a_waiting_key_that_was_moved_is_replaced(factor: TotpFactor, store: Store) -> None:
    secret = begin(factor, store)
    with store.database.write() as tx:
        tx.execute(store.tables.factor.update().values(user_key="8"))
    assert confirm(factor, store, code_of(secret, NOW), user="8") is None
    fresh = begin(factor, store, user="8")
    assert fresh != secret
    assert confirm(factor, store, code_of(fresh, NOW), user="8")


def test_a_keyring_without_the_key_lets_nobody_in(store: Store, keyring: Keyring) -> None:
    held(store, RFC_KEY, keyring)
    stranger = TotpFactor(parts_of(store, Keyring.from_keys([b"\x02" * 32])))
    with pytest.raises(SecretUnreadable):
        is_accepted(stranger, store, code_of(RFC_KEY, NOW))
    rotated = TotpFactor(parts_of(store, Keyring.from_keys([b"\x02" * 32, b"\x01" * 32])))
    assert is_accepted(rotated, store, code_of(RFC_KEY, NOW))


def test_the_key_is_sealed_at_rest_and_shown_in_groups_of_four(factor: TotpFactor, store: Store) -> None:
    with store.database.write() as tx:
        pending = factor.begin(tx, Enrollee("7", "a"), now=NOW)
        (row,) = tx.execute(store.factors._table.select()).all()
    assert pending.secret.encode() not in row.secret
    assert "".join(pending.grouped()) == pending.secret
    assert {len(group) for group in pending.grouped()} == {4}
