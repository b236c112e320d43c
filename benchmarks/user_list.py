"""Pages of a list of users among many: the first and the thousandth of each filter and each order, two filters at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, Engine, Table, event, func, insert, select, text

from benchmarks import kit
from flask_mfa_gate.domain.enrollment.enrollment import Status
from flask_mfa_gate.domain.people.roles import Role
from flask_mfa_gate.domain.people.user_filter import EVERYBODY, UserFilter
from flask_mfa_gate.domain.people.user_list import NEVER, NO_DEADLINE, UserQuery, UserSort
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from flask_mfa_gate.store.people.user_list import UserList
from flask_mfa_gate.web.state import GateState

DEEP = 999 * 50
FILTERS = {
    **{status.value: UserFilter(status=status) for status in Status if status is not Status.DISABLED},
    "required": UserFilter(required=True), "not required": UserFilter(required=False),
    "totp": UserFilter(factor=FactorKind("totp")), "webauthn": UserFilter(factor=FactorKind("webauthn")),
    "no factor": UserFilter(holds_any=False), "24 h": UserFilter(ends_within=timedelta(days=1)),
    "7 days": UserFilter(ends_within=timedelta(days=7)), "group of many": UserFilter(group="staff"),
    "group of 5,000": UserFilter(group="finance"), "group of 20": UserFilter(group="board"),
    "admins": UserFilter(role=Role.ADMIN), "throttled": UserFilter(throttled=True),
    "no mail": UserFilter(has_email=False), "common word": UserFilter(text="ann"), "rare word": UserFilter(text="000123"),
    "two words": UserFilter(text="anna p00012"),
}  # fmt: skip


_FACETS = """CASE WHEN b < 52 THEN 'enrolled! totp' WHEN b < 55 THEN 'enrolled! totp webauthn' WHEN b < 60 THEN
'enrolled totp' WHEN b < 70 THEN 'period!' WHEN b < 71 THEN 'waiting!' WHEN b < 75 THEN 'nothing!'
WHEN n % 20000 = 7 THEN 'key-shown' WHEN b < 77 THEN 'nothing webauthn' ELSE 'nothing' END"""
_FIRST = " ".join(
    f"WHEN {place} THEN '{name}'"
    for place, name in enumerate(("anna", "bob", "carla", "david", "erin", "farid", "grace", "hugo", "ines", "jun"))
)
_PERSON = """
INSERT INTO {person} (user_key, name, email, former_email, is_active, role, groups, locale, timezone, seen_at, name_sort,
    has_email, facets, deadline_sort, signed_in_sort, key_shown_at)
WITH RECURSIVE number AS (SELECT 10000000000 - 10000000000 AS n UNION ALL SELECT n + 1 FROM number WHERE n + 1 < {count}),
mixed AS (SELECT n, (n * 7919) % 1000003 AS a, (n * 104729 % 1000033) % 100 AS b FROM number),
named AS (SELECT n, a, b, (CASE a % 10 {first} END) || ' p' || {a} AS name, {facets} AS facets FROM mixed)
SELECT {n}, name, CASE WHEN n % 100 = 3 THEN '' ELSE {n} || '@example.org' END, '', {true},
    CASE WHEN n % 100000 = 5 THEN 'admin' END, '[]', '', '', {now}, name, CASE WHEN n % 100 = 3 THEN {false} ELSE {true} END,
    facets, CASE WHEN facets = 'period!' THEN {deadline} ELSE {none} END,
    CASE WHEN a % 5 = 0 THEN {never} ELSE {signed_in} END, CASE WHEN facets = 'key-shown' THEN {now} END
