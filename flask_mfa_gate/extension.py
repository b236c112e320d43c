"""The extension object: wires one app's gate, and holds nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any, TypeVar, Unpack

from flask import Blueprint, Flask, Response, current_app

from .cli import mfa
from .domain.access import APP
from .domain.authorization.decision import Decision
from .domain.policy.document.policy import Policy, PolicySet
from .domain.policy.facts import Environment
from .domain.sign_in.assurance import Assurance
from .errors import ConfigError
from .host import Host, HostOptions
from .mail.delivery import Delivery
from .opening import require_file
from .services.audit.chain import AuditChain
from .services.audit.key_rotation import Rotated
from .services.enrollment.access_passes import AccessPassService
from .services.enrollment.enrollments import EnrollmentService
from .services.enrollment.upkeep import Upkeep
from .services.oidc.access_tokens import AccessToken
from .services.people.users import UserService
from .services.policies.impact import Preview
from .services.policies.policies import PolicyService
from .services.policies.simulation import Explanation
from .web.authorization.questions import TemplateHelper, current_access_token, current_assurance, current_decision
from .web.blueprints import register_blueprints
from .web.delegation.calls import DelegationCalls
from .web.inspection.findings import Finding
from .web.middleware import view_guard
from .web.middleware.install import arrange, install, require_free
from .web.middleware.websockets import still_ok
from .web.sessions.federated import note_federated_sign_in
from .web.sessions.own_change import tell_change
from .web.state import EXTENSION, GateState, OidcServices, current_state
from .web.view_marks.arguments import read_demand, read_resource, read_scopes
from .web.view_marks.marks import mark_demand, mark_exempt, mark_resource, mark_scopes
from .web.view_marks.protection import marked_views
from .wiring import build_state

NOTHING_KNOWN = Environment()
View = TypeVar("View", bound=Callable[..., Any] | Blueprint)


class MFAGate(DelegationCalls):
    """Multi-factor authentication between the password and the app. One object serves any number of apps.

    :ivar named_resources: every name that was given to :meth:`resource`.
    """

    def __init__(self, app: Flask | None = None, **host: Unpack[HostOptions]) -> None:
        # Also of marks that a careless decorator hides from the app.
        self.named_resources: set[str] = set()
        if app is not None:
            self.init_app(app, **host)

    def init_app(self, app: Flask, **host: Unpack[HostOptions]) -> None:
        """Put the gate into an app, before or after its other extensions. What may be told of the host: :class:`Host`.

        :raises ConfigError: for a setting that is unknown, wrong or missing.
        """
        state = build_state(self, app, Host(**host))
        app.extensions[EXTENSION] = state
        register_blueprints(app, state)
        require_free(app, state.settings)
        app.context_processor(lambda: {"mfa_gate": TemplateHelper()})
        app.cli.add_command(mfa)
        install(app)

    def check(self, app: Flask) -> None:
        """What the first request would check: call it at the end of a factory to have errors at the start.

        A resource that looks like no other may belong to a view that is still to come: the first request decides.

        :raises ConfigError: for a contradiction between settings, marks and routes.
        :raises StoreNotReady: when the gate's database file is gone, except on the command line.
        """
        arrange(app, is_final=False)
        require_file(app.extensions[EXTENSION].location)

    def resource(self, name: str = "") -> Callable[[View], View]:
        """Mark a view, a view class or a blueprint with the name of what it opens, for default access and policies.

        :raises ConfigError: for a missing name, or one that no policy could say.
        """
        known = read_resource(name)
        self.named_resources.add(known)
        return lambda view: mark_resource(view, known, view_guard.enforce)

    def require_mfa(self, max_age: timedelta | None = None, factors: Collection[str] = ()) -> Callable[[View], View]:
        """Ask for proof of a factor at a view.

        :param max_age: how old it may be; zero asks for each single request; None for the session's life.
        :param factors: acceptable ones; empty means any.
        :raises ConfigError: for anything but a timedelta and names of factors.
        """
        demand = read_demand(max_age, factors)
        return lambda view: mark_demand(view, demand, view_guard.enforce)

    def accept_access_tokens(self, scopes: Collection[str]) -> Callable[[View], View]:
        """Let other apps call a view for their users, with an access token of the gate's own OpenID provider.

        The token's sign-in is judged like any other: one that is too weak or too old is told so as RFC 9470 says.

        :param scopes: what the token has to have, all of them.
        :raises ConfigError: for anything but names of scopes.
        """
        known = read_scopes(scopes)
        return lambda view: mark_scopes(view, known, view_guard.enforce)

    def exempt(self, view: View | None = None) -> View:
        """Don't stop requests to a view. It still sees no unproven identity.

        :raises ConfigError: for a blueprint, a marked view, and anything that is no view.
        """
        return mark_exempt(view)

    def ensure(self, resource: str | None = None) -> Response | None:
        """Judge the user whom a decorator of the app has just shown; call it before the view's body runs.

        For HTTP Basic, API keys and the like that are looked at after every hook. It judges by the marks of the view.

        :param resource: what is opened beside that.
        :returns: the answer to give in place of the view's, or None to go on.
        """
        return view_guard.ensure_here(resource)

    @property
    def enrollments(self) -> EnrollmentService:
        """Require, extend, reset, remove, remind, unlock, status."""
        return self._state.people.enrollments

    @property
    def access_passes(self) -> AccessPassService:
        """Ways back in for users who lost their device: issue, revoke."""
        return self._state.people.access_passes

    @property
    def users(self) -> UserService:
        """What the gate knows of the app's users: sync, rename, forget."""
        return self._state.people.users

    @property
    def policies(self) -> PolicyService:
        """Conditional access: save, list, delete, export, import, history, rollback."""
        return self._state.access.policies

    def simulate(
        self, user: str, resource: str = APP, environment: Environment | None = NOTHING_KNOWN,
        draft: PolicySet | Policy | str | None = None,
    ) -> Explanation:  # fmt: skip
        """What would happen to a user's sign-in or request, and why. A fact that is left out is unknown.

        :param draft: policies, or a document of them, judged in place of those of today; one policy is judged among
            those of today, in place of the one with its name.
        """
        state = self._state
        read = None if draft is None else state.access.simulator.draft(draft)
        return state.access.simulator.simulate(
            user, resource=resource, environment=environment, draft=read, views=marked_views(current_app)
        )

    def preview(self, draft: PolicySet | Policy | str) -> Preview:
        """How many would be challenged, forced, denied or relaxed by a draft, all in all and at each resource."""
        return self._state.access.simulator.preview(draft)

    def report(self, *, days: int = 7) -> Mapping[str, Mapping[str, int]]:
        """What policies that are only reported would have done at the sign-ins of the last days: counts by policy and
        result, which is ``would pass``, ``would ask``, ``would refuse`` or ``would not apply``. Kept for 30 days.
        """
        return self._state.access.simulator.report(days)

    @property
    def audit(self) -> AuditChain:
        """The audit log: seal, verify, export."""
        return self._state.operations.audit

    def rotate_keys(self) -> Rotated:
        """Seal every secret with the first of ``MFA_GATE_KEYS``."""
        return self._state.operations.key_rotation.run()

    def password_changed(self, key: str) -> None:
        """End every session of a user, but the one whose view says this of its own user. Only needed where the gate
        can't see a changed password by itself.
        """
        tell_change(self._state, key)

    @property
    def oidc(self) -> OidcServices:
        """The OpenID provider: ``clients``, ``connections``, ``signing_keys``.

        :raises ConfigError: where ``MFA_GATE_OIDC`` is off.
        """
        if (found := self._state.oidc) is None:
            raise ConfigError("MFA_GATE_OIDC", "is off", allowed="True, with MFA_GATE_BASE_URL")
        return found

    @property
    def delivery(self) -> Delivery:
        """Mail on its way out."""
        return self._state.operations.delivery

    def run_due(self) -> Upkeep:
        """Remind, note lapses, take people over, send waiting mail, sweep: what a cron job calls."""
        return self._state.operations.upkeep.run_due()

    def upgrade(self, revision: str = "head", *, adopt: bool = False) -> None:
        """Bring the gate's tables up to date.

        :param adopt: take over tables that are another app's, or this one's under another name.
        """
        self._state.operations.tables.upgrade(revision, adopt=adopt)

    def doctor(self) -> list[Finding]:
        """Errors and warnings of this app's set-up."""
        from .web.inspection.doctor import findings  # noqa: PLC0415 - an operator asks now and then

        return findings(current_app, self._state)

    def routes(self) -> list[dict[str, Any]]:
        """Every endpoint of this app with what protects it."""
        from .web.inspection.routes import route_table  # noqa: PLC0415 - an operator asks now and then

        return route_table(current_app, self._state)

    def assurance(self) -> Assurance | None:
        """What the current session has proved, or the sign-in behind the provider's access token; None for nobody and
        for other tokens.
        """
        return current_assurance()

    def access_token(self) -> AccessToken | None:
        """The provider's access token that opened this request: its ``client``, ``scopes`` and ``subject``."""
        return current_access_token()

    def current_verdict(self, resource: str = APP) -> Decision:
        """What the gate says of the current session about a resource, without stopping it."""
        return current_decision(resource)

    def federated_sign_in(self, user: Any, claims: Mapping[str, Any] | None) -> None:
        """Note what another provider proved of a user whom the app signs in within the same request.

        It signs nobody in, is forgotten with the request, and counts for no other user. ``MFA_GATE_TRUST_AMR`` says
        whether the provider is believed.

        :param claims: of an ID token that the app has validated: ``iss``, ``sub``, ``acr``, ``amr``, ``auth_time``
            (OpenID Connect Core 1.0 section 2). One that is missing or of another type counts for nothing. May be None.
        """
        note_federated_sign_in(user, claims)

    def still_ok(self) -> bool:
        """Whether the identity of an open websocket still holds."""
        return still_ok()

    @property
    def _state(self) -> GateState:
        return current_state()
