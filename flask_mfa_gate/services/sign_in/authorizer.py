"""What services ask before they raise a session: the decision, of which they know no more than this."""

from __future__ import annotations

from typing import Protocol

from ...domain.authorization.decision import Decision
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.sign_in.assurance import Assurance


class Authorizer(Protocol):
    """Decides about one user, at the request that is being served."""

    def after(
        self, assurance: Assurance, enrollment: EnrollmentState, *, deferred: bool, sets_up_factor: bool = False
    ) -> Decision:
        """What the app itself asks of a session that has proved this.

        :param enrollment: of the user, as it is in the transaction that asks.
        :param deferred: whether the session chose "Set up later".
        :param sets_up_factor: whether the session is about to set a factor up.
        """
