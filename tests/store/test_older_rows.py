"""What older tables held is good in the newest: secrets, codes, policies, records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import MetaData, Table, insert, select, text

from flask_mfa_gate.crypto import Keyring, _joined
from flask_mfa_gate.domain.factors.totp import TotpShape
from flask_mfa_gate.factors.access_pass import AccessPasses
from flask_mfa_gate.factors.base import NOTHING
from flask_mfa_gate.factors.parts import FactorParts
from flask_mfa_gate.factors.recovery_codes import RecoveryCodes
from flask_mfa_gate.factors.totp import TotpFactor
from flask_mfa_gate.services.audit.chain import HEAD, AuditChain
from flask_mfa_gate.services.audit.links import Head, _linked, personal_digest
from flask_mfa_gate.services.table_setup import AppId, TableSetup
from flask_mfa_gate.services.unit_of_work import TransactionRunner
from flask_mfa_gate.settings import Settings
from flask_mfa_gate.signals import Event
from flask_mfa_gate.store import Store, build_store, schema
from flask_mfa_gate.store.database.engine import Database
from flask_mfa_gate.store.records.audit import Record
from flask_mfa_gate.store.records.policies import digest_of
from tests.conftest import holder

NOW = datetime(2026, 3, 2, 9, 0, 7, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CODE = "A" * 16
KEYRING = Keyring.from_keys([b"\x01" * 32])


def table(store: Store, name: str) -> Table:
    """As it is in the database now."""
    with store.database.read() as tx:
        return Table(f"{store.tables.mark.name.removesuffix('mark')}{name}", MetaData(), autoload_with=tx)


def put(store: Store, name: str, /, **values: Any) -> None:
    moments = {
        key: value.replace(tzinfo=None) if isinstance(value, datetime) else value for key, value in values.items()
    }
    with store.database.write() as tx:
        tx.execute(insert(table(store, name)).values(moments))


def setup_of(store: Store, prefix: str, **settings: Any) -> TableSetup:
    worker = TransactionRunner(store, lambda: NOW, lambda _event: None, lambda _ids: None)
    chain = AuditChain(worker, KEYRING)
    return TableSetup(
        store, KEYRING, Settings(table_prefix=prefix, **settings), chain, AppId("shop", "shop", "", False)
    )


def old_secret() -> bytes:
    key = KEYRING._keys[0]
    sealed = key.cipher.encrypt(b"\0" * 12, SECRET.encode(), _joined("factor", "secret", "f"))
    return b"\x01" + key.key_id + b"\0" * 12 + sealed


@pytest.fixture
def store(empty_database: Database, prefix: str) -> Store:
    """At the revision before secrets were bound to their user, with a life in it."""
    schema.upgrade(empty_database, prefix=prefix, revision="0004")
    store = build_store(empty_database, prefix=prefix, keyring=KEYRING)
    put(
        store, "factor", id="f", user_key="7", kind="totp", name="App", secret=old_secret(), last_step=3,
        created_at=NOW, confirmed_at=NOW,
    )  # fmt: skip
    for name, purpose in (("recovery_code", "recovery-code"), ("access_pass", "access-pass")):
        terms = {
            "scope": "full",
            "one_time": True,
            "starts_at": NOW,
            "ends_at": NOW + timedelta(days=9),
            "issued_by": "cli",
        }
        put(
            store, name, id="c", user_key="7", digest=KEYRING.digest(CODE, purpose=purpose, row="c"), created_at=NOW,
            **(terms if name == "access_pass" else {}),
        )  # fmt: skip
    put(store, "policy_version", version=1, document="{}", author="cli", at=NOW, act="save", subject="")
    return store


@pytest.mark.parametrize(("digits", "period"), [(6, 30), (8, 30), (6, 60)])
def test_a_key_has_the_shape_of_the_settings_at_the_upgrade_and_keeps_it(
    store: Store, prefix: str, digits: int, period: int
) -> None:
    setup_of(store, prefix, totp_digits=digits, totp_period=period).upgrade()
    setup_of(store, prefix).upgrade()
    with store.database.write() as tx:
        (factor,) = store.factors.confirmed(tx, "7")
        assert TotpShape.from_data(factor.data or {}) == TotpShape(digits, period)
        code = pyotp.TOTP(SECRET, digits=digits, interval=period).at(NOW)
        assert TotpFactor(parts_of(store)).verify(tx, holder(store, tx), code, state=NOTHING, now=NOW) is not None


def parts_of(store: Store) -> FactorParts:
    return FactorParts(store, KEYRING, Settings(), "Portal")


def test_the_last_used_step_still_counts(store: Store, prefix: str) -> None:
    step = int(NOW.timestamp()) // 30
    with store.database.write() as tx:
        tx.execute(text(f"UPDATE {prefix}factor SET last_step = {step}"))
    setup_of(store, prefix).upgrade()
    with store.database.write() as tx:
        totp = TotpFactor(parts_of(store))
        assert totp.verify(tx, holder(store, tx), pyotp.TOTP(SECRET).at(NOW), state=NOTHING, now=NOW) is None
        later = NOW + timedelta(seconds=30)
        assert totp.verify(tx, holder(store, tx), pyotp.TOTP(SECRET).at(later), state=NOTHING, now=later) is not None


def test_codes_are_good_for_their_owner_and_sealed_for_nobody_else(store: Store, prefix: str) -> None:
    setup_of(store, prefix).upgrade()
    for name, factor in (("recovery_code", RecoveryCodes), ("access_pass", AccessPasses)):
        rows = getattr(store.tables, name)
        with store.database.write() as tx:
            tx.execute(rows.update().values(user_key="8"))
            assert factor(parts_of(store)).verify(tx, holder(store, tx, "8"), CODE, state=NOTHING, now=NOW) is None, (
                "a row that was given away"
            )
            tx.execute(rows.update().values(user_key="7"))
            assert factor(parts_of(store)).verify(tx, holder(store, tx), CODE, state=NOTHING, now=NOW) is not None


def test_a_digest_in_clear_opens_nothing_any_more(store: Store, prefix: str) -> None:
    """SECURITY: else whoever writes to the database puts one of his own codes from before into another's row."""
    setup_of(store, prefix).upgrade()
    clear = KEYRING.digest(CODE, purpose="recovery-code", row="c").encode()
    with store.database.write() as tx:
        tx.execute(store.tables.recovery_code.update().values(sealed=clear))
        assert not RecoveryCodes(parts_of(store)).verify(tx, holder(store, tx), CODE, state=NOTHING, now=NOW)


