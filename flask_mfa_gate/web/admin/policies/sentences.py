"""A policy as a sentence that somebody can read who never saw its document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from ....domain.access import APP
from ....domain.policy.condition_tree import And, Condition, Expression, Not, Or
from ....domain.policy.conditions.schedule_text import schedule_text
from ....domain.policy.document.effect import Action, Effect
from ....domain.policy.document.policy import Policy
from ....domain.policy.document.users import EVERYBODY, GROUP, USER, Users
from ....domain.policy.evaluation.trace import wanted_text
from ....domain.policy.reading import table_of, texts_of
from ...translation import gettext, marked, ngettext, translated
from .words import a_factor, both, condition_name, either, resource_name, value_name

Names = Mapping[str, str]
_UNITS = (
    (86400, "%(num)s day", "%(num)s days"),
    (3600, "%(num)s hour", "%(num)s hours"),
    (60, "%(num)s minute", "%(num)s minutes"),
    (1, "%(num)s second", "%(num)s seconds"),
)
# Each word as it is said where it holds, and where it does not.
_SAID = {
    "network": (marked("the address is in %(what)s"), marked("the address is not in %(what)s")),
    "country": (marked("the country is %(what)s"), marked("the country is not %(what)s")),
    "platform": (marked("the platform is %(what)s"), marked("the platform is not %(what)s")),
    "browser": (marked("the browser is %(what)s"), marked("the browser is not %(what)s")),
    "device": (marked("the device is known as %(what)s"), marked("the device is not known as %(what)s")),
    "schedule": (marked("the time is %(what)s"), marked("the time is not %(what)s")),
    "sign_in": (marked("the sign-in was by %(what)s"), marked("the sign-in was not by %(what)s")),
    "upstream_amr": (marked("the provider names %(what)s"), marked("the provider does not name %(what)s")),
    "enrollment": (marked("the MFA status is %(what)s"), marked("the MFA status is not %(what)s")),
    "risk": (marked("there is a risk signal %(what)s"), marked("there is no risk signal %(what)s")),
    "request": (marked("the request is %(what)s"), marked("the request is not %(what)s")),
}
_ANY_OTHER = (marked("%(word)s is %(what)s"), marked("%(word)s is not %(what)s"))


def policy_sentence(policy: Policy, names: Names) -> str:
    """The whole rule.

    :param names: of users, by key.
    """
    values = {
        "who": users_text(policy.users, names), "what": both(map(resource_name, policy.resources or (APP,))),
        "when": _when(policy.conditions),
    }  # fmt: skip
    match policy.effect.action:
        case Action.REQUIRE:
            rule = gettext("%(who)s must verify %(how)s to open %(what)s%(when)s.", how=_with(policy.effect), **values)
        case Action.DENY:
            rule = gettext("Access to %(what)s is denied to %(who)s%(when)s.", **values)
        case Action.ALLOW:
            rule = gettext("%(who)s can open %(what)s without a code%(when)s.", **values)
    return " ".join((_capital(rule), *_details(policy.effect)))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def users_text(users: Users, names: Names) -> str:
    """Whom a policy is about."""
    if not users.include or EVERYBODY in users.exclude:
        return gettext("nobody")
    who = gettext("everyone") if EVERYBODY in users.include else _listed(users.include, names)
    if users.exclude:
        return gettext("%(who)s except %(others)s", who=who, others=_listed(users.exclude, names))
    return who


def _listed(texts: Sequence[str], names: Names) -> str:
    return both(_one_of(text, names) for text in texts)


def _one_of(text: str, names: Names) -> str:
    if text.startswith(GROUP):
        return gettext("the group %(name)s", name=text.removeprefix(GROUP))
    key = text.removeprefix(USER)
    return names.get(key, key)


def effect_text(effect: Effect) -> str:
    """How a proof has to be; empty for what asks for none."""
    if effect.action is not Action.REQUIRE:
        return ""
    return " ".join((_capital(f"{_with(effect)}."), *_details(effect)))


def _with(effect: Effect) -> str:
    factors = [a_factor(kind.value) for kind in sorted(effect.factors, key=str)]
    return gettext("with %(factors)s", factors=either(factors)) if factors else gettext("with a second factor")


def _details(effect: Effect) -> Iterator[str]:
    if effect.max_age == timedelta(0):
        yield gettext("They verify again each time.")
    elif effect.max_age is not None:
        yield gettext("A verification counts for %(time)s.", time=duration(effect.max_age))
    if effect.grace_days:
        days = ngettext("%(num)s day", "%(num)s days", effect.grace_days)
        yield gettext("Users without a factor may postpone setup for %(days)s.", days=days)


def duration(length: timedelta) -> str:
    """In the largest unit that divides it."""
    seconds = int(length.total_seconds())
    size, one, many = next((unit for unit in _UNITS if seconds % unit[0] == 0), _UNITS[-1])
    return ngettext(one, many, seconds // size)


def conditions_text(condition: Expression) -> str:
    """When a policy applies; empty for always."""
    return "" if condition == And() else _said(condition, negated=False, nested=False)


def _when(condition: Expression) -> str:
    text = conditions_text(condition)
    return gettext(" when %(conditions)s", conditions=text) if text else ""


def _said(condition: Expression, *, negated: bool, nested: bool) -> str:
    match condition:
        case Condition():
            return _condition(condition, negated=negated)
        case Not(part):
            return _said(part, negated=not negated, nested=nested)
        case And(parts):
            joined = gettext(", or ") if negated else gettext(", and ")
        case Or(parts):
            joined = gettext(", and ") if negated else gettext(", or ")
    text = joined.join(_said(part, negated=negated, nested=True) for part in parts)
    return f"({text})" if nested and len(parts) > 1 else text


def _condition(condition: Condition, *, negated: bool) -> str:
    holds, fails = _SAID.get(condition.word, _ANY_OTHER)
    return gettext(fails if negated else holds, word=condition_name(condition.word), what=wanted_words(condition))


def wanted_words(condition: Condition) -> str:
    """What a condition asks for, as part of a sentence."""
    match condition.word:
        case "schedule":
            return translated(schedule_text(table_of(condition.wanted)))
        case "request":
            return "; ".join(_texts(value) for value in table_of(condition.wanted).values())
        case "resources":
            return either(map(resource_name, texts_of(condition.wanted)))
    if not isinstance(condition.wanted, tuple):
        return wanted_text(condition.wanted)
    return either(value_name(condition.word, text) for text in texts_of(condition.wanted))


def _texts(value: object) -> str:
    return either(map(str, value)) if isinstance(value, list | tuple) else str(value)
