"""The security page: own factors, sessions and recent activity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Response, request

from ...domain.enrollment.enrollment import Status
from ...domain.sign_in.assurance import Method
from ...domain.sign_in.session import GateSession
from ...store.enrollment.factors import Factor
from ..delegation.api_tokens import OWNER_ENROLLED
from ..responses import answers
from ..responses.host_names import own_url
from ..translation import gettext, marked
from .activity import app_names, event_lines, split_lines, used_words
from .authenticated_request import AuthenticatedRequest, Route, require_proved
from .factor_setup import ask_proof
from .factors.registry import look_of, offers

_SENTENCES = {
    Status.ENROLLED: marked("Your account is protected by multi-factor authentication."),
    Status.IN_ENROLLMENT: marked("Set up multi-factor authentication before your enrollment period ends."),
    Status.PRE_ENROLLMENT: marked("Your enrollment period starts with the next page you open."),
    Status.PENDING_ACTIVATION: marked("Enter the first code from your app to finish setup."),
    Status.NOT_ENROLLED: marked("Your account is protected only by a password."),
    Status.ENROLLMENT_EXPIRED: marked("Your enrollment period has ended."),
    Status.DISABLED: marked("Authenticator apps are turned off for this app."),
}


FOR_PEOPLE = {"icon", "replace_url"}


@dataclass(frozen=True, slots=True)
class StatusLine:
    """The status in a word and a sentence."""

    word: str
    sentence: str
    days_left: int | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FactorLine:
    """One factor in the list."""

    id: str
    kind: str
    name: str
    created_at: datetime
    last_used_at: datetime | None
    rename_url: str
    remove_url: str
    removable: bool
    icon: str
    replace_url: str | None


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One sign-in in the list."""

    id: str
    current: bool
    waiting: bool
    user_agent: str | None
    address: str | None
    signed_in_at: datetime
    seen_at: datetime
    end_url: str


def security(auth: AuthenticatedRequest) -> Response:
    """Everything at a glance."""
    if (stopped := require_proved(auth)) is not None:
        return stopped
    overview = auth.state.factors.self_service.overview(auth.session)
    described = auth.state.people.enrollments.describe(auth.enrollment, now=auth.state.clock())
    word, left = described.status, overview.companion.left or 0
    factors = [_factor_line(auth, factor) for factor in overview.factors]
    if auth.wants_json:
        return answers.json_answer(
            {
                "status": word.value,
                "factors": [_as_json(line) for line in factors],
                "recovery_codes_left": left,
            }
        )
    used, apps = used_words(auth.state.factors.registry), app_names(auth.state, overview.events)
    newest, older = split_lines(event_lines(overview.events, used, apps))
    status = StatusLine(word.value, gettext(_SENTENCES[word]), described.days_left, described.ends_at)
    return answers.page(
        "security.html", auth.context, 200, status=status, factors=factors,
        offers=offers(auth), recovery_left=left,
        recovery_low=bool(auth.enrollment.factors) and overview.companion.is_low,
        recovery_url=own_url("mfa_gate.recovery_codes"), sessions_url=own_url("mfa_gate.sessions"),
        apps_url=own_url("mfa_gate.apps") if auth.state.oidc is not None else None,
        tokens_url=own_url("mfa_gate.api_tokens") if auth.state.settings.tokens == OWNER_ENROLLED else None,
        events=newest, older_events=older,
    )  # fmt: skip


def factor_rename(auth: AuthenticatedRequest, factor_id: str) -> Response:
    """Give a factor another name."""
    if (stopped := require_proved(auth)) is not None:
        return stopped
    if not auth.state.factors.self_service.rename_factor(auth.session, factor_id, auth.fields.get("name")):
        return _not_found(auth)
    return auth.redirect_to(own_url("mfa_gate.security"))


