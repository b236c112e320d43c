"""Every error the gate raises, in one tree under :class:`MFAGateError`.

Each carries a stable ``code`` for machines, an HTTP ``status`` for the web layer, and a sentence to act on.
"""

from __future__ import annotations

from datetime import datetime

from .sentences import Sentence


class MFAGateError(Exception):
    """Anything that went wrong inside the gate."""

    code = "mfa_unavailable"
    status = 503


class ConfigError(MFAGateError):
    """A setting is unknown, of the wrong type, out of range, or contradicts another. Raised while the app starts.

    :param key: full name of the setting, e.g. ``MFA_GATE_TOTP_WINDOW``.
    :param problem: what is wrong with it, in a few words.
    :param given: what was configured.
    :param allowed: what may stand there.
    :param nearest: the known name that looks most like an unknown one.
    """

    def __init__(
        self, key: str, problem: str, *, given: object = None, allowed: str = "", nearest: str | None = None
    ) -> None:
        self.key, self.given, self.allowed, self.nearest = key, given, allowed, nearest
        parts = [f"{key} {problem}."]
        if given is not None:
            parts.append(f"Given: {given!r}.")
        if allowed:
            parts.append(f"Allowed: {allowed}.")
        if nearest:
            parts.append(f"Did you mean {nearest}?")
        super().__init__(" ".join(parts))


class StoreError(MFAGateError):
    """The gate's own database could not do what was asked. Nothing was changed."""


class StoreBusy(StoreError):
    """Another transaction holds the lock. Commit the host's own work first, then call the gate again."""


class StoreNotReady(StoreError):
    """Something about the database has to be mended by the operator first. The sentence names what."""


class StoreReadOnly(StoreError):
    """The database takes no writes, as a server that is no longer the primary. The connection was given up."""


class SecretUnreadable(MFAGateError):
    """A stored secret cannot be opened with the configured keys. Nobody is let in because of it."""


class SecretMisplaced(SecretUnreadable):
    """A stored secret was changed, or belongs to another row, column or user."""


class SignInOver(MFAGateError):
    """A sign-in can't go on, and its user has to start over."""

    code = "sign_in_again"
    status = 401


class HostCallbackFailed(MFAGateError):
    """A callback of the host (user loader, ``groups``, ``user_key``) raised, so nobody can be identified."""


class NamelessUser(HostCallbackFailed):
    """The host shows a user, and nothing tells which one. The sentence names what has to be given for that."""


class NotProved(MFAGateError):
    """Something needs a proof that is not there: of a user whom a websocket's event loads outside of the gate's hooks,
    or of a session that registers an API token.
    """

    code = "mfa_challenge_required"
    status = 401


class UnknownUser(MFAGateError):
    """The directory of users does not know this key."""

    code = "unknown_user"
    status = 404


class NotAllowed(MFAGateError):
    """The actor's role does not allow this action on this user.

    :param reason: one stable word: ``yourself``, ``higher-role``, ``role-unknown``, ``not-allowed``.
    """

    code = "access_denied"
    status = 403

    def __init__(self, reason: str, sentence: str) -> None:
        self.reason = reason
        super().__init__(sentence)


class DirectoryEmpty(MFAGateError):
    """The host's directory has nobody in it though the gate knows people; more likely it is the wrong one."""

    code = "conflict"
    status = 409


class BadRequest(MFAGateError):
    """An argument is out of range or of the wrong shape."""

    code = "bad_request"
    status = 400


class BadCursor(BadRequest):
    """No page of this list begins there: the cursor is of another order, was changed, or was cut."""


class NotFound(BadRequest):
    """There is nothing with this name or number."""

    code = "not_found"
    status = 404


class PolicyError(MFAGateError):
    """A policy document, or a value inside it, cannot be accepted. Nothing of it was taken.

    :param problem: what is wrong, in a few words that follow the path.
    :param path: where the fault is, e.g. ``policies[2].conditions.network[1]``; empty for the whole document.
    :param nearest: the known word that looks most like an unknown one.
    :ivar at_field: the sentence without the path, for a page that says it at the field.
    """

    code = "bad_policy"
    status = 400

    def __init__(self, problem: str, *, path: str = "", nearest: str | None = None) -> None:
        self.path, self.nearest = path, nearest
        hint = Sentence(" Did you mean %(nearest)s?", nearest=nearest) if nearest else ""
        where = path or Sentence("The document")
        self.at_field = Sentence("%(problem)s.%(hint)s", problem=problem, hint=hint)
        super().__init__(Sentence("%(path)s %(said)s", path=where, said=self.at_field))


class Conflict(MFAGateError):
    """The action does not fit the state that the user is in.

    :param reason: one stable word, e.g. ``lapsed``, ``no-period``.
    """

    code = "conflict"
    status = 409

    def __init__(self, reason: str, sentence: str) -> None:
        self.reason = reason
        super().__init__(sentence)


class CodeInvalid(MFAGateError):
    """The code was well formed enough to be tried, and is not accepted. It was counted.

    :param hint: a sentence for the user, e.g. to check the clock of the phone.
    """

    code = "mfa_code_invalid"
    status = 422

    def __init__(self, sentence: str, *, hint: str | None = None) -> None:
        self.hint = hint
        super().__init__(sentence)


class Throttled(MFAGateError):
    """Too many wrong codes. The code was not tried and not counted.

    :param retry_at: when the next code will be tried; None when an admin has to unlock.
    :param retry_after: whole seconds until then, at least 1.
    :param reference: under which the refusal is on record.
    """

    code = "mfa_throttled"
    status = 429

    def __init__(
        self, sentence: str, *, retry_at: datetime | None, retry_after: int, reference: str | None = None
    ) -> None:
        self.retry_at, self.retry_after, self.reference = retry_at, retry_after, reference
        super().__init__(sentence)
