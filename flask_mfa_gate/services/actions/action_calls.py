"""The service that each action on users is, by its word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from ...clock import Clock
from ...domain.enrollment.mfa_status import MfaStatus
from ...domain.people.roles import Actor
from ...errors import BadRequest
from ...sentences import Sentence
from ...store import Store
from ...store.enrollment.action_requests import ActionRequest
from ..enrollment.enrollments import EnrollmentService
from ..policies.policies import PolicyService
from .action_options import ActionOptions
from .action_result import ActionResult
from .actions import Terms, Within


class ActionCalls:
    """Calls them with the options of a request."""

    def __init__(
        self, store: Store, enrollments: EnrollmentService, policies: PolicyService, *, clock: Clock
    ) -> None:  # fmt: skip
        self._store, self._enrollments, self._policies, self._clock = store, enrollments, policies, clock

    def find(self, action: str) -> Callable[..., ActionResult]:
        """The service of an action.

        :raises BadRequest: for a word that is none.
        """
        calls: dict[str, Callable[..., ActionResult]] = {
            "require": self._enrollments.require, "extend": self._enrollments.extend, "reset": self._enrollments.reset,
            "remove": self._enrollments.remove, "remind": self._enrollments.remind, "unlock": self._enrollments.unlock,
            "revoke-sessions": self._enrollments.revoke_sessions, "revoke-factor": self._enrollments.revoke_factor,
            "revoke-pass": self._enrollments.revoke_pass, "restart-grace": self._policies.restart_graces,
        }  # fmt: skip
        if action not in calls:
            raise BadRequest(Sentence("Unknown action. Known are: %(known)s.", known=", ".join(calls)))
        return calls[action]

    def act(
        self, request: ActionRequest, keys: Sequence[str], options: ActionOptions, *, actor: Actor,
        dry_run: bool = False, within: Within | None = None,
    ) -> ActionResult:  # fmt: skip
        """Do it to these users, or say what would happen.

        :param within: see :class:`Order`.
        :raises BadRequest: for options that the action does not take.
        """
        terms = Terms(actor=actor, reason=options.reason, notify=options.notify, dry_run=dry_run, within=within)
        given = options.arguments(request.action, is_single=request.count == 1)
        return self.find(request.action)(list(keys), **given, **terms)

    def require_known(self, key: str) -> None:
        """Nothing, for the key of a user.

        :raises UnknownUser: for any other.
        """
        self._enrollments.status(key)

    def seen(self, keys: Sequence[str]) -> dict[str, str]:
        """What an admin would be shown of each user now."""
        now = self._clock()
        with self._store.database.read() as tx:
            enrollments = self._store.enrollments.states(tx, keys, now=now)
        return {key: seen_of(self._enrollments.describe(enrollments[key], now=now)) for key in keys}


def seen_of(mfa: MfaStatus) -> str:
    """A digest of what an admin is shown of somebody's enrollment."""
    ends_at = mfa.ends_at.isoformat() if mfa.ends_at else ""
    shown = "\0".join((mfa.status, str(mfa.required), ends_at, ",".join(mfa.factors)))
    return sha256(shown.encode()).hexdigest()


def told(result: ActionResult) -> Iterator[tuple[str, str, str]]:
    """Key, outcome and reason of each user."""
    for outcome in ("done", "skipped", "failed"):
        for key, reason in getattr(result, outcome):
            yield key, outcome, reason
