"""What every verifier of a typed code offers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from ..domain.assurance import Method
from ..domain.totp import CodeShape


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an accepted code proves.

    :param pass_id: the access pass that it was; what it opens ends at ``ends_at``.
    """

    method: Method
    pass_id: str | None = None
    ends_at: datetime | None = None


class Verifier(Protocol):
    """A factor or a way back in that is proved by typing a code."""

    @property
    def method(self) -> Method:
        """The proof that an accepted code is."""

    @property
    def is_stoppable(self) -> bool:
        """Whether too many failures stop this verifier until an admin unlocks."""

    def read(self, raw: object) -> tuple[CodeShape, str]:
        """Bring user input into canonical form, without trying it."""

    def try_accept(self, tx: Connection, user_key: str, code: str, *, now: datetime) -> Accepted | None:
        """Accept the code and use it up, or neither."""

    def was_used(self, tx: Connection, user_key: str, code: str, *, now: datetime) -> bool:
        """Whether a code that was not accepted is a right one of this user, used before."""

    def hint(self, tx: Connection, user_key: str, code: str, *, now: datetime) -> str | None:
        """A sentence that helps an owner whose code was not accepted."""
