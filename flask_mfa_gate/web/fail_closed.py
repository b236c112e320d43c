"""The gate fails closed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Response

from ..errors import ConfigError, MFAGateError, NamelessUser, Throttled
from ..services.observations import Observation
from .request_context import current_context
from .responses import answers
from .state import current_state
from .translation import marked

log = logging.getLogger("flask_mfa_gate")
P = ParamSpec("P")
T = TypeVar("T")
UNAVAILABLE = marked("Sign-in checks are unavailable right now, so access is denied. Try again in a moment.")


def fail_closed(step: Callable[P, T]) -> Callable[P, T | Response]:
    """Any error of the gate refuses the request; the client learns no more than it has to."""

    @wraps(step)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T | Response:
        try:
            return step(*args, **kwargs)
        except ConfigError:
            raise
        except Throttled as error:
            # The flood guard has logged the first of them; a line for each would be a flood of its own.
            return refused(error)
        except MFAGateError as error:
            log.error("the gate refused a request: %s", error, exc_info=error.__cause__ is not None)
            if isinstance(error, NamelessUser):
                current_state().operations.observations.note(Observation.NAMELESS_USER, str(error))
            return refused(error)
        # SECURITY: whatever else goes wrong in here, nobody is let through because of it.
        except Exception:
            log.exception("the gate failed and refused a request")
            return refused(MFAGateError(UNAVAILABLE))

    return guarded


def refused(error: MFAGateError) -> Response:
    """Nobody is signed in for the rest of this request."""
    current_state().host.identity.hide_for_now()
    return answers.failure(current_context(), error)
