"""Every policy: its state, whom it is about, its last change, what it would have done; and what counts without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from ....domain.people.roles import Role
from ....domain.policy.document.policy import Policy, PolicySet, PolicyState
from ....domain.policy.document.users import EVERYBODY
from ....errors import BadRequest
from ....sentences import Sentence
from ....services.policies.overview import LastChange
from ...translation import gettext, ngettext
from ..console import Console, ConsoleRoute, console_url
from ..representation import Format, Listing, Table, csv_file, format_wanted, json_list
from ..words import author_word
from . import words
from .kit import known_resources, names_in, page_url
from .sentences import policy_sentence

REPORT_DAYS = 7
PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One policy with what is known around it.

    :param reach: how many users it is about.
    :param report: what it would have done at the sign-ins of the last days, by result; None unless it only reports.
    """

    policy: Policy
    sentence: str
    reach: int
    last: LastChange | None
    author: str
    report: Mapping[str, int] | None

    @property
    def state(self) -> str:
        """In the reader's words."""
        return words.state_name(self.policy.state)

    @property
    def tone(self) -> str:
        """Of its badge."""
        return words.TONES[self.policy.state]

    @property
    def users_url(self) -> str:
        """The list of those whom it is about, where one filter of the users list says as much."""
        return reach_url(self.policy)


@dataclass(frozen=True, slots=True)
class Tab:
    """A choice of states."""

    text: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class More:
    """A button at the head of the list."""

    text: str
    icon: str
    url: str


@dataclass(frozen=True, slots=True)
class Pager:
    """Where the next page of the list starts."""

    text: str
    first_url: str | None
    next_url: str | None


def policies(console: Console) -> Response:
    """The list, 50 a page by name."""
    form = format_wanted(console, Format.HTML, Format.JSON, Format.CSV)
    everything = console.state.access.policies.current()
    chosen = _chosen(everything)
    if form is Format.CSV:
        return csv_file(TABLE, rows_of(console, everything, chosen))
    after = request.args.get("cursor", "")
    page = [one for one in chosen if one.name > after]
    shown, more = page[:PER_PAGE], len(page) > PER_PAGE
    rows = rows_of(console, everything, shown)
    cursor = shown[-1].name if more else None
    if form is Format.JSON:
        return json_list(Listing(rows, cursor, len(chosen)), TABLE)
    return console.page(
        "policies/list.html", rows=rows, tabs=_tabs(everything), is_filtered=bool(request.args.get("state")),
        total=len(everything.policies), pager=_pager(len(shown), len(chosen), after, cursor),
        defaults=_defaults(console, everything), deleted=_deleted(console), would=words.would(),
        report_days=REPORT_DAYS, more=_more(console), new_url=_if_admin(console, "policy_new"),
        csv_url=console_url("policies", format="csv", state=request.args.get("state")),
    )  # fmt: skip


def _if_admin(console: Console, page: str) -> str:
    return console_url(page) if console.may(Role.ADMIN) else ""


def _more(console: Console) -> list[More]:
    links = [More(gettext("Export"), "download", console_url("policies_export"))]
    if console.may(Role.ADMIN):
        links.append(More(gettext("Import"), "file-text", console_url("policies_import_form")))
    return links


def rows_of(console: Console, everything: PolicySet, shown: Sequence[Policy]) -> list[PolicyRow]:
    """These policies with what is known around them."""
    overview = console.state.access.overview
    reach, last = overview.reach(shown), overview.last_changes([one.name for one in shown])
    authors = [one.author for one in last.values()]
    names = names_in(console, PolicySet(tuple(shown)), actors=authors)
    is_reported = any(one.state is PolicyState.REPORT_ONLY for one in shown)
    report = console.state.access.simulator.report(REPORT_DAYS) if is_reported else {}
    return [
        PolicyRow(
            one, policy_sentence(one, names), reach[one.name], last.get(one.name),
            author_word(last[one.name].author, names) if one.name in last else "",
            report.get(one.name, {}) if one.state is PolicyState.REPORT_ONLY else None,
        )
        for one in shown
    ]  # fmt: skip


def reach_url(policy: Policy) -> str:
    """Empty where no single filter finds just these people, or there is no list yet."""
    users = policy.users
    if users.exclude or len(users.include) != 1:
        return ""
    (only,) = users.include
    kind, _, name = only.partition(":")
    filters: Mapping[str, dict[str, str]] = {EVERYBODY: {}, "group": {"group": name}}
    return page_url("users", **filters[kind]) if kind in filters else ""


def _chosen(everything: PolicySet) -> list[Policy]:
    """In the state that is asked for, by name.

    :raises BadRequest: for a state that there is not.
    """
    state = request.args.get("state")
    if state and state not in set(PolicyState):
        raise BadRequest(Sentence("A policy is %(known)s.", known=", ".join(PolicyState)))
    return sorted((one for one in everything.policies if not state or one.state == state), key=lambda one: one.name)


def _tabs(everything: PolicySet) -> list[Tab]:
    current = request.args.get("state", "")
    counts = {state: sum(one.state is state for one in everything.policies) for state in PolicyState}
    tabs = [Tab(gettext("All (%(num)s)", num=len(everything.policies)), console_url("policies"), not current)]
    for state in (PolicyState.ON, PolicyState.REPORT_ONLY, PolicyState.OFF):
        text = f"{words.state_name(state)} ({counts[state]})"
        tabs.append(Tab(text, console_url("policies", state=state.value), current == state))
    return tabs


def _pager(shown: int, total: int, after: str, cursor: str | None) -> Pager | None:
    if not after and cursor is None:
        return None
    kept = {"state": request.args["state"]} if request.args.get("state") else {}
    text = ngettext("%(shown)s of %(num)s policy", "%(shown)s of %(num)s policies", total, shown=shown)
    first = console_url("policies", **kept) if after else None
    return Pager(text, first, console_url("policies", cursor=cursor, **kept) if cursor else None)


def _defaults(console: Console, everything: PolicySet) -> list[tuple[str, str]]:
    """What counts at each resource where no policy matches."""
    found = known_resources(console, everything)
    return [(name, gettext(words.ACCESS[console.state.rules.access(name)])) for name in found]


def _deleted(console: Console) -> list[tuple[str, Any, str]]:
    """Policies that can be brought back: name, when, by whom."""
    gone = console.state.access.policies.deleted() if console.may(Role.ADMIN) else []
    names = names_in(console, actors=[one.author for one in gone])
    return [(one.name, one.at, author_word(one.author, names)) for one in gone]


def row_json(row: PolicyRow) -> Mapping[str, Any]:
    """The policy as in a document, and what is known around it."""
    last = row.last
    return {
        **row.policy.to_document(),
        "sentence": row.sentence,
        "reach": row.reach,
        "last_change_at": last.at.isoformat() if last else None,
        "last_change_by": last.author if last else None,
        "version": last.version if last else None,
        "report": dict(row.report) if row.report is not None else None,
    }


TABLE: Table[PolicyRow] = Table(
    "policies",
    ("name", "state", "sentence", "reach", "last_change_at", "last_change_by", "report", "description"),
    lambda row: {"description": "", **row_json(row)},
)
ROUTES = (ConsoleRoute(rule="/policies", name="policies", view=policies),)
