"""Ten ways back in, each good once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flask_mfa_gate.crypto import Keyring
from flask_mfa_gate.domain.factors.typed_code import CodeShape
from flask_mfa_gate.factors.base import NOTHING, Why
from flask_mfa_gate.factors.recovery_codes import RecoveryCodes
from flask_mfa_gate.store import Store
from tests.conftest import at_once, holder
from tests.factors.conftest import parts_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def factor(store: Store, keyring: Keyring) -> RecoveryCodes:
    return RecoveryCodes(parts_of(store, keyring))


def make(factor: RecoveryCodes, store: Store, user: str = "7") -> list[str]:
    with store.database.write() as tx:
        return factor.issue(tx, user, now=NOW)


def is_accepted(factor: RecoveryCodes, store: Store, typed: str, user: str = "7") -> bool:
    shape, code = factor.read(typed)
    assert shape is CodeShape.OK
    with store.database.write() as tx:
        return factor.verify(tx, holder(store, tx, user), code, state=NOTHING, now=NOW) is not None


def left(store: Store, user: str = "7") -> int:
    with store.database.read() as tx:
        return store.recovery_codes.left(tx, user)


def test_ten_different_codes_in_groups_of_four(factor: RecoveryCodes, store: Store) -> None:
    codes = make(factor, store)
    assert len(set(codes)) == 10 == left(store)
    assert all([len(group) for group in code.split("-")] == [4, 4, 4, 4] for code in codes)


def test_each_is_good_once_however_it_is_typed(factor: RecoveryCodes, store: Store) -> None:
    codes = make(factor, store)
    typed = [codes[0], codes[1].lower(), codes[2].replace("-", ""), f" {codes[3]} ", codes[4].replace("-", " ")]
    for used, text in enumerate(typed, start=1):
        assert is_accepted(factor, store, text)
        assert left(store) == 10 - used
        assert not is_accepted(factor, store, text)
    assert left(store) == 5


def test_codes_of_another_user_are_wrong(factor: RecoveryCodes, store: Store) -> None:
    mine, theirs = make(factor, store), make(factor, store, "8")
    assert not is_accepted(factor, store, theirs[0])
    assert not is_accepted(factor, store, mine[0], "8")
    assert not is_accepted(factor, store, mine[0], "nobody")
    assert (left(store), left(store, "8")) == (10, 10)


def test_a_new_set_voids_the_old_one(factor: RecoveryCodes, store: Store) -> None:
    old = make(factor, store)
    new = make(factor, store)
    assert not any(is_accepted(factor, store, code) for code in old)
    assert all(is_accepted(factor, store, code) for code in new)
    assert left(store) == 0


def test_no_code_is_kept_and_two_rows_never_look_alike(
    factor: RecoveryCodes, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_mfa_gate.factors.recovery_codes.factor.make_code", lambda _random: "ABCDEFGHIJKLMNOP")
    codes = make(factor, store)
    with store.database.read() as tx:
        rows = tx.execute(store.recovery_codes._table.select()).all()
    assert len(set(codes)) == 1
    assert len({row.sealed for row in rows}) == 10, "one code has another digest in each row"
    dumped = repr(rows)
    assert codes[0] not in dumped
    assert codes[0].replace("-", "") not in dumped


def test_a_digest_copied_to_another_user_is_worth_nothing(factor: RecoveryCodes, store: Store) -> None:
    mine = make(factor, store)
    make(factor, store, "8")
    table = store.recovery_codes._table
    with store.database.write() as tx:
        digests = [row.sealed for row in tx.execute(table.select().where(table.c.user_key == "7"))]
        tx.execute(table.update().where(table.c.user_key == "8").values(sealed=digests[0]))
    assert not any(is_accepted(factor, store, code, "8") for code in mine)


def test_codes_from_before_a_rotation_are_still_good(factor: RecoveryCodes, store: Store) -> None:
    codes = make(factor, store)
    rotated = RecoveryCodes(parts_of(store, Keyring.from_keys([b"\x02" * 32, b"\x01" * 32])))
    stranger = RecoveryCodes(parts_of(store, Keyring.from_keys([b"\x02" * 32])))
    assert not is_accepted(stranger, store, codes[0])
    assert is_accepted(rotated, store, codes[0])


def test_of_eight_threads_with_one_code_one_is_let_in(factor: RecoveryCodes, store: Store) -> None:
    _, code = factor.read(make(factor, store)[0])

    def try_it() -> bool:
        return store.database.transact(
            lambda tx: factor.verify(tx, holder(store, tx), code, state=NOTHING, now=NOW) is not None
        )

    answers = at_once([try_it] * 8)
    assert sorted(answers) == [False] * 7 + [True]
    assert left(store) == 9


def test_a_code_that_another_request_spent_meanwhile_is_not_spent_again(
    factor: RecoveryCodes, store: Store, keyring: Keyring
) -> None:
    """Between looking for the code and spending it."""
    _, code = factor.read(make(factor, store)[0])
    table = store.recovery_codes._table
    with store.database.write() as tx:

        def fits(row_id: str, kept: bytes) -> bool:
            tx.execute(table.update().values(used_at=NOW))
            return factor._digests.fits(kept, code, row=row_id, user="7")

        assert not store.recovery_codes.try_spend(tx, "7", fits, now=NOW)


def test_they_wait_but_are_never_stopped_and_give_no_hint(factor: RecoveryCodes, store: Store) -> None:
    assert factor.is_stoppable is False
    with store.database.read() as tx:
        assert factor.explain(tx, "7", "A" * 16, now=NOW) == Why()
