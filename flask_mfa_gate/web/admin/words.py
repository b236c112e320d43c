"""What the console calls things: one word for each status, factor, requirement and role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...domain.access import Access
from ...domain.authorization.decision import Ask, Reason
from ...domain.authorization.rules import Lapse
from ...domain.enrollment.enrollment import Status
from ...domain.sign_in.sign_in_outcome import SignInOutcome
from ..state import current_state
from ..translation import gettext, marked
from .policies.words import value_name


class Word(NamedTuple):
    """A word and the tone of its badge: ``good``, ``warn``, ``bad``, ``info``, or nothing."""

    text: str
    tone: str = ""


_STATUS = {
    Status.ENROLLED: Word(marked("Enrolled"), "good"),
    Status.IN_ENROLLMENT: Word(marked("In enrollment"), "info"),
    Status.ENROLLMENT_EXPIRED: Word(marked("Lapsed"), "bad"),
    Status.PRE_ENROLLMENT: Word(marked("Not started"), "info"),
    Status.PENDING_ACTIVATION: Word(marked("Pending activation"), "warn"),
    Status.NOT_ENROLLED: Word(marked("Not enrolled")),
    Status.DISABLED: Word(marked("Turned off")),
}
_MEANING = {
    Status.ENROLLED: marked("Has an authenticator app and is asked for a code."),
    Status.IN_ENROLLMENT: marked("Must set up an authenticator app before the period ends."),
    Status.ENROLLMENT_EXPIRED: marked("The period ended without setup, so this user is locked out. Extend or reset."),
    Status.PRE_ENROLLMENT: marked("The period starts with the first sign-in after the account is activated."),
    Status.PENDING_ACTIVATION: marked("Was shown a key and has not entered the first code."),
    Status.NOT_ENROLLED: marked("Has no authenticator app."),
    Status.DISABLED: marked("Authenticator apps are turned off for this app."),
}
_LAPSED_AND_FORCED = marked("The period ended without setup, so this user has to set up MFA at the next sign-in.")
_ROLES = {"admin": marked("Administrator"), "helpdesk": marked("Help desk"), "auditor": marked("Auditor")}
_ASKED: Mapping[str, Word] = {
    Ask.PASS: Word(marked("Let in"), "good"),
    Ask.PROMPT: Word(marked("Offered setup"), "info"),
    Ask.CHALLENGE: Word(marked("Asked for a code"), "info"),
    Ask.ENROLL: Word(marked("Had to set up MFA"), "warn"),
    Ask.LOCKED: Word(marked("Locked out"), "bad"),
    Ask.DENY: Word(marked("Denied"), "bad"),
}
_OUTCOMES = {
    SignInOutcome.VERIFIED: Word(marked("Verified"), "good"),
    SignInOutcome.PASSED: Word(marked("No MFA asked")),
    SignInOutcome.PROMPTED: Word(marked("Setup offered"), "info"),
    SignInOutcome.UNFINISHED: Word(marked("Not finished"), "warn"),
    SignInOutcome.DENIED: Word(marked("Denied"), "bad"),
    SignInOutcome.LOCKED: Word(marked("Locked out"), "bad"),
}
_REASONS = {
    Reason.SATISFIED.value: marked("No further proof needed"),
    Reason.INACTIVE.value: marked("Account turned off"),
    Reason.DEFAULT_DENY.value: marked("Default access"),
    Reason.LAPSED.value: marked("Enrollment period ended"),
    Reason.SIGN_IN.value: marked("Has a factor, which is asked for at each sign-in"),
    Reason.STEP_UP.value: marked("Fresh proof demanded"),
    Reason.ENROLLMENT_FORCED.value: marked("MFA required, no factor yet"),
    Reason.ENROLLMENT_PERIOD.value: marked("Enrollment period"),
    Reason.ENROLLMENT_PASS.value: marked("Access pass for setup only"),
    "second-factor": marked("Second factor"),
    "wrong-codes-wait": marked("Too many incorrect codes"),
    "wrong-codes-stopped": marked("Too many incorrect codes, until an administrator unlocks the account"),
}
_ACCESS = {
    Access.USER_SETTING.value: marked("user setting"),
    Access.ALLOW.value: marked("allow"),
    Access.REQUIRE.value: marked("require MFA"),
    Access.DENY.value: marked("deny"),
}
_REQUIRED_BY = {
    "default-access": marked("the app's default"), "cli": marked("the command line"), "host": marked("the app"),
    "system": marked("the system"),
}  # fmt: skip
_AUTHORS = {
    "default-access": marked("The app's default"), "cli": marked("Command line"), "host": marked("The app"),
    "system": marked("Automatic"),
}  # fmt: skip
_SIGN_INS = {
    "password": marked("Password"), "remember-me": marked("Remembered browser"), "session": marked("Existing session"),
    "token": marked("Token"), "federated": marked("Identity provider"),
}  # fmt: skip
_SCOPES = {"full": marked("the app and setup"), "enroll-only": marked("setup only")}
_LISTS = {"audit": marked("Audit log"), "sign-ins": marked("Sign-ins"), "users": marked("Users")}


def status_word(status: Status) -> Word:
    """The badge of a status."""
    return _STATUS[status]._replace(text=gettext(_STATUS[status].text))


def status_meaning(status: Status) -> str:
    """What it means, in a sentence."""
    if status is Status.ENROLLMENT_EXPIRED and not locks_out():
        return gettext(_LAPSED_AND_FORCED)
    return gettext(_MEANING[status])


def locks_out() -> bool:
    """Whether a period that lapses locks users out here, and does not just force setup."""
    return current_state().rules.lapse is Lapse.LOCKED


def asked_word(ask: str) -> Word:
    """What was asked at a sign-in."""
    word = _ASKED.get(ask, Word(ask))
    return word._replace(text=gettext(word.text))


def outcome_word(outcome: SignInOutcome) -> Word:
    """The badge of what became of a sign-in."""
    return _OUTCOMES[outcome]._replace(text=gettext(_OUTCOMES[outcome].text))


def reason_word(reason_id: str) -> str:
    """Why it was asked, where no policy said so."""
    return gettext(_REASONS.get(reason_id, reason_id))


def sign_in_word(kind: str) -> str:
    """How the first step of a sign-in was done."""
    return gettext(_SIGN_INS.get(kind, kind))


def scope_word(scope: str) -> str:
    """What an access pass opens."""
    return gettext(_SCOPES.get(scope, scope))


def list_word(name: str) -> str:
    """A list that was exported."""
    return gettext(_LISTS.get(name, name))


def client_word(client: str | None) -> str:
    """Browser and platform, as far as they have a name: ``Chrome on Windows``."""
    platform, _, browser = (client or "").partition("/")
    named = {"platform": platform, "browser": browser}
    known = {word: value_name(word, value) for word, value in named.items() if value not in {"", "?", "other"}}
    return gettext("%(browser)s on %(platform)s", **known) if len(known) == 2 else "".join(known.values())


def access_word(access: str) -> str:
    """A default access in words."""
    return gettext(_ACCESS.get(access, access))


def factor_word(kind: str) -> str:
    """A factor or a way back in as people call it."""
    built = current_state().factors.registry.built.values()
    known = {proof.value: one.about.label for one in built for proof in one.proofs}
    return gettext(known.get(kind, kind))


def role_word(role: str) -> str:
    """A role as people call it."""
    return gettext(_ROLES.get(role, role))


def actor_word(actor: str, names: Mapping[str, str]) -> str:
    """Who acted, within a sentence: the name of a user, or what else it was."""
    return _named(actor, names, _REQUIRED_BY)


def author_word(actor: str, names: Mapping[str, str]) -> str:
    """The same where it stands alone."""
    return _named(actor, names, _AUTHORS)


def _named(actor: str, names: Mapping[str, str], others: Mapping[str, str]) -> str:
    key = actor.removeprefix("user:")
    return gettext(others.get(actor, actor)) if key == actor else names.get(key) or key
