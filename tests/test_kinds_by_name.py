"""Nothing outside a kind's folder, its pages and its registry line knows a factor by name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "flask_mfa_gate"
NAMES = re.compile(r"(?i:totp|webauthn|recovery[_-]?code|access[_-]?pass)|enrollment_pass")
# A name as programs use it: no sentence that people read.
WORD = re.compile(r"[\w./:<>-]+")

HOMES = (
    "factors/totp/",
    "factors/webauthn/",
    "factors/recovery_codes/",
    "factors/access_pass/",
    "web/account/factors/",
)
ALLOWED = {
    "factors/registry.py": "the lines that register the kinds",
    "domain/factors/totp.py": "pure, and settings check digits and periods by it",
    "domain/factors/access_pass.py": "pure, and the store keeps its terms",
    "settings/settings.py": "keys that the contract names",
    "signals.py": "signals that the contract names", "domain/records/event_name.py": "events that the contract names",
    "domain/records/mail_kind.py": "kinds of mail that the contract names", "extension.py": "gate.access_passes", "mail/notices.py": "kinds of mail",
    "services/enrollment/access_passes.py": "gate.access_passes",
    "domain/enrollment/revocations.py": "the action revoke-pass",
    "domain/enrollment/voids.py": "the action revoke-pass",
    "services/actions/actions.py": "the action revoke-pass",
    "services/actions/state_changes.py": "the action revoke-pass",
    "services/enrollment/recovery_codes.py": "what users do on the page of recovery codes",
    "cli/commands.py": "the command access-pass", "cli/people/access_passes.py": "the command access-pass",
    "wiring/people.py": "builds those services", "wiring/sign_in.py": "builds those services", "web/state.py": "holds them",
    "store/__init__.py": "tables of their own", "store/tables/tables.py": "tables of their own",
    "store/tables/account_tables.py": "tables of their own", "store/enrollment/access_passes.py": "a table of its own",
    "store/enrollment/recovery_codes.py": "a table of its own", "store/every_table/sealed.py": "tables of their own",
    "store/sign_in/holdings.py": "counts a table of its own",
    "store/every_table/keys.py": "tables of their own", "migrations.py": "tables of their own",
    "services/table_setup.py": "what only these kinds had before revision 0005",
    "services/audit/key_rotation.py": "digests of recovery codes can't be keyed again",
    "web/account/activity.py": "events that the contract names", "events/ocsf.py": "what each of them is in OCSF",
    "web/account/factor_setup.py": "recovery codes come with the first factor of any kind",
    "web/account/security.py": "recovery_codes_left, which programs read",
    "services/people/profile.py": "what one user holds",
    "web/admin/__init__.py": "lists the rooms of the console", "web/admin/users/access_pass.py": "issues access passes",
    "web/admin/users/actions.py": "the action access-pass",
    "web/admin/users/page.py": "the fields of one user that programs read",
    "web/openapi/account.py": "what programs read and send", "web/openapi/people.py": "what programs read and send",
    "testing/people.py": "the authenticator app of a test",
}  # fmt: skip


def names_in(tree: ast.Module) -> Iterator[str]:
    """Identifiers, and words that are not part of a sentence or a docstring."""
    documentation = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "module", "asname"):
            yield from [text] if isinstance(text := getattr(node, field, None), str) else []
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documentation:
            yield from [node.value] if WORD.fullmatch(node.value) else []


def knowing() -> dict[str, set[str]]:
    """By file, the names that it knows."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        place = str(path.relative_to(PACKAGE))
        if place.startswith(HOMES) or "versions" in path.parts:
            continue
        if names := {name for name in names_in(ast.parse(path.read_text())) if NAMES.search(name)}:
            found[place] = names
    return found


def test_nothing_else_knows_a_kind_by_name() -> None:
    found = knowing()
    assert {place: names for place, names in found.items() if place not in ALLOWED} == {}
    assert sorted(ALLOWED.keys() - found.keys()) == [], "what no longer knows one needs no leave"


def test_nor_does_a_page_of_all_kinds() -> None:
    """Prose may speak of recovery codes; what decides may not."""
    code = re.compile(r"{[{%].*?[%}]}", re.DOTALL)
    word = re.compile(r"""["']\w*(totp|webauthn|recovery_code|access_pass)\w*["']|enroll_totp""")
    pages = sorted((PACKAGE / "templates").rglob("*.html"))
    said = {page.name: [part for part in code.findall(page.read_text()) if word.search(part)] for page in pages}
    assert {name: parts for name, parts in said.items() if parts} == {}
