"""The effective configuration, and what the doctor says of it. Nothing can be changed here, but mail can be tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from datetime import timedelta
from typing import Any

from flask import Response, current_app

from ...domain.people.roles import Role
from ...errors import UnknownUser
from ...services.mail_trial import MailTrialResult
from ...settings import PREFIX, Settings
from ..inspection.findings import Finding, Level
from ..responses import answers
from ..translation import gettext, translated
from .console import WRITE, Console, ConsoleRoute
from .representation import Format, format_wanted
from .setting_words import Piece, in_words, name_of, pieces


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One key with what counts now.

    :param value: as the configuration has it; of a secret only whether there is one.
    :param words: the same as people say it, as ``default_words``.
    :param is_typed: whether those are words of the configuration.
    :param is_default: whether the app leaves it as it is.
    """

    key: str
    value: str
    default: str
    words: str
    default_words: str
    is_typed: bool
    meaning: tuple[Piece, ...]
    is_default: bool
    is_secret: bool


@dataclass(frozen=True, slots=True)
class FindingLine:
    """What the doctor says, with what is to be typed apart."""

    is_error: bool
    code: str
    sentence: tuple[Piece, ...]
    fix: tuple[Piece, ...]


def settings(console: Console) -> Response:
    """Every key, and every finding with its fix."""
    return draw_settings(console)


def test_mail(console: Console) -> Response:
    """Send the admin a mail, and say how that went."""
    person = console.state.host.directory.get(console.actor.user_key or "")
    if person is None:
        raise UnknownUser(gettext("Your account is no longer in the directory."))
    result = console.state.operations.mail_trial.send(person, actor=console.actor, origin=console.origin)
    sentence = trial_sentence(result, current_app.extensions.get("mail"))
    if console.auth.wants_json:
        return answers.json_answer({"sent": result.problem is None, "address": result.address, "detail": sentence})
    is_kept = bool(getattr(current_app.extensions.get("mail"), "suppress", False))
    return draw_settings(console, tried=("bad" if result.problem else "warn" if is_kept else "good", sentence))


def trial_sentence(result: MailTrialResult, mail: Any) -> str:
    """How a test mail went, and what to do about it."""
    if result.problem is not None:
        return gettext(
            "The test email to %(address)s was not sent: %(problem)s. Check the mail server's settings, "
            "then run: flask mfa doctor",
            address=result.address, problem=result.problem,
        )  # fmt: skip
    if getattr(mail, "suppress", False):
        return gettext(
            "MAIL_SUPPRESS_SEND is on, so the test email to %(address)s stayed here.", address=result.address
        )
    return gettext(
        "The mail server accepted a test email to %(address)s. If it doesn't arrive, look in the spam folder.",
        address=result.address,
    )


def draw_settings(console: Console, tried: tuple[str, str] | None = None) -> Response:
    """The page, with how something went that was tried: the tone, and a sentence."""
    from ..inspection.doctor import findings  # noqa: PLC0415 - an operator asks now and then

    found, lines = findings(current_app, console.state), setting_lines(console.state.settings)
    if format_wanted(console, Format.HTML, Format.JSON) is Format.JSON:
        return answers.json_answer(
            {
                "findings": [
                    {
                        "level": one.level.value,
                        "code": one.code,
                        "sentence": translated(one.sentence),
                        "fix": translated(one.fix),
                    }
                    for one in found
                ],
                "settings": {line.key: line.value for line in lines},
            }
        )
    return console.page(
        "settings.html", findings=[_finding(one) for one in found], lines=lines,
        tried=None if tried is None else (tried[0], tuple(pieces(tried[1]))), may_try=console.may(Role.ADMIN),
        states=console.state.operations.event_delivery.states(),
    )  # fmt: skip


def _finding(one: Finding) -> FindingLine:
    return FindingLine(
        one.level is Level.ERROR, one.code, tuple(pieces(translated(one.sentence))), tuple(pieces(translated(one.fix)))
    )


def setting_lines(current: Settings) -> list[SettingLine]:
    """Each key of the settings, in their order."""
    defaults = Settings()
    return [_line(item, getattr(current, item.name), getattr(defaults, item.name)) for item in fields(Settings)]


def _line(item: Field[Any], value: Any, default: Any) -> SettingLine:
    is_secret = not item.repr
    # SECURITY: what may hold a password or a key is never on a page, not even to an admin.
    shown = ("set" if value else "not set") if is_secret else _raw(value)
    unit, meaning = item.metadata["unit"], translated(item.metadata["meaning"])
    words = (gettext("Set") if value else gettext("Not set")) if is_secret else in_words(value, unit)
    return SettingLine(
        key=f"{PREFIX}{item.name.upper()}", value=shown, default="" if is_secret else _raw(default), words=words,
        default_words="" if is_secret else in_words(default, unit), meaning=tuple(pieces(meaning)),
        is_default=bool(value == default), is_secret=is_secret,
        is_typed=bool(value) and not is_secret and not isinstance(value, bool | int | timedelta),
    )  # fmt: skip


def _raw(value: Any) -> str:
    """A value as it stands in the configuration."""
    if value is None:
        return "None"
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, tuple | list | frozenset):
        return ", ".join(_raw(one) for one in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_raw(one)}" for name, one in value.items()) or "none"
    return str(value) if isinstance(value, str | int) else name_of(value)


ROUTES = (
    ConsoleRoute(rule="/settings", name="settings", view=settings),
    ConsoleRoute(rule="/settings/test-mail", name="test_mail", view=test_mail, methods=WRITE),
)
