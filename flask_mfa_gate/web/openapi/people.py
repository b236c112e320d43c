"""The console's pages about people: lists, users, actions on one or many."""

from __future__ import annotations

from dataclasses import fields

from ...domain.enrollment.enrollment import Status
from ...domain.factors.access_pass import Scope
from ...domain.people.roles import Role
from ...domain.people.user_list import UserNumbers, UserSort
from ...domain.sign_in.assurance import FactorKind
from ...domain.sign_in.sign_in_outcome import SignInOutcome
from ...services.actions.action_options import ActionOptions
from ...store.enrollment.action_requests import RequestState
from ..admin.listing import PAGE_SIZES
from ..admin.overview.dashboard import FILTERS as DASHBOARD_FILTERS
from ..admin.overview.dashboard import PERIODS
from ..admin.users.access_pass import LIFETIMES
from ..admin.users.filters import FILTERS
from ..admin.users.listing import TABLE
from ..admin.users.verbs import VERBS
from .operation import CSV, Operation, Operations, list_answer
from .schema import (
    DAY,
    FLAG,
    MOMENT,
    NUMBER,
    TEXT,
    URL,
    Schema,
    fields_of,
    joined,
    listed,
    maybe,
    of_class,
    one_of,
    row_of,
    table,
    words,
)  # fmt: skip

_YES = words(["yes", "no"])
_ONE = one_of(FLAG, words(["0", "1"]))
_USER: dict[str, Schema] = {
    "key": TEXT, "name": TEXT, "email": TEXT, "groups": listed(TEXT), "required": FLAG, "required_by": maybe(TEXT),
    "status": words(Status), "days_left": maybe(NUMBER), "ends_at": maybe(MOMENT), "enrolled_at": maybe(MOMENT),
    "factors": listed(TEXT), "last_sign_in": maybe(MOMENT), "role": maybe(words(Role)), "is_active": FLAG,
}  # fmt: skip
_FILTERS: dict[str, Schema] = {
    **dict.fromkeys(FILTERS, TEXT), "status": listed(words(Status)), "required": _YES, "mfa": _YES,
    "throttled": _YES, "email": _YES, "factor": words(FactorKind.known), "role": words(Role),
    "ends_within": {**NUMBER, "minimum": 1}, "sort": words([word.value for word in UserSort]), "cursor": TEXT,
    "per_page": words(map(str, PAGE_SIZES)),
}  # fmt: skip


def operations() -> Operations:
    """Every operation about people, the dashboard first."""
    about = fields_of(key=TEXT, reason=TEXT)
    issuing = fields_of(
        key=TEXT, reason=TEXT, lifetime=words(LIFETIMES), one_time=words(["0", "1"]), scope=words(Scope), starts_at=TEXT
    )  # fmt: skip
    revoked = Operation(answer=table(revoked=one_of(FLAG, NUMBER)), body=about)
    return {
        "GET dashboard": Operation(answer=_dashboard(), query=_dashboard_query(), files=(CSV,)),
        "GET users": Operation(answer=list_answer(row_of(TABLE.columns, _USER)), query=_FILTERS, files=(CSV,)),
        "GET user": Operation(answer=_profile()),
        "GET user_by_key": Operation(answer=_profile(), query={"key": TEXT}),
        "POST users_sync": Operation(answer=table(people=NUMBER), body=fields_of()),
        "POST user_actions": Operation(answer=one_of(_result(), _would(), _PASS), body=_action(), query=_FILTERS),
        "GET user_requests": Operation(answer=table(items=listed(_progress())), files=(CSV,)),
        "GET user_request": Operation(answer=_result(), files=(CSV,)),
        "POST user_request_confirm": Operation(answer=_result(), body=_options()),
        "POST user_request_cancel": Operation(answer=table(id=TEXT), body=fields_of()),
        "POST user_access_pass": Operation(answer=_PASS, status=201, body=issuing),
        "POST user_access_pass_revoke": revoked,
        "POST user_tokens_revoke": Operation(
            answer=table(revoked=one_of(FLAG, NUMBER)), body=fields_of(key=TEXT, token_id=TEXT, reason=TEXT)
        ),
        "POST user_apps_revoke": Operation(
            answer=table(revoked=NUMBER), body=fields_of(key=TEXT, client_id=TEXT, reason=TEXT)
        ),
    }


_PASS = table(access_pass=TEXT, starts_at=maybe(MOMENT), ends_at=maybe(MOMENT))


def _dashboard_query() -> dict[str, Schema]:
    return {**dict.fromkeys(DASHBOARD_FILTERS, TEXT), "days": words(PERIODS)}


def _dashboard() -> Schema:
    adoption = table(day=DAY, group=maybe(TEXT), people=NUMBER, enrolled=NUMBER)
    outcomes: dict[str, Schema] = {word.value: NUMBER for word in SignInOutcome}
    return joined(
        of_class(UserNumbers), next_steps=listed(table(text=TEXT, action=maybe(TEXT), url=URL)),
        adoption=listed(adoption), sign_ins=listed(table(outcomes, optional=tuple(outcomes), day=DAY)),
    )  # fmt: skip


def _profile() -> Schema:
    factor = table(kind=words(FactorKind.known), name=TEXT, created_at=MOMENT, last_used_at=maybe(MOMENT))
    granted = table(scope=words(Scope), one_time=FLAG, starts_at=MOMENT, ends_at=MOMENT)
    known = {name: schema for name, schema in _USER.items() if name != "last_sign_in"}
    return table(
        {**known, "factors": listed(factor)}, recovery_codes_left=NUMBER, wrong_codes=NUMBER, sessions=NUMBER,
        access_pass=maybe(granted),
    )  # fmt: skip


def _outcomes() -> dict[str, Schema]:
    one = table(key=TEXT, reason=maybe(TEXT))
    return {"done": listed(one), "skipped": listed(one), "failed": listed(one)}


def _result() -> Schema:
    return table(_outcomes(), id=TEXT, state=words(RequestState), count=NUMBER, url=URL)


def _would() -> Schema:
    return table(_outcomes(), dry_run={"const": True})


def _progress() -> Schema:
    return table(
        id=TEXT, actor=TEXT, action=TEXT, state=words(RequestState), created_at=MOMENT, done=NUMBER, count=NUMBER,
        url=URL,
    )  # fmt: skip


def _options() -> Schema:
    """The options of every action; each action says which it takes."""
    known: dict[str, Schema] = {
        "days": one_of(words(["now"]), TEXT, NUMBER), "renew": _ONE, "notify": _ONE,
    }  # fmt: skip
    return fields_of(**{one.name: known.get(one.name, TEXT) for one in fields(ActionOptions)})


def _action() -> Schema:
    return joined(
        _options(), optional=("action", "keys", "all_matching", "dry_run"), action=words([*VERBS, "access-pass"]),
        keys=one_of(TEXT, listed(TEXT)), all_matching=_ONE, dry_run=_ONE,
    )  # fmt: skip
