"""Acting as another user: what a view declares, what pages show of it, and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import request, session

from ...domain.people.roles import Actor
from ...domain.sign_in.impersonation import DeclaredImpersonation, ImpersonationEnd
from ...errors import BadRequest, ConfigError, NotProved
from ...services.people.actors import actor_of
from ...services.people.user_objects import key_of, unwrapped
from ..client import origin_of
from ..csrf import csrf_token
from ..host import session_snapshot
from ..host.cookies_apart import rests_on_own_cookies
from ..request_context import IMPERSONATION, RequestContext, Stage, current_context
from ..responses.host_names import own_url
from ..state import GateState

_NO_VIEW = "gate.impersonation() goes around login_user in a view of the app, while its actor is signed in."
_NOBODY = "Pass the actor and the subject as user objects or keys."


@dataclass(frozen=True, slots=True)
class ActingAs:
    """What a page says of it."""

    actor_name: str
    subject_name: str
    leave_url: str
    csrf_token: str = field(repr=False)


@contextmanager
def declare(actor: Any, subject: Any, reason: str) -> Iterator[None]:
    """See :meth:`MFAGate.impersonation`."""
    context = current_context()
    if context is None or context.stage is not Stage.IN_VIEW:
        raise NotProved(_NO_VIEW)
    if not isinstance(reason, str):
        raise BadRequest("The reason is a string.")
    declared = DeclaredImpersonation(_key(context.state, actor), _key(context.state, subject), reason)
    _require_lendable(context, declared.actor_key)
    yield
    # SECURITY: only whom the block itself signed in is covered; what a view does later is a sign-in like any other.
    context.declared = declared if _key_by_now(context) == declared.subject_key else None


def _require_lendable(context: RequestContext, actor_key: str) -> None:
    """Only what the session says of its user can be lent and taken back."""
    if context.user_key != actor_key or context.is_token:
        return
    # SECURITY: where a hook finds the user, the sign-in in the block would pass for one without any declaration.
    if _key_by_now(context) != actor_key:
        raise ConfigError("MFA_GATE_DECIDE", "is too early for gate.impersonation()", allowed='"last"')
    # SECURITY: a cookie of the host's own would name the other user for good, and no way back would end that.
    if rests_on_own_cookies(context.state, actor_key):
        raise ConfigError("gate.impersonation()", "can't give back a cookie of the app", allowed="users in the session")


def _key_by_now(context: RequestContext) -> str | None:
    """Whom the host names when it is asked once more: what it knows in this request may be older."""
    user = context.state.host.identity.load_with(request.environ)
    return None if user is None else key_of(user, context.state.host.user_key)


def _key(state: GateState, who: Any) -> str:
    who = unwrapped(who)
    if isinstance(who, Actor | str):
        key = actor_of(who, state.host.directory).user_key
    else:
        key = None if who is None else key_of(who, state.host.user_key)
    if key is None:
        raise BadRequest(_NOBODY)
    return key


def set_aside(context: RequestContext) -> Mapping[str, Any]:
    """What the actor's session of the host held."""
    assert context.impersonation is not None  # noqa: S101 - the caller saw it
    return session_snapshot.unpack(context.state.delegation.impersonations.set_aside(context.impersonation))


def leave(context: RequestContext, how: ImpersonationEnd) -> None:
    """The actor is themself again in this browser, with what the session has proved."""
    live, begun, keys = context.session, context.impersonation, set_aside(context)
    assert live is not None and begun is not None  # noqa: S101, PT018 - the one was found by the other
    entry = context.state.delegation.impersonations.end(live, begun, how=how, origin=origin_of(request))
    session.clear()
    session.update(keys)
    context.before, context.impersonation, context.user_key = session_snapshot.take(session), None, None
    context.enter(entry)
    context.state.host.identity.load_anew()


def forget(context: RequestContext) -> None:
    """It ends with the session; nothing of it is left to the next sign-in in this browser."""
    if context.impersonation is not None:
        context.state.delegation.impersonations.note_end(
            context.impersonation, how=ImpersonationEnd.SIGNED_OUT, origin=origin_of(request)
        )
        context.impersonation = None
    if IMPERSONATION in session:
        session.pop(IMPERSONATION)


def acting_as(context: RequestContext | None) -> ActingAs | None:
    """Who acts as whom in this request; None where nobody does."""
    if context is None or context.impersonation is None or context.session is None:
        return None
    begun, state = context.impersonation, context.state
    return ActingAs(
        _name(state, begun.user_key), _name(state, begun.subject_key), own_url("mfa_gate.leave_impersonation"),
        csrf_token(state.keyring, context.session),
    )  # fmt: skip


def _name(state: GateState, key: str) -> str:
    """Only a nicety: a directory that fails must not cost anybody the way back."""
    try:
        person = state.host.directory.get(key)
    except Exception:  # noqa: BLE001
        return key
    return (person.name or person.email or key) if person is not None else key
