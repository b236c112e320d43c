"""Named networks: what is in them, who uses them, and which address the reader comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response

from ....domain.people.roles import Role
from ....domain.policy.addresses import Network, merged, span_of, spot_of
from ....domain.policy.analysis.diff import PolicyDiff
from ....domain.policy.document.networks import read_network
from ....domain.policy.document.policy import PolicySet
from ....errors import BadRequest, Conflict, MFAGateError, NotFound, PolicyError
from ....services.policies.edits import find
from ....services.policies.network_edits import uses_of_network
from ...responses import answers
from ...translation import error_text, gettext, translated
from ..console import WRITE, Console, ConsoleRoute, console_url
from ..representation import Format, Listing, Table, csv_file, format_wanted, json_list
from .diffs import diff_json
from .kit import context, read_version, reason_of, text_of

_LINES = re.compile(r"[\r\n,;]+")
_PLACE = re.compile(r"\[(\d+)\]$")
_REFUSED = (BadRequest, Conflict, PolicyError)


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """A network with who uses it.

    :param is_here: whether the reader's address is in it.
    """

    network: Network
    used_by: Sequence[str]
    is_here: bool


@dataclass(frozen=True, slots=True)
class NetworkForm:
    """What was typed.

    :param name: of the network that is edited; empty for a new one.
    """

    name: str
    typed_name: str
    entries: str
    version: int
    problem: str = ""
    field: str = ""

    def error(self, name: str) -> str:
        """What is wrong with a field."""
        return self.problem if self.field == name else ""


def networks(console: Console) -> Response:
    """All of them, by name."""
    form = format_wanted(console, Format.HTML, Format.JSON, Format.CSV)
    rows = _rows(console, console.state.access.policies.current())
    if form is Format.CSV:
        return csv_file(TABLE, rows)
    if form is Format.JSON:
        return json_list(Listing(rows, None, len(rows)), TABLE)
    return console.page("policies/networks.html", rows=rows, address=console.origin.address)


def _rows(console: Console, everything: PolicySet) -> list[NetworkRow]:
    ordered = sorted(everything.networks, key=lambda one: one.name)
    return [_row(console, everything, network) for network in ordered]


def _row(console: Console, everything: PolicySet, network: Network) -> NetworkRow:
    spot = spot_of(console.origin.address)
    spans = merged(span_of(entry) for entry in network.entries)
    is_here = spot is not None and any(first <= spot <= last for first, last in spans)
    return NetworkRow(network, uses_of_network(everything, network.name), is_here)


def new(console: Console) -> Response:
    """An empty form."""
    return _draw(console, NetworkForm("", "", "", console.state.access.policies.version()))


def network(console: Console, name: str) -> Response:
    """One network: where it is used, and the form."""
    version, everything = console.state.access.policies.version(), console.state.access.policies.current()
    found = _there(everything, name)
    if console.auth.wants_json:
        row = _row(console, everything, found)
        return answers.json_answer({**_row_json(row), "version": version})
    return _draw(console, NetworkForm(name, name, "\n".join(found.entries), version))


def add(console: Console) -> Response:
    """Save a new network."""
    return _save(console, "")


def save(console: Console, name: str) -> Response:
    """Save a network, under another name where the form says so."""
    _there(console.state.access.policies.current(), name)
    return _save(console, name)


def _save(console: Console, name: str) -> Response:
    entries = _entries_sent(console.fields)
    typed = text_of(console.fields, "name") or name

    def act() -> PolicyDiff:
        service = console.state.access.policies
        read = read_network({"name": typed, "entries": entries}, "")
        if not name:
            return service.add_network(read, actor=console.actor, reason=reason_of(console), context=context(console))
        return service.change_network(
            name, read, actor=console.actor, reason=reason_of(console), context=context(console)
        )

    return _carried_out(console, name, act)


def delete(console: Console, name: str) -> Response:
    """Out, where no policy names it."""
    _there(console.state.access.policies.current(), name)
    return _carried_out(
        console, name, lambda: console.state.access.policies.delete_network(
            name, actor=console.actor, reason=reason_of(console), context=context(console)
        ),
    )  # fmt: skip


def _carried_out(console: Console, name: str, act: Callable[[], PolicyDiff]) -> Response:
    try:
        diff = act()
    except _REFUSED as error:
        if console.auth.wants_json:
            raise
        return _refused(console, name, error)
    if console.auth.wants_json:
        return answers.json_answer({**diff_json(diff), "version": console.state.access.policies.version()})
    return answers.see_other(console_url("networks"))


def _at_field(error: PolicyError) -> str:
    """The sentence without the path; which of several entries it is about, counted as people count."""
    problem, place = translated(error.at_field), _PLACE.search(error.path)
    if place is not None:
        return gettext("Entry %(number)s %(problem)s", number=int(place[1]) + 1, problem=problem)
    return gettext("This %(problem)s", problem=problem)


def _refused(console: Console, name: str, error: MFAGateError) -> Response:
    """What was typed, and why it was not saved."""
    path = error.path if isinstance(error, PolicyError) else ""
    is_taken = isinstance(error, Conflict) and error.reason == "exists"
    field = "name" if path == "name" or is_taken else "entries" if path.startswith("entries") else ""
    sentence = _at_field(error) if isinstance(error, PolicyError) and field else error_text(error)
    fields = console.fields
    is_stale = isinstance(error, Conflict) and error.reason == "stale"
    version = console.state.access.policies.version() if is_stale else read_version(fields) or 0
    typed = "\n".join(str(entry) for entry in _entries_sent(fields)) if "entries" in fields else ""
    form = NetworkForm(name, text_of(fields, "name") or name, typed, version, sentence, field)
    return _draw(console, form, error.status)


def _entries_sent(fields: Mapping[str, Any]) -> list[object]:
    """A list, or a text with one entry a line."""
    given = fields.get("entries", "")
    if isinstance(given, str):
        return [part.strip() for part in _LINES.split(given) if part.strip()]
    if not isinstance(given, list):
        raise BadRequest("entries has to be a list of addresses.")
    return given


def _draw(console: Console, form: NetworkForm, status: int = 200) -> Response:
    everything = console.state.access.policies.current()
    found = find(everything.networks, form.name) if form.name else None
    row = _row(console, everything, found) if found is not None else None
    return console.page("policies/network.html", status, form=form, row=row, address=console.origin.address)


def _there(everything: PolicySet, name: str) -> Network:
    found = find(everything.networks, name)
    if found is None:
        raise NotFound(gettext("There is no network “%(name)s”.", name=name))
    return found


def _row_json(row: NetworkRow) -> dict[str, Any]:
    network = row.network
    return {
        "name": network.name, "entries": list(network.entries), "used_by": list(row.used_by), "is_here": row.is_here
    }  # fmt: skip


TABLE: Table[NetworkRow] = Table("networks", ("name", "entries", "used_by"), _row_json)
ROUTES = (
    ConsoleRoute(rule="/networks", name="networks", view=networks),
    ConsoleRoute(rule="/networks", name="networks_add", view=add, methods=WRITE),
    ConsoleRoute(rule="/networks/new", name="network_new", view=new, least=Role.ADMIN),
    ConsoleRoute(rule="/networks/<name>", name="network", view=network),
    ConsoleRoute(rule="/networks/<name>", name="network_save", view=save, methods=WRITE),
    ConsoleRoute(rule="/networks/<name>/delete", name="network_delete", view=delete, methods=WRITE),
)
