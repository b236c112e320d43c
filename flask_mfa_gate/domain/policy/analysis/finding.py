"""What lint has to say, and what it must know of the app to say it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ...sign_in.assurance import FactorKind
from ..conditions.condition_type import Source
from ..facts import Environment, Subject


class Level(StrEnum):
    """Whether a policy may be turned on as it is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One thing to mend or to think about.

    :param code: a stable word, e.g. ``denies-every-admin``.
    :param policy: name of the policy; None for the set as a whole.
    :param sentence: what is wrong and what would mend it, for an admin.
    """

    level: Level
    code: str
    policy: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class AppFacts:
    """What lint knows of the app.

    :param sources: where this app has facts from.
    :param factors: the kinds that this app takes.
    :param admins: everybody who may open the console.
    :param acting_admin: user key of the admin who is about to save; None where nobody is, as on the command line.
    :param acting_from: the facts of that admin's request; None where nobody knows.
    :param break_glass: user keys of the accounts that are outside policies.
    :param trusted_proxies: addresses, blocks and ranges of proxies whose word on the client's address is taken.
    :param known_groups: every group of the host; None when it does not tell.
    :param known_users: every user key of the host; None when it does not tell.
    :param known_resources: every name that a view is marked with; None where nobody looked.
    """

    sources: frozenset[Source] = frozenset()
    factors: frozenset[FactorKind] = field(default_factory=lambda: frozenset(FactorKind))
    admins: tuple[Subject, ...] = ()
    acting_admin: str | None = None
    acting_from: Environment | None = None
    break_glass: frozenset[str] = frozenset()
    trusted_proxies: tuple[str, ...] = ()
    known_groups: frozenset[str] | None = None
    known_users: frozenset[str] | None = None
    known_resources: frozenset[str] | None = None
