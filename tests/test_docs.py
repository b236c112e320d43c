"""What the pages say is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from flask_login import login_user

from tests.conftest import state_of

ROOT = Path(__file__).parents[1]


def first_example() -> str:
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[0]


def test_the_quick_start_gates_an_app_in_under_fifteen_lines(tmp_path: Path) -> None:
    example = first_example()
    lines = [line for line in example.splitlines() if line.strip()]
    assert len(lines) < 15
    space: dict[str, Any] = {"__name__": "quickstart"}
    code = example.replace("Flask(__name__)", f"Flask(__name__, instance_path={str(tmp_path / 'instance')!r})")
    exec(compile(code, "README.md", "exec"), space)
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
    state_of(app).store.database.dispose()


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+\.md)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


def test_every_command_is_on_its_page() -> None:
    from flask_mfa_gate.cli import mfa

    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in mfa.commands if f"flask mfa {name}" not in page] == []


def test_every_signal_is_on_its_page() -> None:
    from flask_mfa_gate.signals import gate_signals

    page = (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")
    assert [name for name in gate_signals if f"`{name}`" not in page] == []


def test_every_signal_is_sent_by_something() -> None:
    from flask_mfa_gate.signals import gate_signals

    services = "".join(
        path.read_text() for path in (ROOT / "flask_mfa_gate").rglob("*.py") if path.name != "signals.py"
    )
    assert [name for name in gate_signals if f'"{name}"' not in services] == []
