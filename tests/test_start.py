"""What an app loads that starts and serves, which each of its workers pays in time and memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Tables that need nothing done to them, in a process of its own: this one has loaded everything long ago.
APP = """
import sys

from flask import Flask
from flask_login import LoginManager

from flask_mfa_gate import MFAGate

app = Flask("host")
app.config.update(
    SECRET_KEY="x", MFA_GATE_KEYS=["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="], MFA_GATE_DATABASE_URI=sys.argv[1]
)
LoginManager(app)
gate = MFAGate(app)
if sys.argv[2] == "upgrade":
    with app.app_context():
        gate.upgrade()
assert app.test_client().get("/").status_code == 404
print(*sys.modules)
"""
LATER = (
    "alembic", "authlib", "babel", "celery", "flask_mail", "joserfc", "limits", "qrcode", "sqlalchemy.dialects.mysql",
    "sqlalchemy.dialects.postgresql", "sqlalchemy.orm", "ua_parser", "webauthn",
)  # fmt: skip
LATER_OF_PACKAGE = (
    "cli.commands", "store.revisions", "web.admin.clients", "web.inspection.doctor", "web.oidc.token",
    "web.openapi.document",
)  # fmt: skip
# Modules of the package. The ceiling is what was reached when it was written, and room for a dozen more.
MOST_MODULES = 537


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    uri = f"sqlite:///{tmp_path_factory.mktemp('start') / 'gate.sqlite3'}"
    started = [
        subprocess.run([sys.executable, "-c", APP, uri, word], capture_output=True, text=True, check=True)
        for word in ("upgrade", "start")
    ]
    return frozenset(started[-1].stdout.split())


@pytest.mark.parametrize("name", [*LATER, *(f"flask_mfa_gate.{name}" for name in LATER_OF_PACKAGE)])
def test_what_only_some_work_needs_is_loaded_for_that_work(name: str, loaded: frozenset[str]) -> None:
    assert "flask_mfa_gate" in loaded
    assert name not in loaded


def test_no_more_of_the_package_is_loaded_than_was(loaded: frozenset[str]) -> None:
    assert len([name for name in loaded if name.partition(".")[0] == "flask_mfa_gate"]) <= MOST_MODULES
