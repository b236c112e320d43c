"""What the page of the editor is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .....domain.policy.analysis.finding import LintFinding
from .....domain.policy.document.codec import write_document
from .....domain.policy.document.policy import Policy, PolicySet, PolicyState
from .....services.policies.edits import with_policy
from .....services.policies.impact import Change, Impact, Preview
from ....translation import gettext, marked
from ...console import Console, console_url
from ..diffs import DiffView
from ..kit import findings_of, known_resources, names_in
from ..sentences import policy_sentence
from ..words import ACTIONS, STATES, factor_name
from .draft import Draft, Outcome
from .people import Choices, choices_of
from .tree import DEEPEST, Join, path_of
from .widgets import Widget, widgets

JOINS = {
    Join.ALL: marked("All of these"),
    Join.ANY: marked("Any of these"),
    Join.NOT_ALL: marked("Not all of these"),
    Join.NONE: marked("None of these"),
}
CHANGES = {
    Change.CHALLENGED: marked("asked to verify"),
    Change.FORCED: marked("made to set up MFA"),
    Change.DENIED: marked("denied"),
    Change.RELAXED: marked("asked for less"),
}
UNIT_NAMES = (
    ("60", marked("minutes")), ("3600", marked("hours")), ("86400", marked("days")), ("1", marked("seconds")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImpactRow:
    """How many a draft would hit at one resource, and some of them."""

    resource: str
    change: str
    users: int
    recorded: int
    sample: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorForm:
    """The form as it stands.

    :param name: of the policy that is edited; empty for a new one.
    :param version: of the policies that its reader has seen.
    :param document: the text, in the document view; None in the form.
    :param errors: a sentence for each field that is wrong; the empty name is for none in particular.
    :param focus: the field that gets the focus after a redraw.
    """

    name: str
    version: int
    draft: Draft
    document: str | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    widgets: Mapping[str, Widget] = field(default_factory=dict)
    choices: Choices
    sentence: str = ""
    toml: str = ""
    since: DiffView | None = None
    remarks: Sequence[LintFinding] = ()
    impact: Sequence[ImpactRow] | None = None
    focus: str = ""

    @property
    def action_url(self) -> str:
        """Where the form goes."""
        return console_url("policy_save", name=self.name) if self.name else console_url("policies_add")

    @property
    def cancel_url(self) -> str:
        """The way out."""
        return console_url("policy", name=self.name) if self.name else console_url("policies")

    @property
    def page_url(self) -> str:
        """Where the form is, for the way back after a verification."""
        return console_url("policy_edit", name=self.name) if self.name else console_url("policy_new")

    @property
    def joins(self) -> list[tuple[str, str]]:
        """How a group can be joined."""
        return [(one.value, gettext(text)) for one, text in JOINS.items()]

    @property
    def actions(self) -> list[tuple[str, str]]:
        """What a policy can do."""
        return [(one.value, gettext(text)) for one, text in ACTIONS.items()]

    @property
    def states(self) -> list[tuple[str, str]]:
        """Off, report-only, on."""
        order = (PolicyState.OFF, PolicyState.REPORT_ONLY, PolicyState.ON)
        return [(one.value, gettext(STATES[one])) for one in order]

    @property
    def units(self) -> list[tuple[str, str]]:
        """Of the age of a proof."""
        return [(value, gettext(text)) for value, text in UNIT_NAMES]

    @property
    def factors(self) -> list[tuple[str, str]]:
        """What can be demanded: enabled kinds, and those that the draft names."""
        named = {*self.draft.values.get("factors", ()), *self.choices.factors}
        return [(kind, factor_name(kind)) for kind in sorted(named)]

    def error(self, name: str) -> str:
        """What is wrong with a field."""
        return self.errors.get(name, "")

    def path(self, place: Sequence[int]) -> str:
        """The name of a place in the conditions."""
        return path_of(tuple(place))

    def may_nest(self, place: Sequence[int]) -> bool:
        """Whether a group may stand in the group at this place."""
        return len(place) + 1 < DEEPEST


def form_for(console: Console, everything: PolicySet, *, name: str, version: int, draft: Draft) -> EditorForm:
    """An editor with what there is to choose from."""
    registry = console.state.access.policies.registry
    networks = sorted(network.name for network in everything.networks)
    choices = choices_of(console, registry, known_resources(console, everything))
    return EditorForm(
        name=name, version=version, draft=draft, choices=choices, widgets=widgets(registry, networks)
    )  # fmt: skip


def with_policy_shown(console: Console, form: EditorForm, everything: PolicySet, policy: Policy) -> EditorForm:
    """The form with what it comes to: the sentence, the document, and what lint says as if it were on."""
    draft = with_policy(everything, replace(policy, state=PolicyState.ON))
    return replace(
        form, sentence=policy_sentence(policy, names_in(console, PolicySet((policy,)))),
        toml=write_document(PolicySet((policy,))), remarks=findings_of(console, draft, policy.name),
    )  # fmt: skip


def with_outcome(console: Console, form: EditorForm, everything: PolicySet, outcome: Outcome) -> EditorForm:
    """The form with the policy that it says; without one, as it stands."""
    return form if outcome.policy is None else with_policy_shown(console, form, everything, outcome.policy)


def impact_rows(console: Console, found: Preview) -> list[ImpactRow]:
    """What a preview found, at any resource and at each."""
    everywhere = [(gettext("any"), found.users, found.recorded)] if len(found.resources) > 1 else []
    places = [*everywhere, *((name, one.users, one.recorded) for name, one in found.resources.items())]
    return [row for place in places for row in _rows(console, *place)]


def _rows(console: Console, resource: str, users: Impact, recorded: Impact) -> list[ImpactRow]:
    rows = []
    for change, text in CHANGES.items():
        of_users, of_records = getattr(users, change.value), getattr(recorded, change.value)
        if of_users.count or of_records.count:
            names = _labels(console, of_users.sample or of_records.sample)
            rows.append(ImpactRow(resource, gettext(text), of_users.count, of_records.count, names))
    return rows


def _labels(console: Console, keys: Sequence[str]) -> str:
    with console.state.store.database.read() as tx:
        known = console.state.store.people.known(tx, keys, now=console.now)
    return ", ".join(known[key].person.name or key if key in known else key for key in keys)
