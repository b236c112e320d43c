"""Commands that try policies and change nothing: check, simulate, preview, report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click
from flask import current_app

from ...domain.access import APP
from ...domain.policy.analysis.finding import Level, LintFinding
from ...domain.policy.document.policy import PolicySet
from ...errors import BadRequest
from ...services.policies.environment_input import environment_from
from ...services.policies.impact import Change, Count, Preview, ResourceImpact
from ...services.policies.scenarios import read_scenarios, run_scenarios
from ...services.policies.simulation import Explanation
from ...web.state import GateState, current_state
from ...web.view_marks.protection import marked_resources, marked_views
from ..arguments import address as read_address
from ..group import as_json_option
from ..output import labels, print_json, print_table, sample
from ..people.targets import known_key
from .policies import DOCUMENT, policies, read_file, remark_json, remark_line

NONE = "none"


@policies.command(
    help="Lint a document, or the current policies; with scenarios, test them. Exits with 1 on an error or an "
    "unexpected decision.",
)
@click.option("--from", "address", help="Address that scenarios without one come from.")
@click.option("--scenarios", type=DOCUMENT, help="Expected decisions to test as well.")
@as_json_option
@click.argument("file", type=DOCUMENT, required=False)
def check(file: str | None, scenarios: str | None, address: str | None, as_json: bool) -> None:
    state = current_state()
    draft = state.access.policies.read(read_file(file)) if file is not None else state.access.policies.current()
    remarks = state.access.linter.remarks(draft, known_resources=marked_resources(current_app))
    origin = None if address is None else read_address(address, "--from")
    surprises = _try(state, draft, scenarios, origin) if scenarios is not None else []
    if as_json:
        print_json({"remarks": [remark_json(one) for one in remarks], "surprises": surprises})
    else:
        _print_check(remarks, surprises)
    if surprises or any(one.level is Level.ERROR for one in remarks):
        raise SystemExit(1)


def _print_check(remarks: Sequence[LintFinding], surprises: Sequence[Mapping[str, str]]) -> None:
    for one in remarks:
        click.echo(remark_line(one))
    for surprise in surprises:
        click.echo(f"unexpected: {surprise['name']}: expected {surprise['expected']}, found {surprise['found']}")
    if not remarks and not surprises:
        click.echo("No problems found.")


@policies.command(help="Show what would happen, and why. A fact that is left out is unknown.")
@click.option("--resource", default=APP, show_default=True)
@click.option("--from", "address", help="Address.")
@click.option("--country")
@click.option("--user-agent", help="Used for platform and browser where they are not given.")
@click.option("--platform")
@click.option("--browser")
@click.option("--device", multiple=True, help="Property of the device, or none. Can be repeated.")
@click.option("--risk", multiple=True, help="Signal that is raised, or none. Can be repeated.")
@click.option("--sign-in")
@click.option("--provider", help="Issuer of a federated sign-in.")
@click.option("--upstream-amr", multiple=True, help="Method that the provider named, or none. Can be repeated.")
@click.option("--method")
@click.option("--endpoint", help="A view of the app, whose marks count.")
@click.option("--at", help="An ISO 8601 time with zone.")
@click.option("--draft", type=DOCUMENT, help="A document to use in place of the current policies.")
@as_json_option
@click.argument("user")
def simulate(
    user: str, resource: str, draft: str | None, as_json: bool, device: Sequence[str], risk: Sequence[str],
    upstream_amr: Sequence[str], **facts: str | None,
) -> None:  # fmt: skip
    state = current_state()
    given: dict[str, Any] = {name: value for name, value in facts.items() if value is not None}
    _require_real(given)
    given |= {
        name: _words(words)
        for name, words in (("device", device), ("risk", risk), ("upstream_amr", upstream_amr))
        if words
    }
    explained = state.access.simulator.simulate(
        known_key(state, user), resource=resource, environment=environment_from(given, ""),
        draft=state.access.policies.read(read_file(draft)) if draft is not None else None,
        views=marked_views(current_app),
    )  # fmt: skip
    _print_explanation(explained, as_json=as_json)


def _require_real(given: dict[str, Any]) -> None:
    """A typing error would be an unknown fact, and the answer that of another question.

    :raises BadRequest: for what is no address, and for a view that the app does not have.
    """
    if "address" in given:
        given["address"] = read_address(given["address"], "--from")
    if "endpoint" in given and given["endpoint"] not in current_app.view_functions:
        raise BadRequest(f"There is no view {given['endpoint']!r}. For all of them: flask mfa routes")


def _words(given: Sequence[str]) -> list[str]:
    return [] if list(given) == [NONE] else list(given)


def _print_explanation(explained: Explanation, *, as_json: bool) -> None:
    if as_json:
        print_json(explanation_json(explained))
        return
    who = labels(current_state(), [explained.user])[explained.user]
    click.echo(f"{who} at {explained.resource}: {explained.verdict} ({explained.reason_id})")
    if explained.policies:
        click.echo(f"  {'RESULT':8} {'STATE':12} POLICY")
    for policy in explained.policies:
        click.echo(f"  {policy.mark.value:8} {policy.state.value:12} {policy.name}")
        for one in policy.criteria:
            click.echo(f"    {one.mark.value:8} {one.name}: {one.reason}")


def explanation_json(explained: Explanation) -> dict[str, Any]:
    """An explanation as JSON values."""
    return {
        "user": explained.user,
        "resource": explained.resource,
        "verdict": explained.verdict,
        "reason": explained.reason,
        "reason_id": explained.reason_id,
        "policies": [
            {
                "name": policy.name,
                "state": policy.state.value,
                "applies": policy.applies,
                "mark": policy.mark.value,
                "criteria": [
                    {
                        "word": one.word,
                        "under": one.under,
                        "mark": one.mark.value,
                        "looked_at": one.looked_at,
                        "reason": one.reason,
                    }
                    for one in policy.criteria
                ],
            }
            for policy in explained.policies
        ],
    }


@policies.command(
    help="Count whom a document would challenge, force, deny or exempt, at every resource that it names.\n\n"
    "Counts all users, whatever the facts are, and the recorded sign-ins. Report-only policies count as if on.",
)
@as_json_option
@click.argument("file", type=DOCUMENT)
def preview(file: str, as_json: bool) -> None:
    state = current_state()
    found = state.access.simulator.preview(read_file(file))
    if as_json:
        print_json(asdict(found))
        return
    rows = [
        *_impact_rows(state, "any", found),
        *(row for resource, impact in found.resources.items() for row in _impact_rows(state, resource, impact)),
    ]
    if rows:
        print_table(("RESOURCE", "COUNTED", "WOULD BE", "COUNT", "USERS"), rows)
    else:
        click.echo("Nothing would change for anyone.")


def _impact_rows(state: GateState, resource: str, found: Preview | ResourceImpact) -> Iterator[tuple[str, ...]]:
    """A row for each change that hits anybody."""
    for what, impact in (("users", found.users), ("sign-ins", found.recorded)):
        for change in Change:
            hit: Count = getattr(impact, change.value)
            if hit.count:
                who = list(labels(state, hit.sample).values())
                yield resource, what, change.value, str(hit.count), sample(who)


@policies.command(help="Count what report-only policies would have done at the sign-ins of the last days.")
@click.option("--days", type=click.IntRange(1, 30), default=7, show_default=True)
@as_json_option
def report(days: int, as_json: bool) -> None:
    found = current_state().access.simulator.report(days)
    if as_json:
        print_json({name: dict(counts) for name, counts in found.items()})
        return
    rows = [(would, str(times), name) for name in sorted(found) for would, times in sorted(found[name].items())]
    if rows:
        print_table(("RESULT", "SIGN-INS", "POLICY"), rows)
    else:
        click.echo("No report-only policy was judged at a sign-in of these days.")


def _try(state: GateState, draft: PolicySet, file: str, address: str | None) -> list[dict[str, str]]:
    found = read_scenarios(read_file(file), address=address)
    outcomes = run_scenarios(state.access.simulator, found, draft=draft, views=marked_views(current_app))
    return [
        {"name": one.scenario.name, "expected": one.scenario.expect, "found": one.found}
        for one in outcomes
        if not one.is_as_expected
    ]
