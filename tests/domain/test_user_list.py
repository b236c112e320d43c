"""Cursors, the words of a search, and the order of names."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.people.user_list import NEVER, NO_DEADLINE, Position, UserQuery, UserSort
from flask_mfa_gate.domain.people.user_search import searched_words, sort_name, words_in, words_of_search
from flask_mfa_gate.errors import BadCursor, BadRequest

KEPT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=191)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


@given(KEPT, KEPT, MOMENTS)
def test_a_cursor_leads_back_to_where_it_was_given_out_and_only_in_its_own_order(
    name: str, key: str, moment: datetime
) -> None:
    for sort in UserSort:
        place = Position(name if sort is UserSort.NAME else moment, key)
        cursor = place.to_cursor(sort)
        assert UserQuery(sort=sort, cursor=cursor).after == place
        assert cursor.replace("-", "").replace("_", "").isalnum()
        for other in set(UserSort) - {sort}:
            with pytest.raises(BadCursor):
                Position.of_cursor(cursor, other)
    for end in (NEVER, NO_DEADLINE):
        assert Position.of_cursor(Position(end, key).to_cursor(UserSort.DEADLINE), UserSort.DEADLINE).value == end


def packed(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(
    st.one_of(
        st.text(max_size=50),
        st.sampled_from(
            [
                packed(["name", "x"]), packed(["name", 1, "k"]), packed(["name", "x", None]), packed({"name": 1}),
                packed(["name", "x" * 192, "k"]), packed(["name", "x", "k" * 192]), packed(["name", "\0", "k"]),
                packed(["name", "\ud800", "k"]), packed("name"), packed(None), "[" * 5000, packed([[]] * 900),
                base64.urlsafe_b64encode(b"[" * 3000).decode(),
            ]
        ),
    )
)  # fmt: skip
def test_any_other_text_is_a_bad_cursor(text: str) -> None:
    with pytest.raises(BadCursor):
        Position.of_cursor(text, UserSort.NAME)


@pytest.mark.parametrize(
    "moment",
    ["", "soon", "1969-12-31T23:59:59+00:00", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00", 7, None],
)
def test_a_cursor_of_no_moment_is_a_bad_one(moment: Any) -> None:
    with pytest.raises(BadCursor):
        Position.of_cursor(packed(["deadline", moment, "k"]), UserSort.DEADLINE)


@pytest.mark.parametrize("size", [0, 1, 21, 1000, -20, True])
def test_pages_have_one_of_three_sizes(size: int) -> None:
    with pytest.raises(BadRequest, match="20, 50, 100"):
        UserQuery(per_page=size)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Özil, Mesut", {"ozil", "mesut"}), ("O\u0308ZIL", {"ozil"}), ("o'brien@example.org", {"o", "brien", "example", "org"}),
        ("STRASSE straße", {"strasse"}), ("u_1-2", {"u", "1", "2"}), ("％ _ \\ -", set()), ("", set()),
        ("山田 太郎", {"山田", "太郎"}), ("Iİı", {"iiı"}), ("a" * 50, {"a" * 40}), ("Ⅷ ﬁn", {"viii", "fin"}),
    ],
)  # fmt: skip
def test_words_are_small_letters_and_digits_without_accents(text: str, words: set[str]) -> None:
    assert words_in(text) == words


@given(KEPT, KEPT)
def test_who_types_a_word_in_any_case_finds_it_however_much_of_it_is_typed(name: str, email: str) -> None:
    there = searched_words(Person("k", name, email))
    for typed in (name, name.upper(), name.lower()):
        for word in words_in(typed):
            assert any(one.startswith(word[:3]) for one in there) or typed != name
    assert words_in(name) <= there
    assert all(words_in(word) == {word} for word in there), "a word is its own search"


def test_a_search_is_bounded() -> None:
    assert words_of_search("b a b") == ["a", "b"]
    for text in (" ".join("abcdefghijk"), "a" * 1001):
        with pytest.raises(BadRequest, match="at most 10 words"):
            words_of_search(text)


def test_names_sort_without_case_and_those_without_a_name_by_what_is_shown_instead() -> None:
    people = [
        Person("1", "bob"),
        Person("2", "Anna"),
        Person("Z"),
        Person("4", "", "Carl@example.org"),
        Person("5", "ẞ"),
    ]
    assert [one.key for one in sorted(people, key=sort_name)] == ["2", "1", "4", "5", "Z"]
    assert len(sort_name(Person("k", "ß" * 191))) == 191