FROM named
"""


@dataclass(frozen=True, slots=True)
class Words:
    """How a server says what the others say otherwise."""

    padded: str
    moment: str
    first: str
    second: str
    number: str = "CAST(user_key AS DECIMAL(12))"


_WORDS = {
    "sqlite": Words(
        "substr('00000000' || {0}, -{1})", "strftime('%Y-%m-%d %H:%M:%S.000000', '{0}', ({1}) || ' seconds')",
        "substr(name_sort, 1, instr(name_sort, ' ') - 1)", "substr(name_sort, instr(name_sort, ' ') + 1)",
    ),
    "postgresql": Words(
        "right('00000000' || {0}, {1})", "timestamptz '{0}+00' + ({1}) * interval '1 second'",
        "split_part(name_sort, ' ', 1)", "split_part(name_sort, ' ', 2)",
    ),
    "mysql": Words(
        "right('00000000' || {0}, {1})", "timestamp '{0}' + interval ({1}) second",
        "substring_index(name_sort, ' ', 1)", "substring_index(name_sort, ' ', -1)",
    ),
}  # fmt: skip


def fill(state: GateState, count: int) -> None:
    """Everybody and what finds them, made by the server."""
    tables = state.store.tables
    row = tables.person.c
    with state.store.database.write() as tx:
        words = _WORDS[tx.dialect.name.replace("mariadb", "mysql")]
        if tx.dialect.name in {"mysql", "mariadb"}:
            tx.execute(text("SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',PIPES_AS_CONCAT')"))
            tx.execute(text(f"SET SESSION max_recursive_iterations = {count + 1}"))
        run(tx, person_statement(words, tables.person.name, count))
        for word in (words.first, words.second, "user_key", "'example'", "'org'"):
            run(
                tx,
                f"INSERT INTO {tables.person_word.name} (user_key, word) SELECT user_key, {word} FROM {tables.person.name}",
            )
        for name, every in (("staff", 3), ("finance", max(1, count // 5000)), ("board", max(1, count // 20))):
            source = select(text(f"'{name}'"), row.user_key, row.name_sort).where(text(f"{words.number} % {every} = 0"))
            tx.execute(insert(tables.person_group).from_select(["name", "user_key", "name_sort"], source))
        ends = select(row.user_key, row.deadline_sort < NO_DEADLINE, row.deadline_sort).where(row.facets == "period!")
        tx.execute(insert(tables.enrollment).from_select(["user_key", "required", "ends_at"], ends))
        tx.execute(insert(tables.failure), failures(count))
    look_at(state.store.database.engine, [tables.person, tables.person_word, tables.person_group, tables.enrollment])


def look_at(engine: Engine, tables: Sequence[Table]) -> None:
    """As each server does by itself after a while; PostgreSQL reads an index alone only after a VACUUM."""
    words = {"postgresql": "VACUUM ANALYZE", "sqlite": "ANALYZE"}.get(engine.dialect.name, "ANALYZE TABLE")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        for table in tables:
            tx.exec_driver_sql(f"{words} {table.name}")


def person_statement(words: Words, table: str, count: int) -> str:
    true, false = ("true", "false") if "timestamptz" in words.moment else ("1", "0")
    return _PERSON.format(
        person=table, count=count, first=_FIRST, facets=_FACETS, n=words.padded.format("n", 8),
        a=words.padded.format("a", 6), true=true, false=false, now=at(words, kit.NOW), none=at(words, NO_DEADLINE),
        never=at(words, NEVER), deadline=at(words, kit.NOW, f"a * 37 % {60 * 86400} - {20 * 86400}"),
        signed_in=at(words, kit.NOW, f"0 - a * 41 % {90 * 86400}"),
    )  # fmt: skip


def at(words: Words, moment: datetime, later: str = "0") -> str:
    """An instant, by so many seconds later."""
    return words.moment.format(f"{moment:%Y-%m-%d %H:%M:%S}", later)


def run(tx: Connection, statement: str) -> None:
    with closing(tx.connection.cursor()) as cursor:
        cursor.execute(statement)


def failures(count: int) -> list[dict[str, Any]]:
    """A hundred people are throttled."""
    return [
        {"user_key": kit.key_of(number), "address": "a", "ordinal": ordinal, "at": kit.NOW}
        for number in range(0, count, max(1, count // 100))
        for ordinal in range(1, 9)
    ]


class LongQuery(UserQuery):
    """A page longer than any that somebody is shown, to get to the thousandth sooner."""

    def __post_init__(self) -> None:
        """Take any length."""


class Lists:
    """Times the statements of a page, those that count apart, as the driver runs them."""

    def __init__(self, state: GateState, rounds: int) -> None:
        self._state, self._rounds, self._sent = state, rounds, list[tuple[str, Any]]()
        self._list = UserList(state.store.tables, enabled={FactorKind("totp")}, everybody_required=False)
        event.listen(state.store.database.engine, "before_cursor_execute", self._note)

    def _note(self, _tx: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if not statement.startswith("SET"):
            self._sent.append((statement, parameters))

    def page(self, users: UserFilter, sort: UserSort, *, deep: bool = False) -> tuple[float, float]:
        """Milliseconds of a page without its counts, and of the counts."""
        cursor = self._deep(users, sort) if deep else None
        sent = self._sent_by(
            lambda: self._state.people.user_list.page(UserQuery(users=users, sort=sort, cursor=cursor))
        )
        counts = [one for one in sent if one[0].lstrip().lower().startswith("select count")]
        return self._cost([one for one in sent if one not in counts]), self._cost(counts)

    def numbers(self) -> tuple[float, float]:
        """The dashboard, beside one scan of the table."""
        row = self._state.store.tables.person.c
        scan = select(func.count(), func.max(row.email), func.max(row.seen_at))
        with self._state.store.database.read() as tx:
            scans = self._sent_by(lambda: tx.execute(scan).all())
        return self._cost(self._sent_by(self._state.people.user_list.numbers)), self._cost(scans)

    def _sent_by(self, work: Callable[[], object]) -> list[tuple[str, Any]]:
        self._sent.clear()
        work()
        return list(self._sent)

    def _cost(self, sent: list[tuple[str, Any]]) -> float:
        """The middle of some rounds, after one that warms up."""
        costs = []
        with self._state.store.database.read_in_order() as tx, closing(tx.connection.cursor()) as cursor:
            clock = kit.clock_of(tx)
            for _ in range(self._rounds + 1):
                began = clock()
                for statement, parameters in sent:
                    cursor.execute(statement, parameters)
                    cursor.fetchall()
                costs.append(clock() - began)
        return 1000 * kit.middle(costs[1:])

    def _deep(self, users: UserFilter, sort: UserSort) -> str | None:
        """Where the thousandth page begins, or the last one."""
        cursor, seen, before = None, 0, None
        with self._state.store.database.read() as tx:
            while seen < DEEP:
                query = LongQuery(users=users, sort=sort, cursor=cursor, per_page=1850)
                found = self._list.sorted_page(tx, query, now=kit.NOW)
                seen += len(found.keys)
                if found.last is None:
                    break
                before, cursor = cursor, found.last.to_cursor(sort)
        return cursor or before


def measure(state: GateState, rounds: int) -> None:
    lists = Lists(state, rounds)
    print(f"  {'':20} {'first':>8} {'1,000th':>8} {'count':>8}   by deadline, last sign-in: first")
    for name, users in {"everybody": EVERYBODY, **FILTERS}.items():
        first, count = lists.page(users, UserSort.NAME)
        deep, _ = lists.page(users, UserSort.NAME, deep=True)
        others = [lists.page(users, sort)[0] for sort in (UserSort.DEADLINE, UserSort.LAST_SIGN_IN)]
        print(f"  {name:20} {first:8.2f} {deep:8.2f} {count:8.2f}   {others[0]:8.2f} {others[1]:8.2f}", flush=True)
    numbers, scan = lists.numbers()
    print(f"  dashboard {numbers:.0f} ms, one scan of the people {scan:.0f} ms")
    pairs = [
        (sum(lists.page(merged(FILTERS[one], FILTERS[other]), UserSort.NAME)), f"{one} + {other}")
        for one, other in combinations(FILTERS, 2)
        if not clash(FILTERS[one], FILTERS[other])
    ]
    slowest = sorted(pairs, reverse=True)
    print(
        f"  {len(pairs)} pairs of filters, count and page: middle {kit.middle(cost for cost, _ in pairs):.1f} ms; slowest:"
    )
    for cost, name in slowest[:8]:
        print(f"    {cost:8.1f} {name}")


def _given(users: UserFilter) -> dict[str, Any]:
    return {name: value for name in users.__slots__ if (value := getattr(users, name)) is not None}


def clash(one: UserFilter, other: UserFilter) -> bool:
    """Whether both speak of the same field."""
    return bool(_given(one).keys() & _given(other).keys())


def merged(one: UserFilter, other: UserFilter) -> UserFilter:
    return UserFilter(**_given(one), **_given(other))


def main() -> None:
    options = kit.arguments("Pages of a list of users.", people=50_000)
    for kind in kit.chosen(options.on):
        print(f"{kind}, {options.people:,} people; {kit.machine()}", flush=True)
        with kit.database(kind) as uri, kit.gate_on(uri) as state:
            print(f"  filled in {kit.seconds(lambda: fill(state, options.people)):.0f} s", flush=True)
            measure(state, options.rounds)


if __name__ == "__main__":
    main()
