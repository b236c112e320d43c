"""The key of a user who is a row of the host's model is never that of somebody else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from werkzeug.local import LocalProxy

from flask_mfa_gate.errors import ConfigError, HostCallbackFailed, NamelessUser
from flask_mfa_gate.services.people.model_keys import ModelKey
from flask_mfa_gate.services.people.persons import read_attribute
from flask_mfa_gate.services.people.user_objects import key_of


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "person"
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(9), default="person")
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}


class Clerk(Person):
    """In the same table."""

    __mapper_args__ = {"polymorphic_identity": "clerk"}


class Boss(Person):
    """In a table beside it, with the same numbers."""

    __tablename__ = "boss"
    number: Mapped[int] = mapped_column(ForeignKey("person.number"), primary_key=True)
    __mapper_args__ = {"polymorphic_identity": "boss"}


class Robot(Person):
    """In a table of its own, which counts from 1 again."""

    __tablename__ = "robot"
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(9))
    __mapper_args__ = {"concrete": True, "polymorphic_identity": "robot"}


class Stranger(Base):
    __tablename__ = "stranger"
    number: Mapped[int] = mapped_column(primary_key=True)


class Seat(Base):
    __tablename__ = "seat"
    row: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)


@pytest.mark.parametrize("model", [Person, Clerk, Boss])
def test_a_row_and_what_shares_its_table_have_its_number(model: Any) -> None:
    assert key_of(model(number=7), ModelKey(Person)) == "7"
    assert key_of(LocalProxy(lambda: model(number=7)), ModelKey(Person)) == "7"


@pytest.mark.parametrize(
    "user", [Robot(number=7), Stranger(number=7), {"number": 7}, LocalProxy(lambda: Robot(number=7))]
)
def test_another_class_borrows_no_number(user: Any) -> None:
    with pytest.raises(NamelessUser, match="user_key="):
        key_of(user, ModelKey(Person))


def test_a_parent_is_no_row_of_its_subclass() -> None:
    with pytest.raises(NamelessUser):
        key_of(Person(number=7), ModelKey(Clerk))


def test_a_row_without_a_number_has_no_key() -> None:
    with pytest.raises(HostCallbackFailed):
        key_of(Person(), ModelKey(Person))


def test_of_a_key_of_several_columns_no_single_one_is_taken() -> None:
    with pytest.raises(ConfigError, match=r"row, number.*user_key="):
        ModelKey(Seat)


def test_the_column_that_is_the_key_can_be_told() -> None:
    assert read_attribute(ModelKey(Person)) == "number"