def factor_remove(auth: AuthenticatedRequest, factor_id: str) -> Response:
    """Ask whether to remove a factor, or remove it; a fresh proof comes first."""
    if (stopped := require_proved(auth)) is not None:
        return stopped
    factor = auth.state.factors.self_service.factor(auth.session, factor_id)
    if factor is None:
        return _not_found(auth)
    back = own_url("mfa_gate.factor_remove", factor_id=factor_id)
    # SECURITY: a stolen session alone removes nothing.
    if not auth.state.factors.eligibility.has_fresh_factor(auth.session):
        return ask_proof(auth, Method.of_factors, back=back)
    if request.method == "GET":
        line = _factor_line(auth, factor)
        if auth.wants_json:
            return answers.json_answer(_as_json(line))
        return answers.page(
            "remove_factor.html", auth.context, 200, factor=line, action_url=back,
            back_url=own_url("mfa_gate.security"), deletes_codes=len(auth.enrollment.factors) == 1,
        )  # fmt: skip
    if not auth.state.factors.self_service.remove_factor(auth.session, factor_id, origin=auth.origin):
        return _not_found(auth)
    auth.keep_remembered()
    return auth.redirect_to(own_url("mfa_gate.security"))


def sessions(auth: AuthenticatedRequest) -> Response:
    """Where this account is signed in; POST ends all the others."""
    if (stopped := require_proved(auth)) is not None:
        return stopped
    if request.method == "POST":
        auth.state.factors.self_service.end_other_sessions(auth.session)
        auth.keep_remembered()
        return auth.redirect_to(own_url("mfa_gate.sessions"))
    lines = [_session_line(auth, found) for found in auth.state.sign_in.sessions.living(auth.session.user_key)]
    # Somebody who only knows the password is not signed in, and must not look so.
    sessions, waiting = ([line for line in lines if line.waiting is apart] for apart in (False, True))
    if auth.wants_json:
        return answers.json_answer(
            {"sessions": [_as_json(line) for line in sessions], "waiting": [_as_json(line) for line in waiting]}
        )
    return answers.page(
        "sessions.html", auth.context, 200, sessions=sessions, waiting=waiting,
        end_others_url=own_url("mfa_gate.sessions"),
    )  # fmt: skip


def _session_line(auth: AuthenticatedRequest, found: GateSession) -> SessionLine:
    return SessionLine(
        id=found.lineage, current=found.lineage == auth.session.lineage, waiting=found.is_waiting,
        user_agent=found.user_agent, address=found.address, signed_in_at=found.assurance.signed_in_at,
        seen_at=found.seen_at, end_url=own_url("mfa_gate.session_end", lineage=found.lineage),
    )  # fmt: skip


def session_end(auth: AuthenticatedRequest, lineage: str) -> Response:
    """End one sign-in of this account."""
    if (stopped := require_proved(auth)) is not None:
        return stopped
    if not auth.state.factors.self_service.end_session(auth.session, lineage):
        return _not_found(auth)
    auth.keep_remembered()
    return auth.redirect_to(own_url("mfa_gate.sessions"))


def _factor_line(auth: AuthenticatedRequest, factor: Factor) -> FactorLine:
    look = look_of(auth, factor.kind)
    return FactorLine(
        id=factor.id, kind=factor.kind.value, name=factor.name, created_at=factor.confirmed_at or factor.created_at,
        last_used_at=factor.last_used_at, rename_url=own_url("mfa_gate.factor_rename", factor_id=factor.id),
        remove_url=own_url("mfa_gate.factor_remove", factor_id=factor.id),
        removable=auth.state.factors.self_service.is_removable(auth.enrollment, factor.kind), icon=look.icon,
        replace_url=look.replace_url,
    )  # fmt: skip


def _as_json(line: FactorLine | SessionLine) -> dict[str, object]:
    values = {name: getattr(line, name) for name in line.__slots__ if name not in FOR_PEOPLE}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _not_found(auth: AuthenticatedRequest) -> Response:
    return answers.problem(auth.context, 404, "not_found", gettext("We couldn't find that on your account."))


ROUTES: list[Route] = [
    ("/", "security", ["GET"], security),
    ("/factors/<factor_id>/rename", "factor_rename", ["POST"], factor_rename),
    ("/factors/<factor_id>/remove", "factor_remove", ["GET", "POST"], factor_remove),
    ("/factors/<factor_id>", "factor_delete", ["DELETE"], factor_remove),
    ("/sessions", "sessions", ["GET", "POST"], sessions),
    ("/sessions/<lineage>/end", "session_end", ["POST"], session_end),
]
