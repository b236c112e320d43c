"""How the words of policies are said to people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ....domain.access import APP, MFA_ADMIN
from ....domain.authorization.report_only import ReportOnlyResult
from ....domain.policy.document.effect import Action
from ....domain.policy.document.policy import PolicyState
from ....factors.base import About
from ...state import current_state
from ...translation import gettext, marked

STATES = {
    PolicyState.ON: marked("On"),
    PolicyState.REPORT_ONLY: marked("Report only"),
    PolicyState.OFF: marked("Off"),
}
ACTIONS = {
    Action.REQUIRE: marked("Require MFA"),
    Action.DENY: marked("Deny access"),
    Action.ALLOW: marked("Don't ask for a code"),
}
CONDITIONS = {
    "network": marked("Network"),
    "country": marked("Country"),
    "platform": marked("Platform"),
    "browser": marked("Browser"),
    "device": marked("Device"),
    "schedule": marked("Day and time"),
    "sign_in": marked("Sign-in method"),
    "upstream_amr": marked("Methods at the identity provider"),
    "enrollment": marked("MFA status"),
    "risk": marked("Risk signal"),
    "request": marked("Request"),
    "users": marked("Users"),
    "resources": marked("Resource"),
}
ACCESS = {
    "user-setting": marked("Ask users who have a factor"),
    "allow": marked("Don't ask for a code"),
    "require": marked("Require MFA"),
    "deny": marked("Deny access"),
}
ACTS = {
    "save": marked("Saved"),
    "state": marked("State changed"),
    "delete": marked("Deleted"),
    "restore": marked("Restored"),
    "rename-policy": marked("Renamed"),
    "import": marked("Imported"),
    "rollback": marked("Rolled back"),
    "undo": marked("Change undone"),
    "rename": marked("User key changed"),
    "network": marked("Network saved"),
    "network-rename": marked("Network renamed"),
    "network-delete": marked("Network deleted"),
}
_WOULD = {
    ReportOnlyResult.PASS: marked("let through"),
    ReportOnlyResult.ASK: marked("asked to verify"),
    ReportOnlyResult.REFUSE: marked("denied"),
    ReportOnlyResult.NOT_APPLY: marked("not affected"),
}
_VALUES = {
    "windows": "Windows", "macos": "macOS", "linux": "Linux", "chromeos": "ChromeOS", "android": "Android",
    "ios": "iOS", "chrome": "Chrome", "edge": "Edge", "firefox": "Firefox", "safari": "Safari", "opera": "Opera",
    "samsung": "Samsung Internet", "other": marked("another one"),
    "trusted": marked("trusted"), "managed": marked("managed"), "certificate": marked("having a certificate"),
    "password": marked("password"), "remember-me": marked("remember me"), "federated": marked("an identity provider"),
    "new-device": marked("new device"), "new-address": marked("new address"),
    "failed-attempts": marked("failed attempts"), "impossible-travel": marked("impossible travel"),
    "ENROLLED": marked("enrolled"), "NOT_ENROLLED": marked("not enrolled"), "IN_ENROLLMENT": marked("in the period"),
    "ENROLLMENT_EXPIRED": marked("lapsed"), "PRE_ENROLLMENT": marked("period not started"),
    "PENDING_ACTIVATION": marked("setup not finished"), "DISABLED": marked("disabled"),
}  # fmt: skip
_CLOSED = frozenset({"platform", "browser", "device", "sign_in", "risk", "enrollment"})
TONES = {PolicyState.ON: "good", PolicyState.REPORT_ONLY: "info", PolicyState.OFF: ""}


def would() -> Mapping[str, str]:
    """What a policy that only reports would have done, in words."""
    return {word.value: gettext(text) for word, text in _WOULD.items()}


def state_name(state: PolicyState) -> str:
    """``On``, ``Report only``, ``Off``."""
    return gettext(STATES[state])


def condition_name(word: str) -> str:
    """A condition word; one of the host's as it stands."""
    return gettext(CONDITIONS[word]) if word in CONDITIONS else word


def value_name(word: str, value: str) -> str:
    """A value of a condition; names that somebody gave stand as they are."""
    return gettext(_VALUES[value]) if word in _CLOSED and value in _VALUES else value


def factor_name(kind: str) -> str:
    """A kind of factor, as its folder calls it; one that is not built as the document does."""
    about = _about(kind)
    return gettext(about.label) if about else kind


def a_factor(kind: str) -> str:
    """A kind of factor in the middle of a sentence."""
    about = _about(kind)
    return gettext(about.one or about.label) if about else kind


def _about(kind: str) -> About | None:
    built = current_state().factors.registry.factors
    return next((one.about for known, one in built.items() if known.value == kind), None)


def resource_name(name: str) -> str:
    """A resource, with its own name where it has another one for people."""
    named = {APP: gettext("the whole app"), MFA_ADMIN: gettext("this console")}
    return named.get(name, name)


def either(words: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    return _joined(list(words), gettext("or"))


def both(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return _joined(list(words), gettext("and"))


def _joined(words: list[str], last: str) -> str:
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)
