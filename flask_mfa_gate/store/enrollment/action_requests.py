"""Actions on several users, as an admin confirmed them, and what became of each user."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, delete, func, insert, or_, select, update

from ..database.sets import among, insert_many
from ..tables.tables import Tables

_PAGE = 1000


class RequestState(StrEnum):
    """How far a request has come."""

    OPEN = "open"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequest:
    """One request.

    :param actor: as records have it.
    :param claimed_at: when somebody last worked on it.
    :param count: users that it is about.
    :param options: with what it is carried out; empty until then.
    :param not_found: what was typed and is nobody.
    """

    id: str
    actor: str
    action: str
    state: RequestState = RequestState.OPEN
    created_at: datetime
    claimed_at: datetime | None = None
    finished_at: datetime | None = None
    count: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    not_found: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ActionItem:
    """One user in it.

    :param seen: tells whether the user's enrollment is still what the admin was shown.
    :param outcome: empty until the action came to this user.
    """

    user_key: str
    seen: str
    outcome: str = ""
    reason: str = ""


class ActionRequests:
    """Rows of both tables."""

    def __init__(self, tables: Tables) -> None:
        self._request, self._item = tables.action_request, tables.action_item

    def add(self, tx: Connection, request: ActionRequest) -> None:
        """A new request, without users."""
        values = {name: getattr(request, name) for name in request.__slots__}
        tx.execute(insert(self._request).values({**values, "not_found": list(request.not_found)}))

    def add_items(self, tx: Connection, request_id: str, items: Sequence[ActionItem]) -> None:
        """Users of it, each once."""
        rows = [{"request_id": request_id, "user_key": one.user_key, "seen": one.seen} for one in items]
        insert_many(tx, insert(self._item), rows)

    def set_count(self, tx: Connection, request_id: str) -> None:
        """Count its users."""
        mine = select(func.count()).select_from(self._item).where(self._item.c.request_id == request_id)
        found = tx.execute(mine).scalar_one()
        tx.execute(update(self._request).where(self._request.c.id == request_id).values(count=found))

    def get(self, tx: Connection, request_id: str, *, actor: str) -> ActionRequest | None:
        """A request of this actor."""
        # SECURITY: asked for with the actor, so that nobody carries out or reads what another has confirmed.
        mine = select(self._request).where(self._request.c.id == request_id, self._request.c.actor == actor)
        row = tx.execute(mine).first()
        return _read(row) if row is not None else None

    def try_claim(
        self, tx: Connection, request_id: str, *, options: Mapping[str, Any], now: datetime, open_since: datetime,
        dead_since: datetime,
    ) -> bool:  # fmt: skip
        """Take the work on; False when another does it, it is done, or the confirmation came too late.

        :param options: kept the first time only.
        :param dead_since: who has not worked on it since then does so no more.
        """
        row = self._request.c
        is_open = and_(row.state == RequestState.OPEN, row.created_at > open_since)
        first = update(self._request).where(row.id == request_id, is_open)
        # SECURITY: one conditional UPDATE, so that of two submits one carries it out.
        if tx.execute(first.values(state=RequestState.RUNNING, claimed_at=now, options=dict(options))).rowcount == 1:
            return True
        again = update(self._request).where(row.id == request_id, self._is_left(dead_since))
        return tx.execute(again.values(state=RequestState.RUNNING, claimed_at=now)).rowcount == 1

    def try_touch(self, tx: Connection, request_id: str, *, now: datetime) -> bool:
        """Somebody is still at it; False where it was cancelled."""
        return (
            tx.execute(update(self._request).where(self._is_running(request_id)).values(claimed_at=now)).rowcount == 1
        )

    def leave(self, tx: Connection, request_id: str, *, now: datetime, is_done: bool) -> None:
        """Done, or to be continued, unless it was cancelled."""
        values = {"state": RequestState.DONE, "finished_at": now} if is_done else {"state": RequestState.PAUSED}
        tx.execute(update(self._request).where(self._is_running(request_id)).values(values))

    def try_cancel(self, tx: Connection, request_id: str, *, now: datetime) -> bool:
        """End it where it is; False when there is nothing left to end."""
        row = self._request.c
        unfinished = row.state.in_([RequestState.RUNNING, RequestState.PAUSED])
        values = {"state": RequestState.CANCELLED, "finished_at": now}
        return tx.execute(update(self._request).where(row.id == request_id, unfinished).values(values)).rowcount == 1

    def recent(self, tx: Connection, *, actor: str | None, limit: int) -> Sequence[ActionRequest]:
        """Those that were confirmed, newest first.

        :param actor: whose; None for everybody's.
        """
        row = self._request.c
        confirmed = select(self._request).where(row.state != RequestState.OPEN)
        if actor is not None:
            confirmed = confirmed.where(row.actor == actor)
        return [_read(one) for one in tx.execute(confirmed.order_by(row.created_at.desc(), row.id).limit(limit))]

    def left(self, tx: Connection, *, dead_since: datetime) -> Sequence[ActionRequest]:
        """Those that nobody works on, oldest first."""
        row = self._request.c
        waiting = select(self._request).where(self._is_left(dead_since))
        return [_read(one) for one in tx.execute(waiting.order_by(row.created_at, row.id))]

    def done_of(self, tx: Connection, ids: Sequence[str]) -> Mapping[str, int]:
        """To how many users each of these has come."""
        row = self._item.c
        counted = select(row.request_id, func.count()).where(row.request_id.in_(ids), row.outcome != "")
        return {one: int(number) for one, number in tx.execute(counted.group_by(row.request_id)).all()}

    def _is_running(self, request_id: str) -> ColumnElement[bool]:
        return and_(self._request.c.id == request_id, self._request.c.state == RequestState.RUNNING)

    def _is_left(self, dead_since: datetime) -> ColumnElement[bool]:
        row = self._request.c
        return or_(
            row.state == RequestState.PAUSED, and_(row.state == RequestState.RUNNING, row.claimed_at <= dead_since)
        )

    def waiting(self, tx: Connection, request_id: str, *, after: str, limit: int) -> Sequence[ActionItem]:
        """The next users that nothing has become of yet, behind this key."""
        row = self._item.c
        mine = select(self._item).where(row.request_id == request_id, row.outcome == "", row.user_key > after)
        return [_read_item(found) for found in tx.execute(mine.order_by(row.user_key).limit(limit))]

    def note(self, tx: Connection, request_id: str, outcomes: Sequence[tuple[str, str, str]]) -> None:
        """What became of users: key, outcome, reason. What is noted already stays."""
        row = self._item.c
        one = update(self._item).where(
            row.request_id == request_id, row.user_key == bindparam("of_key"), row.outcome == ""
        )
        values = [{"of_key": key, "new_outcome": outcome, "new_reason": reason} for key, outcome, reason in outcomes]
        if values:
            noted: dict[str, Any] = {"outcome": bindparam("new_outcome"), "reason": bindparam("new_reason")}
            tx.execute(one.values(noted), values)

    def are_waiting(self, tx: Connection, request_id: str, keys: Collection[str]) -> bool:
        """Whether nothing has become of any of these users yet."""
        row = self._item.c
        mine = select(func.count()).where(row.request_id == request_id, among(tx, row.user_key, keys))
        return int(tx.execute(mine.where(row.outcome == "")).scalar_one()) == len(keys)

    def totals(self, tx: Connection, request_id: str) -> Mapping[tuple[str, str], int]:
        """How many users there are by outcome and reason."""
        row = self._item.c
        by_outcome = select(row.outcome, row.reason, func.count()).where(row.request_id == request_id)
        found = tx.execute(by_outcome.group_by(row.outcome, row.reason)).all()
        return {(outcome, reason): int(number) for outcome, reason, number in found}

    def items(self, tx: Connection, request_id: str) -> Iterator[ActionItem]:
        """Every user of it, in the order of their keys."""
        row, after = self._item.c, ""
        while True:
            mine = select(self._item).where(row.request_id == request_id, row.user_key > after)
            found = tx.execute(mine.order_by(row.user_key).limit(_PAGE)).all()
            yield from map(_read_item, found)
            if len(found) < _PAGE:
                return
            after = found[-1].user_key

    def sweep(self, tx: Connection, *, before: datetime) -> int:
        """Delete what was asked before then."""
        old = select(self._request.c.id).where(self._request.c.created_at < before)
        tx.execute(delete(self._item).where(self._item.c.request_id.in_(old)))
        return tx.execute(delete(self._request).where(self._request.c.created_at < before)).rowcount


def _read(row: Row[Any]) -> ActionRequest:
    values = {name: getattr(row, name) for name in ActionRequest.__slots__ if name not in {"count", "state"}}
    return ActionRequest(**values, state=RequestState(row.state), count=row._mapping["count"])


def _read_item(row: Row[Any]) -> ActionItem:
    return ActionItem(row.user_key, row.seen, row.outcome, row.reason)
