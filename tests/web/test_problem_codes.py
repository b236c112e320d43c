"""The codes of problem documents: all of them are known, and none changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from flask_mfa_gate.web.responses.codes import all_codes

WEB = Path(__file__).parents[2] / "flask_mfa_gate" / "web"
# Where the code stands among the arguments.
PLACES = {"problem": 2, "problem_document": 1}
# Programs go by them, so one that is renamed or gone breaks them.
CODES = {
    "access_denied", "bad_policy", "bad_request", "conflict", "csrf_failed", "insufficient_scope", "invalid_token",
    "method_not_allowed", "mfa_challenge_required", "mfa_code_invalid", "mfa_enrollment_expired",
    "mfa_enrollment_required", "mfa_step_up_required", "mfa_throttled", "mfa_unavailable", "not_found", "sign_in_again",
    "sign_in_required", "unknown_user",
}  # fmt: skip


def written_codes() -> Iterator[str]:
    for path in WEB.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                if name in PLACES and len(node.args) > PLACES[name]:
                    found = node.args[PLACES[name]]
                    if isinstance(found, ast.Constant):
                        yield str(found.value)


def test_each_code_is_one_of_these() -> None:
    assert all_codes() == CODES
    written = set(written_codes())
    assert len(written) >= 7
    assert written <= CODES
