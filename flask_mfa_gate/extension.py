"""The extension object: wires one app's gate, and holds nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any, TypeVar

from flask import Flask, current_app

from .cli import mfa
from .domain.access import APP
from .domain.assurance import Assurance
from .domain.verdict import Verdict
from .mail.delivery import Delivery
from .services.access_passes import AccessPassService
from .services.audit_chain import AuditChain
from .services.directory import Directory
from .services.enrollments import EnrollmentService
from .services.key_rotation import Rotated
from .services.upkeep import Upkeep
from .services.users import UserService
from .store import schema
from .web import gate as hooks
from .web import queries
from .web.account import account_blueprint
from .web.doctor import Finding, findings
from .web.hooks import arrange, install
from .web.marks import demand_of, mark_demand, mark_exempt, mark_resource
from .web.routes import route_table
from .web.state import EXTENSION, GateState, current_state
from .web.websockets import still_ok
from .wiring import Host, build_state

View = TypeVar("View", bound=Callable[..., Any])


class MFAGate:
    """Multi-factor authentication between the password and the app. One object serves any number of apps."""

    def __init__(self, app: Flask | None = None, **options: Any) -> None:
        if app is not None:
            self.init_app(app, **options)

    def init_app(
        self,
        app: Flask,
        *,
        db: Any = None,
        user_model: type | None = None,
        directory: Directory | None = None,
        user_key: Callable[[Any], str] | None = None,
        groups: Callable[[Any], Collection[str]] | None = None,
        admin_role: Callable[[Any], str | None] | None = None,
        session_stamp: Callable[[Any], Any] | None = None,
        identity: Any = None,
    ) -> None:
        """Put the gate into an app, before or after its other extensions.

        :param db: the host's Flask-SQLAlchemy; the gate uses its URL, never its session's transaction.
        :param user_model: mapped class of the host's users.
        :param directory: in place of ``user_model``, an object with ``get(key)`` and ``page(after_key, limit)``.
        :param user_key: gives a user's key: a text that never changes nor returns. Default: the primary key of
            ``user_model``, else ``get_id()``.
        :param groups: gives the names of a user's groups.
        :param admin_role: gives ``admin``, ``helpdesk``, ``auditor`` or None. Default: nobody has a role.
        :param session_stamp: gives what changes with a user's password; another value voids his sessions. Default: the
            attribute ``password_hash``, ``password`` or ``fs_uniquifier``.
        :param identity: for hosts without Flask-Login, an object with ``load(request)`` that gives the user or None.
        :raises ConfigError: for a setting that is unknown, wrong or missing.
        """
        host = Host(
            db=db, user_model=user_model, directory=directory, user_key=user_key, groups=groups,
            admin_role=admin_role, session_stamp=session_stamp, identity=identity,
        )  # fmt: skip
        state = build_state(self, app, host)
        app.extensions[EXTENSION] = state
        app.register_blueprint(account_blueprint(state.settings.url_prefix))
        app.context_processor(lambda: {"mfa_gate": queries.TemplateHelper()})
        app.cli.add_command(mfa)
        install(app)

    def check(self, app: Flask) -> None:
        """What the first request would check: call it at the end of a factory to have errors at the start.

        :raises ConfigError: for a setting that names an endpoint the app does not have.
        """
        arrange(app)

    def resource(self, name: str) -> Callable[[View], View]:
        """Mark a view with the name of what it opens, so that its default access holds there."""
        return lambda view: mark_resource(view, name, hooks.enforce)

    def require_mfa(self, max_age: timedelta | None = None, factors: Collection[str] = ()) -> Callable[[View], View]:
        """Ask for proof of a factor at a view.

        :param max_age: how old it may be; zero asks for each single request; None for the session's life.
        :param factors: acceptable ones; empty means any.
        """
        demand = demand_of(max_age, factors)
        return lambda view: mark_demand(view, demand, hooks.enforce)

    def exempt(self, view: View) -> View:
        """Don't stop requests to a view. It still sees no unproven identity."""
        return mark_exempt(view)

    @property
    def enrollments(self) -> EnrollmentService:
        """Require, extend, reset, remove, remind, unlock, status."""
        return self._state.enrollments

    @property
    def access_passes(self) -> AccessPassService:
        """Ways back in for users who lost their device: issue, revoke."""
        return self._state.access_passes

    @property
    def users(self) -> UserService:
        """What the gate knows of the app's users: sync, rename, forget."""
        return self._state.users

    @property
    def audit(self) -> AuditChain:
        """The audit log: seal, verify, export."""
        return self._state.audit

    def rotate_keys(self) -> Rotated:
        """Seal every secret with the first of ``MFA_GATE_KEYS``."""
        return self._state.key_rotation.run()

    def password_changed(self, key: str) -> None:
        """End every session of a user. Only needed where the gate can't see a changed password by itself."""
        self._state.users.password_changed(key)

    @property
    def delivery(self) -> Delivery:
        """Mail on its way out."""
        return self._state.delivery

    def run_due(self) -> Upkeep:
        """Remind, note lapses, take people over, send waiting mail, sweep: what a cron job calls."""
        return self._state.upkeep.run_due()

    def upgrade(self, revision: str = "head") -> None:
        """Bring the gate's tables up to date."""
        state = self._state
        schema.upgrade(state.store.database, prefix=state.settings.table_prefix, revision=revision)

    def doctor(self) -> list[Finding]:
        """Faults and warnings of this app's set-up."""
        return findings(current_app, self._state)

    def routes(self) -> list[dict[str, Any]]:
        """Every endpoint of this app with what protects it."""
        return route_table(current_app, self._state)

    def assurance(self) -> Assurance | None:
        """What the current session has proved; None for nobody and for tokens."""
        return queries.assurance()

    def current_verdict(self, resource: str = APP) -> Verdict:
        """What the gate says of the current session about a resource, without stopping it."""
        return queries.current_verdict(resource)

    def still_ok(self) -> bool:
        """Whether the identity of an open websocket still holds."""
        return still_ok()

    @property
    def _state(self) -> GateState:
        return current_state()
