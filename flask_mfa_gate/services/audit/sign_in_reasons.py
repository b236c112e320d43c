"""Why somebody was asked for what at their last sign-ins: as recorded, with the policies that were in force then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ...domain.access import APP
from ...domain.authorization.decision import Reason, policy_id
from ...domain.enrollment.enrollment import Status
from ...domain.policy.conditions.registry import Registry
from ...domain.policy.document.policy import PolicyState
from ...domain.policy.evaluation.compiled_policies import compile_policies
from ...domain.policy.evaluation.trace import PolicyTrace
from ...domain.policy.facts import MatchResult, Subject
from ...domain.records.refusal import STOPPED, WAITS
from ...sentences import Sentence
from ...store import Store
from ...store.sign_in.sign_ins import SignInRecord
from ..policies.history import PolicyHistory
from ..policies.policies import log_condition
from ..policies.simulation import environment_of

_POLICY = "policy-"
SENTENCES: Mapping[str, str] = {
    Reason.SATISFIED: "Nothing more was asked.",
    Reason.STRANGER: "Nobody was signed in.",
    Reason.INACTIVE: "The account was disabled.",
    Reason.DEFAULT_DENY: "Default access denies.",
    Reason.IMPERSONATION: "The account had a step to complete that only its user can do.",
    Reason.LAPSED: "The enrollment period had ended.",
    Reason.SIGN_IN: "They have a factor, which is asked for at each sign-in.",
    Reason.STEP_UP: "The page asks for a fresh proof.",
    Reason.ENROLLMENT_FORCED: "MFA is required of them, and they held no factor.",
    Reason.ENROLLMENT_PERIOD: "They were in an enrollment period and could postpone setup.",
    Reason.ENROLLMENT_PASS: "An access pass opens only the setup of a factor.",
    WAITS: "Too many incorrect codes came from this address, so no further code was tried for a while.",
    STOPPED: "Too many incorrect codes were entered for this account. An administrator has to unlock it.",
}


@dataclass(frozen=True, slots=True)
class SignInReason:
    """One sign-in, or one refusal later on.

    :param reason: a sentence.
    :param policy: name of the policy that decided; None where none did.
    :param version: of the policies that were in force.
    :param applied: the policies that were on and applied then, as far as the recorded facts tell.
    """

    record: SignInRecord
    reason: str
    policy: str | None
    version: int
    applied: tuple[PolicyTrace, ...]


class SignInReasons:
    """Reads the records of sign-ins."""

    def __init__(self, store: Store, registry: Registry, history: PolicyHistory) -> None:
        self._store, self._registry, self._history = store, registry, history

    def latest(self, key: str, groups: frozenset[str], *, until: datetime, limit: int) -> Sequence[SignInReason]:
        """The last sign-ins up to a time, newest first.

        :param groups: that the user is in now; those of then were not kept.
        """
        with self._store.database.read() as tx:
            records = self._store.sign_ins.of(tx, key, until=until, limit=limit)
        return [self._explained(record, groups) for record in records]

    def _explained(self, record: SignInRecord, groups: frozenset[str]) -> SignInReason:
        version, policies = self._history.at(record.at)
        names = {f"{_POLICY}{policy_id(one.name)}": one.name for one in policies.policies}
        compiled = compile_policies(policies, self._registry, version=version)
        facts, subject = environment_of(record), Subject(record.user_key, groups, Status.NOT_ENROLLED)
        traces = compiled.explain(subject, (APP,), facts, log_condition)
        name = record.policies[0] if record.policies else names.get(record.reason_id)
        return SignInReason(record, sentence_of(record.reason_id, name), name, version, tuple(_applied(traces)))


def _applied(traces: Sequence[PolicyTrace]) -> Iterator[PolicyTrace]:
    return (one for one in traces if one.state is PolicyState.ON and one.mark is not MatchResult.MISS)


def sentence_of(reason_id: str, policy: str | None) -> str:
    """Why something was asked or refused.

    :param policy: name of the one that decided.
    """
    if policy is not None:
        return Sentence("The policy %(policy)r decided.", policy=policy)
    if reason_id.startswith(_POLICY):
        return Sentence("A policy decided that is no longer known (%(reason)s).", reason=reason_id)
    return SENTENCES.get(reason_id, reason_id)
