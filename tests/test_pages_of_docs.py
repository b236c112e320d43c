"""Commands, code and tables of the pages in ``docs``: they are what the code has."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from flask_mfa_gate.cli import mfa
from flask_mfa_gate.domain.authorization.decision import Reason
from flask_mfa_gate.settings import PREFIX, Settings
from flask_mfa_gate.web.responses.page import PageFacts
from tests.web.kit import signed_in

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEMPLATES = ROOT / "flask_mfa_gate" / "templates" / "mfa_gate"
ON_PAGE = re.compile(r"flask (?:--app \S+ )?mfa (?!…)([^`\n#|;)&]*)")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", page(name), re.DOTALL)
    return found


def commands() -> list[tuple[str, str]]:
    return [(path.name, line.strip()) for path in PAGES for line in ON_PAGE.findall(path.read_text(encoding="utf-8"))]


def resolved(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that these words name, and what follows it."""
    command: click.Command = mfa
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, words
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize(("name", "line"), sorted(set(commands())))
def test_every_command_exists_with_its_options(name: str, line: str) -> None:
    command, rest = resolved(shlex.split(line.rstrip(".,:"), posix=True) if line.count("'") % 2 == 0 else line.split())
    known = {option for parameter in command.params for option in parameter.opts}
    assert [word for word in rest if word.startswith("--") and word.strip(".,") not in known] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_all_code_can_be_read(path: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        assert ast.parse(block).body, block


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_setting_that_is_named_is_one(path: Path) -> None:
    known = {PREFIX + one.name.upper() for one in fields(Settings)} | {f"{PREFIX}MAIL_"}
    assert set(re.findall(r"MFA_GATE_[A-Z_]+", path.read_text(encoding="utf-8"))) - known == set()


def test_the_page_about_pages_has_every_block_variable_template_and_reference() -> None:
    text, base = page("pages.md"), (TEMPLATES / "base.html").read_text(encoding="utf-8")
    assert [name for name in re.findall(r"{% block (\w+)", base) if f"`{name}`" not in text] == []
    assert [one.name for one in fields(PageFacts) if f"`page.{one.name}`" not in text] == []
    drawn = {path.name for path in TEMPLATES.glob("*.html")} - {"_parts.html", "base.html"}
    assert [name for name in sorted(drawn) if f"{name}`" not in text] == []
    assert [word for word in Reason if word is not Reason.POLICY and f"| `{word}` |" not in text] == []


def test_the_base_of_the_page_works_as_it_stands(make_app: Any, tmp_path: Path, monkeypatch: Any) -> None:
    (example,) = blocks("pages.md", "html")
    folder = tmp_path / "own" / "mfa_gate"
    folder.mkdir(parents=True)
    (folder / "base.html").write_text(example, encoding="utf-8")
    app = make_app()
    monkeypatch.setattr(app.jinja_loader, "searchpath", [str(tmp_path / "own"), *app.jinja_loader.searchpath])
    pending, locked = signed_in(app, "dave"), signed_in(app, "carol")
    assert "<title>Enter your code · Example Portal</title>" in pending.get("/mfa/challenge").text
    shown = locked.get("/mfa/blocked").text
    assert 'src="/static/logo.svg"' in shown
    assert 'action="/mfa/sign-out"' in shown
    assert '<a href="/privacy">Privacy</a>' in shown
    used = set(re.findall(r"{% block (\w+)", "".join(one.read_text() for one in TEMPLATES.glob("*.html"))))
    assert used - {"brand", "logo", "footer_links"} == set(re.findall(r"{% block (\w+)", example))


def test_the_launcher_serves_and_has_the_command_line(tmp_path: Path) -> None:
    (launcher,) = [block for block in blocks("deployment.md", "python") if block.startswith("# gated.py")]
    (tmp_path / "theirapp.py").write_text(
        "from flask import Flask\nfrom flask_login import LoginManager\napp = Flask(__name__)\n"
        "app.secret_key = 'x'\nLoginManager(app).login_view = 'home'\n@app.get('/')\ndef home():\n    return 'home'\n"
        "def main():\n    print(app.test_client().get('/mfa/').location)\n"
    )
    (tmp_path / "gated.py").write_text(launcher.replace("/srv/theirapp", str(tmp_path)))

    def run(*command: str) -> str:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
        return subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert run("gated.py") == "/?next=%2Fmfa%2F\n"
    run("-m", "flask", "--app", "gated", "mfa", "upgrade")
    run("-m", "flask", "--app", "gated", "mfa", "require", "alice", "--days", "7")
    assert "IN_ENROLLMENT" in run("-m", "flask", "--app", "gated", "mfa", "status", "alice")
    assert (tmp_path / "mfa_gate.sqlite3").exists()


def test_what_cron_and_units_start_has_the_environment() -> None:
    units = {}
    for block in blocks("deployment.md", "ini"):
        unit = configparser.ConfigParser(interpolation=None, strict=False)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        first, _, rest = block.partition("\n")
        unit.read_string(rest if "[" in rest else f"[env]\n{rest}")
        units[first.removeprefix("# ")] = unit
    variables = set(units["/srv/app/app.env"]["env"])
    for name in ("/etc/systemd/system/app.service", "/etc/systemd/system/app-run-due.service"):
        assert units[name]["Service"]["EnvironmentFile"] == "/srv/app/app.env"
    read = {
        name for block in blocks("deployment.md", "python") for name in re.findall(r'os\.environ\["(\w+)"\]', block)
    }
    assert read | {"FLASK_APP"} == variables
    lines = [
        line for path in PAGES for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("*/5 ")
    ]
    assert lines
    assert all(". ./app.env" in line for line in lines)


def test_the_decorator_for_tokens_asks_before_the_body_runs(tmp_path: Path) -> None:
    from functools import wraps

    from flask import Flask, request
    from flask_login import LoginManager, UserMixin, login_user

    from flask_mfa_gate import MFAGate
    from flask_mfa_gate.testing import Tester

    (block,) = [block for block in blocks("hosts.md", "python") if "def token_required" in block]
    app, gate, done = Flask("tokens", instance_path=str(tmp_path)), MFAGate(), []
    app.config.update(TESTING=True, SECRET_KEY="x")

    def user_called(name: str) -> UserMixin:
        user = UserMixin()
        user.id = name
        return user

    manager = LoginManager(app)
    manager.user_loader(user_called)
    gate.init_app(app)
    space: dict[str, Any] = {
        "app": app, "gate": gate, "wraps": wraps, "request": request, "login_user": login_user,
        "login_manager": manager,
        "user_of_token": lambda given: user_called(given.removeprefix("Bearer ")) if given else None,
    }  # fmt: skip
    exec(
        compile(
            block.replace('    return {"rows": 3}', '    done.append(1)\n    return {"rows": 3}'), "hosts.md", "exec"
        ),
        {**space, "done": done},
    )
    Tester(app).enroll("owner")

    def ask(name: str) -> Any:
        return app.test_client().get("/api/report", headers={"Authorization": f"Bearer {name}"} if name else {})

    assert ask("").json == {"error": "token"}
    assert (ask("free").json, len(done)) == ({"rows": 3}, 1)
    stopped = ask("owner")
    assert (stopped.status_code, stopped.json["code"], len(done)) == (401, "mfa_challenge_required", 1)


def test_the_script_for_single_page_apps_is_that_of_the_demo() -> None:
    (block,) = blocks("apis.md", "js")
    assert block == (ROOT / "example_app" / "static" / "gate-fetch.js").read_text(encoding="utf-8")
