"""One user: MFA, factors, sessions, access pass, what happened, and why they were asked for what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, current_app, request

from ....domain.access import APP
from ....domain.factors.access_pass import Scope
from ....domain.people.roles import Right, Role, refusal
from ....domain.people.user_list import UserRow
from ....domain.policy.facts import Environment
from ....errors import MFAGateError, UnknownUser
from ....services.actions.subjects import ROLE_UNKNOWN
from ....services.audit.sign_in_reasons import SignInReason
from ....services.people.profile import UserProfile
from ....services.policies.simulation import Explanation
from ...account.activity import app_names, event_lines, used_words
from ...delegation.api_tokens import OWNER_ENROLLED
from ...responses import answers
from ...translation import gettext, marked
from ...view_marks.protection import marked_resources, marked_views
from ..console import Console, ConsoleRoute, console_url
from ..policies.kit import client_resources
from ..policies.simulator import policies_users
from ..policies.traces import PolicyLines, shown_lines
from ..policies.words import resource_name
from ..representation import Format, format_wanted
from ..words import asked_word, client_word
from .listing import WORDS, names_of
from .options import graced_policies
from .verbs import verbs_for

_SIGN_INS = 5
_MOST_TRACED = 20
_WOULD = {
    "pass": marked("would be let in"), "prompt": marked("would be offered setup"),
    "challenge": marked("would be asked for a code"), "enroll": marked("would have to set up MFA"),
    "locked": marked("is locked out"), "deny": marked("would be denied"),
}  # fmt: skip


def user(console: Console, key: str) -> Response:
    """Everything about one user."""
    found = console.state.people.enrollments.look_up(key)
    profile = console.state.people.profiles.read(key)
    if format_wanted(console, Format.HTML, Format.JSON) is Format.JSON:
        return answers.json_answer(_as_json(found, profile))
    return draw_user(console, found, profile)


def user_by_key(console: Console) -> Response:
    """The same for a key that no path could hold."""
    return user(console, request.args.get("key", ""))


def draw_user(
    console: Console, found: UserRow, profile: UserProfile, *, code: str | None = None, status: int = 200
) -> Response:
    """The page.

    :param code: of an access pass that was just issued, to be shown this once.
    """
    key = found.person.key
    why = console.state.people.enrollments.refusal(found.person, actor=console.actor)
    verbs = verbs_for(console, key=key, role=found.person.role) if why != ROLE_UNKNOWN else ()
    required_by = found.mfa.required_by or ""
    return console.page(
        "user.html", status, found=found, person=found.person, profile=profile, words=WORDS,
        names=names_of(console, {required_by.removeprefix("user:")} if required_by.startswith("user:") else set()),
        events=event_lines(
            profile.events, used_words(console.state.factors.registry), app_names(console.state, profile.events)
        ),
        sign_ins=_sign_ins(console, found), default=console.state.rules.access(APP),
        asked=asked_word, client_word=client_word, resource_name=resource_name, would=_WOULD,
        trace=(trace := _trace(console, key)), traced=_in_words(console, trace),
        simulator_url=console_url("simulator", user=key, resource=_resource()),
        resources=_resources(console),
        resource=_resource(), verbs=verbs, why_not=why, code=code,
        may_rescue=why is None and console.may(Role.HELPDESK), scopes=_scopes(),
        challenge=console.state.people.user_list.challenges([key]).get(key),
        graced=graced_policies(console),
        may_rule=refusal(console.actor, Right.RULE, subject=key, role=found.person.role) is None,
        audit_url=console_url("audit", subject=key), pass_state=pass_state(profile),
        tokens=console.state.delegation.api_tokens.of_user(key) if reads_tokens(console) else None,
        apps=console.state.oidc.connections.of_user(key) if console.state.oidc is not None else None,
    )  # fmt: skip


def reads_tokens(console: Console) -> bool:
    """Whether registered tokens count for anything."""
    return console.state.settings.tokens == OWNER_ENROLLED


def pass_state(profile: UserProfile) -> str:
    """Tells a form that was sent twice: whatever pass was there when it was drawn."""
    return profile.access_pass.id if profile.access_pass is not None else "none"


def _scopes() -> list[tuple[str, str]]:
    return [
        (Scope.FULL.value, gettext("Sign in and set up a new factor")),
        (Scope.ENROLL_ONLY.value, gettext("Set up a new factor only")),
    ]


def _sign_ins(console: Console, found: UserRow) -> Sequence[SignInReason]:
    reasons = console.state.sign_in.reasons
    return reasons.latest(found.person.key, found.person.groups, until=console.now, limit=_SIGN_INS)


def _resource() -> str:
    return request.args.get("resource") or APP


def _resources(console: Console) -> list[str]:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    policies = console.state.access.policies.current().policies
    named = {name for policy in policies for name in policy.resources}
    found = {*marked_resources(app), *client_resources(console), *named, *console.state.rules.default_access}
    return [APP, *sorted(found - {APP})]


def _trace(console: Console, key: str) -> Explanation | None:
    """What would happen now, with nothing known of where they come from; None where that can't be said."""
    try:
        return console.state.access.simulator.simulate(
            key, resource=_resource(), environment=Environment(at=console.now),
            views=marked_views(current_app._get_current_object()),  # type: ignore[attr-defined]
        )  # fmt: skip
    except UnknownUser:
        return None
    except MFAGateError:
        if _resource() == APP:
            return None
        raise


def _in_words(console: Console, trace: Explanation | None) -> tuple[list[PolicyLines], int]:
    meant = policies_users(console, console.state.access.policies.current())
    return shown_lines(trace, meant, most=_MOST_TRACED) if trace is not None else ([], 0)


def _as_json(found: UserRow, profile: UserProfile) -> dict[str, Any]:
    person, mfa, granted = found.person, found.mfa, profile.access_pass
    return {
        "key": person.key, "name": person.name, "email": person.email, "groups": sorted(person.groups),
        "role": person.role, "is_active": person.is_active, "status": mfa.status, "required": mfa.required,
        "required_by": mfa.required_by, "days_left": mfa.days_left,
        "ends_at": mfa.ends_at.isoformat() if mfa.ends_at else None,
        "enrolled_at": mfa.enrolled_at.isoformat() if mfa.enrolled_at else None,
        "factors": [
            {
                "kind": one.kind.value, "name": one.name, "created_at": one.created_at.isoformat(),
                "last_used_at": one.last_used_at.isoformat() if one.last_used_at else None,
            }
            for one in profile.factors
        ],
        "recovery_codes_left": profile.recovery_codes_left, "wrong_codes": profile.wrong_codes,
        "sessions": len(profile.sessions),
        "access_pass": None if granted is None else {
            "scope": granted.terms.scope.value, "one_time": granted.terms.one_time,
            "starts_at": granted.terms.starts_at.isoformat(), "ends_at": granted.terms.ends_at.isoformat(),
        },
    }  # fmt: skip


ROUTES = (
    ConsoleRoute(rule="/users/<path:key>", name="user", view=user),
    ConsoleRoute(rule="/user", name="user_by_key", view=user_by_key),
)
