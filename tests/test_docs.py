"""What the pages say is so."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from flask_login import login_user

from flask_mfa_gate import Environment, Policy, Status, UserFilter, Word
from flask_mfa_gate.conditions import BUILT_IN
from flask_mfa_gate.domain.factors.access_pass import Scope
from flask_mfa_gate.domain.people.roles import Role
from flask_mfa_gate.domain.policy.document.codec import read_document
from flask_mfa_gate.domain.policy.document.effect import Action
from flask_mfa_gate.services.policies.scenarios import read_scenarios
from tests.conftest import state_of

ROOT = Path(__file__).parents[1]


def readme_blocks() -> list[str]:
    found: list[str] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return found


def test_the_quick_start_gates_an_app_in_under_fifteen_lines(tmp_path: Path) -> None:
    example, marked = readme_blocks()
    lines = [line for line in example.splitlines() if line.strip()]
    assert len(lines) < 15
    space: dict[str, Any] = {"__name__": "quickstart"}
    code = example.replace("Flask(__name__)", f"Flask(__name__, instance_path={str(tmp_path / 'instance')!r})")
    exec(compile(code, "README.md", "exec"), space)
    exec(compile(marked, "README.md", "exec"), space)
    app, load = space["app"], space["load_user"]

    @app.post("/login")
    def login() -> str:
        login_user(load("alice"))
        return "in"

    @app.get("/")
    def home() -> str:
        return "home"

    runner = app.test_cli_runner()
    assert runner.invoke(args=["mfa", "require", "bob", "--now"]).exit_code == 0
    assert runner.invoke(args=["mfa", "require", "alice", "--days", "7"]).exit_code == 0
    client = app.test_client()
    assert client.post("/login").location == "/mfa/enroll"
    assert client.get("/").location == "/mfa/enroll"
    assert client.post("/transfer").status_code == 403
    assert app.test_client().post("/transfer").status_code == 401
    state_of(app).store.database.dispose()


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+\.md)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


def test_every_picture_is_shown_with_a_text_and_small() -> None:
    shown = set[Path]()
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for told, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text):
            assert told, target
            shown.add((page.parent / target).resolve())
        shown |= {
            (page.parent / target).resolve() for target in re.findall(r'<img src="([^"]+)"[^>]* alt="[^"]+"', text)
        }
    pictures = set((ROOT / "docs" / "images").iterdir())
    assert shown == pictures
    assert [one.name for one in pictures if one.stat().st_size > 200_000] == []


def test_every_command_is_on_its_page() -> None:
    from flask_mfa_gate.cli import mfa

    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in mfa.list_commands(click.Context(mfa)) if f"flask mfa {name}" not in page] == []


def test_every_signal_is_on_its_page() -> None:
    from flask_mfa_gate.signals import gate_signals

    page = (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")
    assert [name for name in gate_signals if f"`{name}`" not in page] == []


def test_every_signal_is_sent_by_something() -> None:
    from flask_mfa_gate.domain.records.event_name import EventName
    from flask_mfa_gate.signals import gate_signals

    services = "".join(
        path.read_text()
        for path in (ROOT / "flask_mfa_gate").rglob("*.py")
        if path.name not in {"signals.py", "activity.py"}
    )
    assert set(gate_signals) == set(EventName)
    assert [name for name in EventName if f"EventName.{name.name}" not in services] == []


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_every_word_of_policies_is_on_their_page() -> None:
    from flask_mfa_gate.domain.policy.conditions.words.browser import BROWSERS
    from flask_mfa_gate.domain.policy.conditions.words.device import DEVICE_WORDS
    from flask_mfa_gate.domain.policy.conditions.words.platform import PLATFORMS
    from flask_mfa_gate.domain.policy.conditions.words.risk import SIGNALS
    from flask_mfa_gate.domain.policy.conditions.words.sign_in import WAYS

    words = {*BUILT_IN.words, *BROWSERS, *DEVICE_WORDS, *PLATFORMS, *SIGNALS, *WAYS, *Status, *Word, *Action}
    words |= {one.name for one in fields(Environment)} - {"risk", "device"}
    text = page("policies.md")
    assert [word for word in sorted(words) if not re.search(rf"\b{word}\b", text)] == []


def test_every_finding_of_the_linter_is_on_the_page_of_policies() -> None:
    source = "".join(
        path.read_text() for path in (ROOT / "flask_mfa_gate" / "domain" / "policy" / "analysis").glob("*.py")
    )
    codes = set(re.findall(r'LintFinding\(Level\.\w+, "([a-z-]+)"', source)) - {"network-has-proxy"}
    assert len(codes) >= 5
    assert [code for code in sorted(codes) if f"`{code}`" not in page("policies.md")] == []


def test_documents_on_the_page_of_policies_can_be_read() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", page("policies.md"), re.DOTALL)
    assert [len(read_document(block, registry=BUILT_IN).policies) for block in blocks if "version" in block] == [1]
    assert [len(read_scenarios(block)) for block in blocks if "[[scenarios]]" in block] == [1]
    (conditions,) = [tomllib.loads(block)["conditions"] for block in blocks if block.startswith("conditions")]
    assert Policy.from_document({"name": "p", "conditions": conditions, "effect": {"action": "deny"}})


def test_every_field_of_a_filter_and_every_role_is_on_the_page_of_people() -> None:
    names = [*(one.name for one in fields(UserFilter)), *Role, *Scope]
    assert [name for name in names if f"`{name}`" not in page("people.md")] == []


def test_every_place_on_the_page_of_the_architecture_is_there() -> None:
    places = re.findall(r"`([a-z_/]+(?:\.py|/))`", page("architecture.md"))
    assert len(places) > 30
    home = ROOT / "flask_mfa_gate"
    missing = [place for place in places if not (home / place).exists() and not list(home.rglob(place))]
    assert missing == []
