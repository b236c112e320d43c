"""Where the tables live."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL

from flask_mfa_gate.errors import ConfigError
from flask_mfa_gate.store.database.location import Location, locate

INSTANCE = "/srv/app/instance"


def configured(uri: str, host_uri: str | None = "postgresql://host/app") -> Location:
    return locate(configured=uri, host_uri=host_uri, instance_path=INSTANCE)


def beside(host_uri: str | None) -> Location:
    return locate(configured=None, host_uri=host_uri, instance_path=INSTANCE)


def file_uri(name: str) -> str:
    """Written out by SQLAlchemy, whose versions differ in what they quote."""
    return str(URL.create("sqlite", database=name, query={"uri": "true"}))


def test_without_a_host_a_file_in_the_instance_folder() -> None:
    found = beside(None)
    assert found.url.database == f"{INSTANCE}/mfa_gate.sqlite3"
    assert (found.embedded, found.memory) == (True, False)
    assert found.folder == Path(INSTANCE)


def test_a_server_of_the_host_is_shared_with_the_driver_it_chose() -> None:
    found = beside("mysql+pymysql://app:geheim@db/portal?charset=utf8")
    assert found.url.render_as_string(hide_password=False) == "mysql+pymysql://app:geheim@db/portal?charset=utf8"
    assert (found.embedded, found.memory) == (False, False)


@pytest.mark.parametrize(
    ("given_uri", "drivername"),
    [("postgres://u:p@db/x", "postgresql"), ("postgres+psycopg://u:p@db/x", "postgresql+psycopg")],
)
def test_the_old_name_of_postgresql_is_understood(given_uri: str, drivername: str) -> None:
    assert configured(given_uri).url.drivername == drivername
    assert beside(given_uri).url.drivername == drivername


@pytest.mark.parametrize(
    ("host_uri", "folder"),
    [
        ("sqlite:///portal.db", INSTANCE),
        ("sqlite:///data/portal.db?timeout=3", f"{INSTANCE}/data"),
        ("sqlite:////var/lib/portal/portal.db", "/var/lib/portal"),
        ("sqlite+pysqlite:////var/lib/portal/portal.db", "/var/lib/portal"),
        ("sqlite:///file:data/portal.db?mode=rw&uri=true", f"{INSTANCE}/data"),
        (file_uri("file:/var/lib/a%20b/portal.db"), "/var/lib/a b"),
        ("sqlite:///file:///var/lib/portal/portal.db?uri=true", "/var/lib/portal"),
        ("sqlite:///file://localhost/var/lib/portal/portal.db?uri=true", "/var/lib/portal"),
        ("sqlite:///file:portal.db", INSTANCE),
    ],
)
def test_beside_an_sqlite_host_a_file_of_its_own(host_uri: str, folder: str) -> None:
    found = beside(host_uri)
    assert found.url.database == f"{folder}/mfa_gate.sqlite3"
    assert (found.embedded, found.memory) == (True, False)
    assert found.url.query == {}


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite+pysqlite:///:memory:",
        "sqlite:///file::memory:?cache=shared&uri=true",
        "sqlite:///file:portal?mode=memory&cache=shared&uri=true",
    ],
)
def test_a_memory_database_is_of_the_gates_own(uri: str) -> None:
    for found in (beside(uri), configured(uri)):
        assert (found.embedded, found.memory) == (False, True)
    assert str(beside(uri).url) == "sqlite://"


def test_configured_wins_and_a_configured_file_is_the_operators() -> None:
    found = configured("sqlite:////data/gate.db?timeout=9", host_uri="sqlite:///portal.db")
    assert str(found.url) == "sqlite:////data/gate.db?timeout=9"
    assert (found.embedded, found.memory) == (False, False)


@pytest.mark.parametrize(
    ("uri", "database"),
    [
        ("sqlite:///gate.db", f"{INSTANCE}/gate.db"),
        (file_uri("file:my%20gate.db"), f"file:{INSTANCE}/my%20gate.db"),
    ],
)
def test_a_configured_relative_file_is_in_the_instance_folder(uri: str, database: str) -> None:
    found = configured(uri)
    assert found.url.database == database
    assert dict(found.url.query) == ({"uri": "true"} if "uri=true" in uri else {})


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "geheim",
        "postgresql+asyncpg://u:geheim@db/x",
        "sqlite+aiosqlite:///geheim.db",
        "oracle://u:geheim@db/x",
        "nosuch://u:geheim@db/x",
        "postgresql+nosuch://u:geheim@db/x",
        "postgresql://u:geheim@db:port/x",
        "mongodb://u:geheim@db/x",
    ],
)
def test_an_unusable_address_names_the_key_and_never_the_password(uri: str) -> None:
    for key, arguments in (
        ("MFA_GATE_DATABASE_URI", {"configured": uri, "host_uri": None}),
        ("SQLALCHEMY_DATABASE_URI", {"configured": None, "host_uri": uri}),
    ):
        with pytest.raises(ConfigError, match=key) as caught:
            locate(instance_path=INSTANCE, **arguments)
        assert caught.value.key == key
        assert "geheim" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_a_host_on_another_server_is_told_the_way_out() -> None:
    with pytest.raises(ConfigError, match="MFA_GATE_DATABASE_URI"):
        beside("oracle://db/x")


@given(st.one_of(st.text(), st.from_regex(r"[a-z+]{2,12}://.{0,40}", fullmatch=True)))
def test_any_text_is_a_place_or_a_config_error(uri: str) -> None:
    try:
        found = beside(uri)
    except ConfigError:
        return
    assert not found.embedded or Path(found.url.database or "").name == "mfa_gate.sqlite3"
