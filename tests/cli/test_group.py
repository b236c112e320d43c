"""What holds for every command: it is described, and an error is one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import FlaskGroup
from flask_login import LoginManager

from flask_mfa_gate import MFAGate
from flask_mfa_gate.cli import mfa


def commands(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*names, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)


EVERY = dict(commands(mfa))


@pytest.mark.parametrize("names", EVERY, ids="-".join)
def test_help_does_not_rest_on_docstrings_which_python_may_drop(names: tuple[str, ...]) -> None:
    command = EVERY[names]
    assert command.help
    assert getattr(command.callback, "__doc__", None) is None


def flask(factory: Callable[[], Flask], *words: str) -> Result:
    """As ``flask --app factory mfa …`` runs it: the app is made inside of the command."""
    group = FlaskGroup(create_app=factory, add_default_commands=False)
    group.add_command(mfa)
    return CliRunner().invoke(group, ["mfa", *words])


def test_flask_finds_the_commands_without_making_the_app() -> None:
    (found,) = entry_points(group="flask.commands", name="mfa")
    assert found.value == "flask_mfa_gate.cli:mfa"


def keyless() -> Flask:
    app = Flask("keyless")
    app.config.update(SECRET_KEY="x", MFA_GATE_DATABASE_URI="postgresql+psycopg://x:hunter2@127.0.0.1:1/x")
    LoginManager(app)
    MFAGate(app)
    return app


def broken() -> Flask:
    raise KeyError("hunter2")


def without_driver() -> Flask:
    import_module("no_such_driver")
    raise AssertionError


def without_gate() -> Flask:
    return Flask("plain")


ALL = [
    ["status", "1"], ["require", "1", "--now"], ["policies", "list"], ["audit", "verify"], ["run-due"], ["routes"], ["upgrade"],
]  # fmt: skip


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_an_app_that_the_gate_does_not_let_start_is_one_line(words: list[str]) -> None:
    result = flask(keyless, *words)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: MFA_GATE_KEYS is missing.")
    assert "flask mfa generate-key" in line


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_an_app_without_a_gate_is_one_line(words: list[str]) -> None:
    result = flask(without_gate, *words)
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: init_app was not called for the app 'plain'. Allowed: MFAGate(app).\n",
    )


@pytest.mark.parametrize(
    ("factory", "said", "fix"),
    [
        (keyless, "MFA_GATE_KEYS is missing.", "Correct MFA_GATE_KEYS."),
        (broken, "KeyError in test_group.py line", "Run `flask routes`"),
        (without_gate, "init_app was not called", "Correct init_app."),
        (without_driver, "There is no module 'no_such_driver'.", "Install the package"),
    ],
)
def test_the_doctor_speaks_of_an_app_that_does_not_start(factory: Any, said: str, fix: str) -> None:
    result = flask(factory, "doctor", "--json")
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)
    assert (found["level"], found["code"]) == ("error", "startup")
    assert said in found["sentence"]
    assert fix in found["fix"]
    assert "hunter2" not in result.output
    assert flask(factory, "doctor").stdout.splitlines()[-1] == "1 error."
