"""The console's pages about policies, networks and the simulator."""

from __future__ import annotations

from ...domain.authorization.decision import Ask
from ...domain.policy.analysis.finding import Level
from ...domain.policy.document.policy import PolicyState
from ...domain.policy.facts import MatchResult
from ...services.policies.impact import Impact
from ..admin.policies import history, listing
from ..admin.policies.questions import SETS, TEXTS
from .operation import CSV, TOML, Operation, Operations, list_answer
from .schema import (
    FLAG,
    FREE,
    MOMENT,
    NUMBER,
    TEXT,
    Schema,
    fields_of,
    joined,
    listed,
    maybe,
    of_class,
    one_of,
    table,
    words,
)  # fmt: skip

POLICY: Schema = {"$ref": "#/components/schemas/policy"}
DOCUMENT: Schema = {"$ref": "#/components/schemas/document"}
_VERSION = one_of(NUMBER, TEXT)


def operations() -> Operations:
    """Every operation on policies."""
    return {**_policies(), **_changes(), **_history(), **_networks(), **_simulator()}


def _policies() -> Operations:
    lint = table(level=words(Level), code=TEXT, policy=maybe(TEXT), sentence=TEXT)
    return {
        "GET policies": Operation(
            answer=list_answer(_row()), query={"state": words(PolicyState), "cursor": TEXT}, files=(CSV,),
        ),
        "POST policies_add": Operation(answer=_changed(name=TEXT), body=_policy_sent()),
        "POST policies_preview": Operation(answer=_preview(), body=_policy_sent()),
        "GET policies_export": Operation(answer=DOCUMENT, files=(TOML,)),
        "POST policies_import": Operation(
            answer=_changed(optional=("dry_run",), dry_run=FLAG),
            body=fields_of(
                document=TEXT, merge=FLAG, dry_run=FLAG, version=NUMBER, policies=listed(FREE), networks=listed(FREE)
            ),
        ),
        "GET policy": Operation(answer=joined(_row(), version=NUMBER, remarks=listed(lint))),
        "POST policy_save": Operation(answer=_changed(name=TEXT), body=_policy_sent()),
    }  # fmt: skip


def _changes() -> Operations:
    renamed = fields_of(new_name=TEXT, reason=TEXT, version=_VERSION)
    told = fields_of(reason=TEXT, version=_VERSION)
    return {
        "POST policy_state": Operation(
            answer=_changed(), body=fields_of(state=words(PolicyState), reason=TEXT, version=_VERSION)
        ),
        "POST policy_rename": Operation(answer=_changed(), body=renamed),
        "POST policy_duplicate": Operation(answer=_changed(), body=renamed),
        "POST policy_delete": Operation(answer=_changed(), body=told),
        "POST policy_restore": Operation(answer=_changed(), body=told),
    }


def _history() -> Operations:
    told = fields_of(reason=TEXT, version=_VERSION)
    limit: dict[str, Schema] = {"limit": {**NUMBER, "minimum": 0}}
    row = table(
        version=NUMBER, at=MOMENT, author=TEXT, act=TEXT, subject=maybe(TEXT), reason=maybe(TEXT),
        loosens=listed(TEXT), changes=listed(TEXT),
    )  # fmt: skip
    assert set(history.TABLE.columns) <= set(row["properties"])  # noqa: S101 - else this is not its row any more
    return {
        "GET policy_history": Operation(answer=list_answer(row), query=limit, files=(CSV,)),
        "GET policy_own_history": Operation(answer=list_answer(row), query=limit, files=(CSV,)),
        "GET policy_version": Operation(answer=joined(row, document=TEXT), query={"policy": TEXT}),
        "POST policy_undo": Operation(answer=_changed(), body=told),
        "POST policy_rollback_all": Operation(answer=_changed(), body=told),
        "POST policy_rollback": Operation(
            answer=_changed(), body=fields_of(reason=TEXT, version=_VERSION, read_version=_VERSION)
        ),
    }


def _networks() -> Operations:
    row = table(name=TEXT, entries=listed(TEXT), used_by=listed(TEXT), is_here=FLAG)
    sent = fields_of(name=TEXT, entries=one_of(TEXT, listed(TEXT)), reason=TEXT, version=_VERSION)
    return {
        "GET networks": Operation(answer=list_answer(row), files=(CSV,)),
        "POST networks_add": Operation(answer=_changed(), body=sent),
        "GET network": Operation(answer=joined(row, version=NUMBER)),
        "POST network_save": Operation(answer=_changed(), body=sent),
        "POST network_delete": Operation(answer=_changed(), body=fields_of(reason=TEXT, version=_VERSION)),
    }


def _simulator() -> Operations:
    line = table(word=TEXT, under=TEXT, mark=words(MatchResult), looked_at=TEXT, reason=TEXT)
    policy = table(
        name=TEXT, state=words(PolicyState), applies=FLAG, mark=words(MatchResult), criteria=listed(line)
    )  # fmt: skip
    answer = table(
        title=TEXT, sentence=TEXT, user=TEXT, resource=TEXT, verdict=words(Ask), reason=TEXT, reason_id=TEXT,
        policies=listed(policy),
    )  # fmt: skip
    answered, asked = table(answers=listed(answer)), dict.fromkeys((*TEXTS, *SETS), TEXT)
    return {
        "GET simulator": Operation(answer=answered, query=asked),
        "POST simulator_draft": Operation(answer=answered, body=fields_of(**asked)),
    }


def _row() -> Schema:
    """A policy as in a document, and what is known around it."""
    around: dict[str, Schema] = {
        "sentence": TEXT, "reach": maybe(NUMBER), "last_change_at": maybe(MOMENT), "last_change_by": maybe(TEXT),
        "version": maybe(NUMBER), "report": maybe({"type": "object", "additionalProperties": NUMBER}),
    }  # fmt: skip
    assert set(listing.TABLE.columns) <= {*around, *_PARTS}  # noqa: S101 - else this is not its row any more
    return table({**_PARTS, **around}, optional=tuple(_PARTS))


_PARTS: dict[str, Schema] = {
    "name": TEXT, "description": TEXT, "state": words(PolicyState), "users": FREE, "resources": listed(TEXT),
    "conditions": FREE, "effect": FREE, "message": TEXT, "help_link": TEXT,
}  # fmt: skip


def _policy_sent() -> Schema:
    return one_of(POLICY, fields_of(reason=TEXT, version=_VERSION))


def _changed(*, optional: tuple[str, ...] = (), **more: Schema) -> Schema:
    """The difference that was made, and the version that came of it."""
    names: dict[str, Schema] = {word: listed(TEXT) for word in ("added", "removed", "changed")}
    told = {**names, "loosens": listed(TEXT), "networks": table(names), "version": NUMBER, **more}
    return table(told, optional=optional)


def _preview() -> Schema:
    impact = of_class(Impact)
    by_resource = {"type": "object", "additionalProperties": table(users=impact, recorded=impact)}
    return joined(impact, users=impact, recorded=impact, resources=by_resource)