def test_a_policy_version_is_known_by_its_content(store: Store, prefix: str) -> None:
    setup_of(store, prefix).upgrade()
    with store.database.read() as tx:
        assert store.policies.in_force(tx) == digest_of(1, "{}")


def bare_record(store: Store) -> None:
    """One of somebody who was renamed, as it was left then: in the chain, and without its salt."""
    said = Record(1, Event("mfa_reset", NOW, "user:1", "old", details={}), 1, None, None, None, None)
    personal = personal_digest(said, "salt")
    mac = KEYRING.digest(_linked(said, 1, personal, Head()), purpose="audit-chain", row="1")
    with store.database.write() as tx:
        tx.execute(
            insert(store.tables.audit).values(
                id=1, at=NOW, event="mfa_reset", actor="user:1", subject="new", details={}, number=1, mac=mac,
                personal=personal,
            )
        )  # fmt: skip
        store.checkpoints.put(tx, HEAD, at=NOW, value=f"1:{mac}")


def test_records_that_were_amended_before_are_vouched_for_once(store: Store, prefix: str) -> None:
    """SECURITY: only in the upgrade itself. What is bare and not vouched for afterwards was forged."""
    bare_record(store)
    setup = setup_of(store, prefix)
    setup.upgrade()
    assert (setup.audit.verify().verified, setup.audit.verify().bare, setup.audit.verify().broken_at) == (1, 1, None)
    with store.database.write() as tx:
        tx.execute(store.tables.audit.update().values(subject="forged", amended=None))
    setup.upgrade()
    assert setup.audit.verify().broken_at == 1


def test_nothing_of_a_policy_is_lost_on_the_way_down(store: Store, prefix: str) -> None:
    setup_of(store, prefix).upgrade()
    schema.downgrade(store.database, prefix=prefix, revision="0004")
    with store.database.read() as tx:
        row = tx.execute(select(table(store, "policy_version"))).one()
        assert (row.version, row.document) == (1, "{}")
        assert tx.execute(select(table(store, "recovery_code"))).one().digest == "", "sealed, and so worthless"
        assert tx.execute(select(table(store, "factor"))).one().last_step == 3
