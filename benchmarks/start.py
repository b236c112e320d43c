"""What it takes to start an app, in a process of its own each time: with the gate, beside Flask-Security.

Goals: 0.75 of Flask-Security's processor time and 0.85 of its memory. The gate's tables are there, as after a deployment.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

_ROUNDS = 5
_HOST = """
from flask import Flask
app = Flask("host")
app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI="sqlite://")
"""
_USERS = """
from flask_login import LoginManager, UserMixin
from flask_sqlalchemy import SQLAlchemy
db = SQLAlchemy(app)
class User(db.Model, UserMixin):
    id = db.Column(db.Integer, primary_key=True)
LoginManager(app).user_loader(lambda key: db.session.get(User, int(key)))
"""
_GATE = """
from flask_mfa_gate import MFAGate
app.config.update(MFA_GATE_KEYS=["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="], MFA_GATE_DATABASE_URI=argv[1])
gate = MFAGate(app, db=db, user_model=User)
"""
_UPGRADE = """
with app.app_context():
    gate.upgrade()
"""
_PEER = """
from flask_security import Security, SQLAlchemyUserDatastore
from flask_security.models import fsqla_v3 as models
from flask_sqlalchemy import SQLAlchemy
app.config.update(
    SECURITY_PASSWORD_SALT="1" * 20, SECURITY_TWO_FACTOR=True, SECURITY_TOTP_SECRETS={"1": "k" * 43},
    SECURITY_TWO_FACTOR_ENABLED_METHODS=["authenticator"], SECURITY_TOTP_ISSUER="peer",
)
db = SQLAlchemy(app)
models.FsModels.set_db_info(db)
class Role(db.Model, models.FsRoleMixin): pass
class User(db.Model, models.FsUserMixin): pass
class WebAuthn(db.Model, models.FsWebAuthnMixin): pass
Security(app, SQLAlchemyUserDatastore(db, User, Role))
"""
_FIGURES = """
from pathlib import Path
rss = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
print((process_time() - began) * 1000, int(rss) / 1024, len(modules))
"""
HOSTS = {"host alone": _HOST + _USERS, "with the gate": _HOST + _USERS + _GATE, "Flask-Security": _HOST + _PEER}


def started(code: str, uri: str) -> tuple[float, ...]:
    """Milliseconds of processor time, MiB, and modules."""
    code = f"from sys import argv, modules\nfrom time import process_time\nbegan = process_time()\n{code}{_FIGURES}"
    # A process that has to compile all modules says as much about the compiler as about them.
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run([sys.executable, "-c", code, uri], capture_output=True, text=True, check=True, env=environ)
    return tuple(map(float, done.stdout.split()))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{Path(folder) / 'gate.sqlite3'}"
        started(HOSTS["with the gate"] + _UPGRADE, uri)
        # The first round warms the caches of the file system and of compiled modules.
        rounds = [{name: started(code, uri) for name, code in HOSTS.items()} for _ in range(_ROUNDS + 1)][1:]
    print(f"{'app':15} {'ms':>5} {'MiB':>6} {'modules':>8}   time and memory of Flask-Security's (goal 0.75, 0.85)")
    for name in HOSTS:
        time, memory, modules = (statistics.median(one[name][part] for one in rounds) for part in range(3))
        ratios = (statistics.median(one[name][part] / one["Flask-Security"][part] for one in rounds) for part in (0, 1))
        print(f"{name:15} {time:5.0f} {memory:6.1f} {modules:8.0f}   " + " ".join(f"{ratio:.2f}" for ratio in ratios))


if __name__ == "__main__":
    main()
