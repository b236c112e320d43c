"""What the gate asks about the host's users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flask import Response
from flask.ctx import RequestContext

from ...domain.sign_in.assurance import SignIn
from ...errors import ConfigError, HostCallbackFailed, NotProved

TOLD = (ConfigError, NotProved, HostCallbackFailed)
LOADER_FAILED = (
    "The app's user loader failed, so nobody can be identified. If it needs what the app's own before_request hooks "
    'open, set MFA_GATE_DECIDE = "last".'
)


class IdentitySource(Protocol):
    """Loads, hides and forgets the identity of a request."""

    def load(self) -> Any:
        """The user of this request, or None; a host's loader that fails identifies nobody and lets nobody in.

        :raises NotProved: for a user made by a ``request_loader`` outside of hooks, whom nobody proved.
        :raises HostCallbackFailed: with the sentence that helps where the loader needs the host's own hooks first.
        """

    def can_name_nobody(self, here: RequestContext) -> bool:
        """Whether nothing that this request came with could name anybody to the host."""

    def still_shows(self, user: Any) -> bool:
        """Whether this very object is what was loaded last; None where nobody was asked for."""

    def lasting(self, before: Mapping[str, Any], answer: Response) -> Any:
        """Whom the next request of this browser will show, by what the view left in session and cookies, or None.

        :param before: the session as it came in.
        """

    def hide(self) -> None:
        """Show nobody to what runs later, in this request and in those that follow."""

    def hide_for_now(self) -> None:
        """Show nobody in this request, and leave the session as it is."""

    def show(self, user: Any) -> None:
        """Show this user object to the rest of this request, whatever the host would find."""

    def show_when_asked(self, is_let_in: Callable[[Any], bool]) -> None:
        """Look who this is once the host asks, where it can be asked so late, and show nobody who is not let in."""

    def may_send_no_signal(self) -> bool:
        """Whether users may be loaded without a signal before it."""

    def load_anew(self) -> None:
        """Forget what is known of this request: the next question gets whom the session names now."""

    def leave_to_host(self) -> Any:
        """Take out whom the session names, so that the host's hooks load them when they would without the gate.

        :returns: the user object, or None where nothing was taken out.
        """

    def take_back(self, user: Any) -> None:
        """Show this user object again, unless the host has loaded one since."""

    def set_aside(self) -> Mapping[str, Any]:
        """Take out of ``g`` what is known of another request that shares it."""

    def put_back(self, known: Mapping[str, Any]) -> None:
        """Know again what was set aside, and nothing of this request."""

    def sign_in(self, user: Any) -> bool:
        """Make the host know this user; False where it refuses to."""

    def sign_out(self) -> None:
        """Make the host forget its user, in session and remember cookie."""

    def was_named(self, before: Mapping[str, Any]) -> bool:
        """Whether the session named this user as it came in; ``before`` is what was in it."""

    def host_user_id(self) -> str | None:
        """What the host's session holds as its user's id."""

    def is_from_session(self) -> bool:
        """Whether a browser's session, not the request itself, says who this is."""

    def load_with(self, environ: Mapping[str, Any], contents: Mapping[str, Any] | None = None) -> Any:
        """The user that this request would have with another environment.

        :param contents: what the session holds then; None for what it holds now.
        """

    def load_alone(self, environ: Mapping[str, Any]) -> Any:
        """The same without body, session and arguments of the view."""

    def is_fresh(self) -> bool:
        """Whether the host says that who was just signed in gave the password now."""

    def kind(self, before: Mapping[str, Any]) -> SignIn:
        """How an identity that no view made in this request came to be."""


def lasting_identity(source: IdentitySource, before: Mapping[str, Any], answer: Response) -> Any:
    """The user of this browser's next request; a host's loader that fails identifies nobody, likewise."""
    try:
        return source.lasting(before, answer)
    except TOLD:
        raise
    except Exception as error:
        raise HostCallbackFailed(LOADER_FAILED) from error
