"""Each kind of mail, in each language: what it says, and what it never says."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from jinja2 import StrictUndefined, meta

import flask_mfa_gate
from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.records.mail_kind import MailKind
from flask_mfa_gate.errors import ConfigError
from flask_mfa_gate.mail.browsers import browser_called
from flask_mfa_gate.mail.notices import _FACTS, LONGEST_NAME, LONGEST_TEXT, is_silenceable, notice
from flask_mfa_gate.settings import Settings
from tests.conftest import StillClock
from tests.mail.kit import FIREFOX, Somebody, rendered

NOW = StillClock().now.replace(microsecond=0)
WHERE = {"address": "203.0.113.9", "user_agent": FIREFOX}
DAY = timedelta(days=1)
FACTS: dict[MailKind, dict[str, Any]] = {
    MailKind.START: {"days": 7, "ends_at": NOW + 7 * DAY},
    MailKind.REMINDER: {"days_left": 1, "ends_at": NOW + DAY},
    MailKind.LAPSED: {"ended_at": NOW},
    MailKind.ENROLLED: {"method": "totp", **WHERE},
    MailKind.FACTOR_ADDED: {"method": "webauthn", **WHERE},
    MailKind.FACTOR_REMOVED: {"method": "totp", "by_admin": True, **WHERE},
    MailKind.RESET: {"days": 3, "forced": False},
    MailKind.REQUIREMENT_REMOVED: {},
    MailKind.RECOVERY_CODE_USED: {"left": 2, **WHERE},
    MailKind.RECOVERY_CODES_MADE: WHERE,
    MailKind.ACCESS_PASS: {
        "expires_at": NOW + timedelta(hours=1), "starts_at": NOW + timedelta(minutes=5), "scope": "full", "one_time": True,
    },
    MailKind.WRONG_CODES: {"times": 5, **WHERE},
    MailKind.BREAK_GLASS: {"who": "Emergency One", "address": "203.0.113.9"},
    MailKind.TEST: {},
    MailKind.DIGEST: {
        "lapsing": [{"name": "Bob Baker", "email": "bob@example.org", "ends_at": NOW + DAY}],
        "lapsed_count": 4, "in_period_count": 61,
    },
}  # fmt: skip
TEMPLATES = Path(flask_mfa_gate.__file__).parent / "templates"
EVERY = list(product(MailKind, ("en", "de")))


@pytest.fixture
def app() -> Flask:
    """No more than words need."""
    return Flask("words", template_folder=str(TEMPLATES))


def mail(app: Flask, kind: MailKind, *, person: Any = None, facts: dict[str, Any] | None = None, **portal: Any) -> Any:
    message = notice(kind, person or Somebody(), now=NOW, **(FACTS[kind] if facts is None else facts))
    return rendered(app, message, **portal)


def bare_words(text: str) -> str:
    """Without the marks that a list and a button have in the text part only."""
    return " ".join(re.sub(r"(?m)^- |:(?= |$)", " ", text).split())


def visible(html: str) -> str:
    soup = BeautifulSoup(html, "html.parser")
    for part in soup(["style", "title"]):
        part.decompose()
    return " ".join(soup.get_text(" ").split())


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_it_is_whole(app: Flask, kind: MailKind, language: str) -> None:
    found = mail(app, kind, person=Somebody(locale=language))
    assert found.subject.startswith("Example Portal: ")
    assert "\n" not in found.subject
    assert ("Hello Frank Ford," if language == "en" else "Guten Tag Frank Ford,") in found.text
    for part in (found.subject, found.text, found.html):
        assert not re.search(r"\{\{|\{%|%\}|None(?! of)|Undefined", part)
    assert f'<html lang="{language}">' in found.html
    for paragraph in found.text.split("\n\n"):
        assert bare_words(paragraph) in bare_words(visible(found.html)), "both parts say the same"


@pytest.mark.parametrize("kind", MailKind)
@pytest.mark.parametrize("by_admin", [True, False])
def test_an_english_sentence_after_the_greeting_begins_with_a_capital(
    app: Flask, kind: MailKind, by_admin: bool
) -> None:
    facts = {**FACTS[kind], **({"by_admin": by_admin} if "by_admin" in FACTS[kind] else {})}
    assert re.search(r"Hello Frank Ford,\n\n[A-Z]", mail(app, kind, facts=facts).text)


@pytest.mark.parametrize(("left", "words"), [(0, "no recovery codes left"), (2, "running low"), (9, "")])
def test_no_codes_left_are_not_a_few(app: Flask, left: int, words: str) -> None:
    text = mail(app, MailKind.RECOVERY_CODE_USED, facts={"left": left}).text
    assert [one for one in ("no recovery codes left", "running low") if one in text] == ([words] if words else [])


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_it_survives_missing_facts(app: Flask, kind: MailKind, language: str) -> None:
    found = mail(app, kind, person=Somebody(name="", locale=language), facts={})
    assert not re.search("None(?! of)", found.text)
    assert "  " not in found.text.replace("\n", "")
    assert ("Hello," if language == "en" else "Guten Tag,") in found.text


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_links_are_made_from_the_base_url_only(app: Flask, kind: MailKind, language: str) -> None:
    person = Somebody(locale=language)
    with app.test_request_context("/", headers={"Host": "evil.example"}):
        found, bare = mail(app, kind, person=person), mail(app, kind, person=person, base_url=None)
    targets = {link["href"] for link in BeautifulSoup(found.html, "html.parser")("a")}
    prefix = "/admin/mfa/" if kind in {MailKind.DIGEST, MailKind.BREAK_GLASS} else "/mfa/"
    assert targets == {f"https://portal.example.org{prefix}"}
    assert set(re.findall(r"https?://\S+", found.text)) == targets
    assert not re.search(r"https?://|href", bare.text + bare.html)


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_its_template_uses_every_fact_and_the_same_in_each_language(app: Flask, kind: MailKind, language: str) -> None:
    def facts_in(folder: str) -> set[str]:
        source, _, _ = app.jinja_env.loader.get_source(app.jinja_env, f"mfa_gate/mail/{folder}/{kind}.txt")  # type: ignore[union-attr]
        return meta.find_undeclared_variables(app.jinja_env.parse(source))

    assert _FACTS[kind] <= facts_in(language)
    assert facts_in(language) == facts_in("en")
    assert facts_in(language) <= _FACTS[kind] | {
        "name", "issuer", "link", "at", "address", "browser", "reason", "locks_out", "locks_partly",
        "lapsing_more",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("locale", "zone", "words"),
    [
        ("", "", "9 March 2026, 09:00 UTC"),
        ("en", "UTC", "9 March 2026, 09:00 UTC"),
        ("en_US", "Asia/Tokyo", "9 March 2026, 18:00 +0900 (09:00 UTC)"),
        ("de", "Europe/Berlin", "9. März 2026, 10:00 MEZ (09:00 UTC)"),
        ("de-AT", "Asia/Tokyo", "9. März 2026, 18:00 +0900 (09:00 UTC)"),
        ("en", "Pacific/Auckland", "9 March 2026, 22:00 +1300 (09:00 UTC)"),
        ("en", "Pacific/Kiritimati", "9 March 2026, 23:00 +1400 (09:00 UTC)"),
        ("fr", "Europe/Berlin", "9 March 2026, 10:00 +0100 (09:00 UTC)"),
        ("../../etc", "../../etc/passwd", "9 March 2026, 09:00 UTC"),
        ("xx-YY-zz", "Mars/Olympus", "9 March 2026, 09:00 UTC"),
        ("de\r\nBcc: x", "Europe", "9 March 2026, 09:00 UTC"),
        ("\ud800", "\x00", "9 March 2026, 09:00 UTC"),
    ],
)
def test_times_are_the_persons(app: Flask, locale: str, zone: str, words: str) -> None:
    found = mail(app, MailKind.START, person=Somebody(locale=locale, timezone=zone))
    assert words in found.text
    assert words in visible(found.html)


def test_the_date_of_utc_is_named_when_it_is_another(app: Flask) -> None:
    person = Somebody(timezone="Asia/Tokyo")
    found = mail(app, MailKind.LAPSED, person=person, facts={"ended_at": NOW.replace(hour=20)})
    assert "3 March 2026, 05:00 +0900 (2 March 2026, 20:00 UTC)" in found.text


def test_austria_gets_german_with_its_own_january(app: Flask) -> None:
    person = Somebody(locale="de-at", timezone="Europe/Vienna")
    found = mail(app, MailKind.LAPSED, person=person, facts={"ended_at": NOW.replace(month=1)})
    assert "2. Jänner 2026, 10:00 MEZ" in found.text


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox, Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML) Chrome/131.0 Safari/537.36 Edg/131.0",
            "Edge, Windows",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Firefox/1", "Firefox"),
        ("curl/8.1", "curl/8.1"),
        ("z" * 200, "z" * 80),
        ("", ""),
    ],
)
def test_a_browser_has_the_name_its_owner_knows(user_agent: str, words: str) -> None:
    assert browser_called(user_agent) == words


@pytest.mark.parametrize("kind", [MailKind.ENROLLED, MailKind.FACTOR_ADDED, MailKind.FACTOR_REMOVED])
def test_a_changed_factor_says_what_when_where_and_what_to_do(app: Flask, kind: MailKind) -> None:
    facts = {"method": "totp", "reason": "Lost phone", **WHERE}
    found = mail(app, kind, person=Somebody(timezone="Europe/Berlin"), facts=facts)
    text = " ".join(found.text.split())
    for words in (
        "Authenticator app", "2 March 2026, 10:00 +0100 (09:00 UTC)", "203.0.113.9", "Firefox, Linux", "Lost phone",
        "contact your administrator", "right away",
    ):  # fmt: skip
        assert words in text
        assert words in visible(found.html)


def test_an_administrator_who_removes_is_named_as_such(app: Flask) -> None:
    assert "An administrator removed" in mail(app, MailKind.FACTOR_REMOVED).text
    assert "An administrator" not in mail(app, MailKind.FACTOR_REMOVED, facts={"by_admin": False}).text


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"days": 3}, "Until you do, only your password protects your"),
        ({"days": 1}, "within: 1 day\n"),
        ({"days": None, "forced": True}, "at your next sign-in"),
        ({"days": None, "forced": False}, "at any time"),
    ],
)
def test_a_reset_says_how_long_the_password_alone_will_do(app: Flask, facts: dict[str, Any], words: str) -> None:
    assert words in mail(app, MailKind.RESET, facts=facts).text


def test_a_lapse_says_what_this_app_does_with_it(app: Flask) -> None:
    assert "Your account is locked" in mail(app, MailKind.LAPSED).text
    confined = mail(app, MailKind.LAPSED, locks_out=False)
    assert "locked" not in confined.text
    assert "Set it up now: https://portal.example.org/mfa/" in confined.text
    partly = mail(app, MailKind.LAPSED, locks_out=False, locks_partly=True)
    assert "Parts of Example Portal are now closed to you" in partly.text
    assert "Set it up" not in partly.text, "setup is refused until an administrator gives more time"


@pytest.mark.parametrize("kind", [MailKind.START, MailKind.REMINDER])
@pytest.mark.parametrize(
    ("lapse", "words"),
    [
        ({}, "you'll be locked out"),
        ({"locks_out": False, "locks_partly": True}, "parts of Example Portal will be closed to you"),
        ({"locks_out": False}, "you'll have to do it the next time you sign in"),
    ],
)
def test_what_comes_of_a_period_that_passes_is_what_this_app_does(
    app: Flask, kind: MailKind, lapse: dict[str, bool], words: str
) -> None:
    assert words in " ".join(mail(app, kind, **lapse).text.split())


def test_a_pass_for_setup_alone_is_not_said_to_replace_the_app(app: Flask) -> None:
    text = " ".join(mail(app, MailKind.ACCESS_PASS, facts={"scope": "enroll-only"}).text.split())
    assert "Use it to set up a new authentication method." in text
    assert "in place of" not in text


def test_few_recovery_codes_are_counted(app: Flask) -> None:
    assert "codes left: 0" in mail(app, MailKind.RECOVERY_CODE_USED, facts={"left": 0}).text


@pytest.mark.parametrize("count", [0, 1, 50, 51, 5000])
def test_a_digest_stays_readable(app: Flask, count: int) -> None:
    lapsing = [
        {"name": f"Person {number}", "email": f"p{number}@example.org", "ends_at": NOW + DAY} for number in range(count)
    ]
    found = mail(app, MailKind.DIGEST, facts={"lapsing": lapsing, "lapsed_count": 0, "in_period_count": count})
    rows = re.findall(r"(?m)^- Person \d+ \(p\d+@example.org\): 3 March 2026, 09:00 UTC$", found.text)
    assert len(rows) == min(count, 50)
    assert len(BeautifulSoup(found.html, "html.parser")("tr")) == 2 + min(count, 50)
    assert (f"And {count - 50} more." in found.text) == (count > 50)
    assert ("No enrollment periods end soon." in found.text) == (count == 0)


def test_a_row_of_a_digest_may_lack_name_and_address(app: Flask) -> None:
    lapsing = [
        {"name": "", "email": "a@example.org", "ends_at": NOW},
        {"name": "Zoë", "ends_at": NOW},
        {"ends_at": NOW},
        {"name": "Ann"},
    ]
    text = mail(app, MailKind.DIGEST, facts={"lapsing": lapsing}).text
    for row in ("- a@example.org: 2 March", "- Zoë: 2 March", "- (no name): 2 March", "- Ann\n"):
        assert row in text


HOSTILE = [
    "A\r\nBcc: x@evil.example", "{{1234*1001}}{% raise %}", "<b>bold</b><script>x</script>", "x\n\nhttps://portal.example.org/mfa/",
    "x\n\n! Call 555", "- a: b", "\u202eevil", "\ud800", "a\x00b", "Zoë 🙂", "x" * 10_000, "\u2028\u2029line", "' onclick='x",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", MailKind)
def test_what_people_type_is_data(app: Flask, kind: MailKind, text: str) -> None:
    typed = {"reason": text, "address": text, "user_agent": text}
    own = {"who": text} if kind is MailKind.BREAK_GLASS else {"method": text} if "method" in _FACTS[kind] else {}
    own = {"lapsing": [{"name": text, "email": text, "ends_at": NOW}]} if kind is MailKind.DIGEST else own
    person = Somebody(name=text)
    found, plain = (mail(app, kind, person=one, facts={**typed, **own}) for one in (person, Somebody()))
    assert found.subject == plain.subject
    assert "\u202e" not in found.text + found.html
    for part in (found.text, found.html):
        part.encode()
        assert "1235234" not in part
    soup, usual = (BeautifulSoup(one.html, "html.parser") for one in (found, plain))
    for tag in ("a", "p", "script", "b", "tr"):
        assert len(soup(tag)) == len(usual(tag)), "no paragraph, button or row of its own"
    assert not soup(attrs={"onclick": True})
    assert max(len(line) for line in found.text.splitlines()) < 2 * LONGEST_TEXT


def test_html_is_escaped_where_the_host_has_switched_that_off(app: Flask) -> None:
    app.jinja_env.autoescape = False
    assert "<b>bold" not in mail(app, MailKind.START, person=Somebody(name="<b>bold</b>")).html


def test_missing_facts_are_no_fault_where_the_host_is_strict(app: Flask) -> None:
    app.jinja_env.undefined = StrictUndefined
    assert "Hello Frank Ford," in mail(app, MailKind.ENROLLED, facts={}).text


def test_the_text_part_is_not_escaped_where_the_host_escapes_everything(app: Flask) -> None:
    app.jinja_env.autoescape = True
    assert "O'Neil & Sons" in mail(app, MailKind.START, person=Somebody(name="O'Neil & Sons")).text


@pytest.mark.parametrize("secret", ["code", "access_pass", "secret", "otpauth_uri", "recovery_codes"])
@pytest.mark.parametrize("kind", MailKind)
def test_no_code_pass_or_key_gets_in(kind: MailKind, secret: str) -> None:
    with pytest.raises(TypeError, match=secret):
        notice(kind, Person("7"), now=NOW, **{secret: "ABCD-EFGH"})


def test_facts_are_json_and_of_modest_length() -> None:
    import json

    person = Somebody(name="n" * 1000, locale="de", timezone="Europe/Berlin")
    message = notice(MailKind.ENROLLED, person, now=NOW, method="totp", user_agent="u" * 9000)  # type: ignore[arg-type]
    assert json.loads(json.dumps(message.facts)) == message.facts
    assert message.facts["name"] == "n" * LONGEST_NAME
    assert len(message.facts["user_agent"]) == LONGEST_TEXT
    assert (message.facts["locale"], message.facts["timezone"]) == ("de", "Europe/Berlin")
    assert message.facts["at"] == NOW.isoformat()


def test_it_goes_to_another_address_when_told() -> None:
    person = Person("7", "Frank", "new@example.org")
    assert notice(MailKind.RESET, person, now=NOW).recipient == "new@example.org"
    assert notice(MailKind.RESET, person, now=NOW, to="old@example.org").recipient == "old@example.org"


def test_what_tells_of_lost_protection_is_always_sent() -> None:
    always = {kind for kind in MailKind if not is_silenceable(kind)} - {MailKind.TEST}
    assert always == {"reset", "factor-removed", "access-pass", "break-glass"}


@pytest.mark.parametrize("kind", MailKind)
def test_only_some_kinds_can_be_switched_off(kind: MailKind) -> None:
    config = {"MFA_GATE_MAIL_DISABLED": [str(kind)]}
    if is_silenceable(kind):
        assert Settings.from_mapping(config).mail_disabled == (kind,)
        return
    with pytest.raises(ConfigError, match="can't be disabled") as caught:
        Settings.from_mapping(config)
    assert caught.value.key == "MFA_GATE_MAIL_DISABLED"
