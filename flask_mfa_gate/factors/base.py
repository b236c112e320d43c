"""The one protocol that every kind of factor, and every way back in, is built to.

A kind is asked in five verbs. ``begin`` and ``confirm`` set it up, ``challenge`` and ``verify`` prove it, ``describe``
tells pages what a user has of it. What ``begin`` and ``challenge`` hand to the browser is *public*; what the answer to
it has to be compared with is *state*, and stays on the server:

- the state of ``begin`` is the pending row of the factor table (``secret``, sealed; ``data``), which belongs to one
  sign-in until ``confirm`` makes it live;
- the state of ``challenge`` is kept for the sign-in that asked, five minutes long, by the caller of ``challenge``, who
  hands it to ``verify`` once: an answer takes it away, whether it was right or wrong.

A code from an app needs neither options nor state. A security key or passkey needs both (WebAuthn Level 3, sections
7.1 and 7.2), and fits so:

- ``begin`` makes the creation options, with the user's live rows as ``excludeCredentials``. Public: the options. State:
  their challenge, in the ``data`` of the pending row.
- ``confirm`` gets the new credential as JSON and checks it against that challenge. The public key is sealed into the
  row, credential id and transports go into ``data``, ``signCount`` into ``counter``. A kind may have several live
  rows; its own ``confirm`` says whether the others go.
- ``challenge`` makes the request options, with the live rows as ``allowCredentials``. Public: the options. State: their
  challenge.
- ``verify`` gets the assertion and that state, finds the row by its credential id, and moves its ``counter`` on in one
  conditional UPDATE, which refuses a clone.

``read`` brings what was sent into one canonical text without trying it: a typed code without spaces, a credential as
JSON with sorted keys. What can't be an answer at all is refused there and not counted as an attempt.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from sqlalchemy import Connection

from ..domain.factors.typed_code import CodeShape
from ..domain.records.mail_kind import Notice
from ..domain.sign_in.assurance import FactorKind, Method
from ..store.sign_in.holdings import Held

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class About:
    """What people call a kind, for pages that list several.

    :param label: the thing itself, e.g. "Authenticator app".
    :param use: the link to prove it in place of another.
    :param used: what recent activity says once it was.
    :param icon: name of a Lucide icon.
    :param offer: the link to set one up; empty for what users can't set up themselves.
    :param one: the thing in the middle of a sentence, e.g. "an authenticator app".
    :param wrong: what is said of an answer that was not accepted.
    """

    label: str
    use: str
    used: str
    icon: str
    offer: str = ""
    one: str = ""
    wrong: str = "That code didn't work."


@dataclass(frozen=True, slots=True)
class Enrollee:
    """Who sets a factor up, and in which sign-in.

    :param session_family: of the gate session, which stays the same while its id rotates.
    :param account: what the user is called at the app that issues the factor.
    """

    user_key: str
    session_family: str
    account: str = ""


class Begun(Protocol):
    """A setup that waits for its first answer."""

    @property
    def public(self) -> Mapping[str, Any]:
        """What the browser needs, as JSON values: shown on the page, and the whole answer to a program."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a user is asked.

    :param public: what the page needs, as JSON values.
    :param state: what :meth:`Verifier.verify` is handed, as JSON values; empty where nothing is needed.
    """

    public: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an accepted answer proves.

    :param pass_id: the access pass that it was; what it opens ends at ``ends_at``.
    :param notice: a mail to the owner that tells of it.
    """

    method: Method
    pass_id: str | None = None
    ends_at: datetime | None = None
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """Why an answer was not accepted, as far as its owner can do something about it; empty where they can't.

    :param sentence: in place of the plain one.
    """

    sentence: str = ""
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What a user has of it.

    :param is_there: whether there is something to prove.
    :param left: how many proofs are left of what runs out.
    :param is_low: whether they are so few that the user should make new ones.
    """

    is_there: bool = True
    left: int | None = None
    is_low: bool = False


class Verifier(Protocol):
    """A factor or a way back in."""

    @property
    def method(self) -> Method:
        """The proof that an accepted answer is."""

    @property
    def about(self) -> About:
        """What people call it."""

    @property
    def proofs(self) -> Collection[Method]:
        """All that an accepted answer can be proof of."""

    @property
    def answer_field(self) -> str:
        """The name of the field in which the answer is sent."""

    @property
    def is_stoppable(self) -> bool:
        """Whether too many failures stop this verifier until an admin unlocks."""

    @property
    def has_state(self) -> bool:
        """Whether a challenge leaves state for the answer."""

    def read(self, raw: object) -> tuple[CodeShape, str]:
        """Bring user input into canonical form, without trying it."""

    def challenge(self, held: Held, *, now: datetime) -> Challenge:
        """Ask for a proof."""

    def verify(
        self, tx: Connection, held: Held, answer: str, *, state: Mapping[str, Any], now: datetime
    ) -> Accepted | None:
        """Accept the answer and use it up, or neither.

        :param held: the user's live factors; one may have been used or voided since, which the use itself has to find.
        """

    def explain(self, tx: Connection, user_key: str, answer: str, *, now: datetime) -> Why:
        """Why an answer was not accepted."""

    def describe(self, held: Held) -> Description:
        """What a user has of it."""


class Factor(Verifier, Protocol):
    """A factor that users set up themselves."""

    @property
    def kind(self) -> FactorKind:
        """The kind of its rows in the factor table."""

    def begin(self, tx: Connection, who: Enrollee, *, now: datetime) -> Begun:
        """What this sign-in was shown before, while it waits for its first answer, else a new one."""

    def confirm(self, tx: Connection, who: Enrollee, answer: str, *, now: datetime) -> str | None:
        """Make what waits a live factor; its id, or None when the answer is wrong."""


class WayBack(Verifier, Protocol):
    """A way back in for users who have no factor with them. It is kept in a table of its own."""

    def withdraw(self, tx: Connection, user_keys: Collection[str], *, now: datetime) -> None:
        """Make all of it worthless, as a reset does."""


class Companion(WayBack, Protocol):
    """A way back in that is handed out with a user's first factor of any kind, and goes with the last."""

    def issue(self, tx: Connection, user_key: str, *, now: datetime) -> list[str]:
        """A new set in place of the old one, to be shown this once."""
