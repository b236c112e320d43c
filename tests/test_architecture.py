"""The house stays in order."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST_FUNCTION = 40
MANY_PARAMETERS, MOST_WITH_MANY = 6, 20
LONGEST_MODULE = 300


def modules() -> Iterator[Path]:
    for folder in ("flask_mfa_gate", "example_app"):
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "versions" not in path.parts)


def test_imports_point_down() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_no_modules_go_round_in_a_circle() -> None:
    """Not even where the import hides in a function."""
    homes = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in modules()
    }
    known = {name: set(modules_imported(name, path, homes)) - {name} for name, path in homes.items()}
    assert len(list(TopologicalSorter(known).static_order())) == len(homes)


def modules_imported(module: str, path: Path, homes: Collection[str]) -> Iterator[str]:
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            inner = {f"{source}.{alias.name}" for alias in node.names}
            yield from inner.intersection(homes)
            if source in homes and not inner <= set(homes):
                yield source


def test_the_rules_know_the_standard_library_errors_and_sentences_only() -> None:
    """The import-linter contract can only name packages; this one holds for any."""
    domain = ROOT / "flask_mfa_gate" / "domain"
    strange = [
        f"{path.name}: {name}"
        for path in sorted(domain.rglob("*.py"))
        for name in imported(path)
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not is_rule_or_error(name, folders_down=len(path.relative_to(domain).parts))
    ]
    assert strange == []


def is_rule_or_error(name: str, *, folders_down: int) -> bool:
    steps_up = len(name) - len(name.lstrip("."))
    return 0 < steps_up <= folders_down or (
        steps_up == folders_down + 1 and name.lstrip(".") in {"errors", "sentences"}
    )


def test_modules_are_short() -> None:
    long = {path.name: lines for path in modules() if (lines := path.read_text().count("\n")) > LONGEST_MODULE}
    assert long == {}


def test_functions_are_short() -> None:
    long = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
            ):
                long.append(f"{path.name}:{node.name}")
    assert long == []


def test_few_functions_take_many_parameters() -> None:
    """What travels together is an object."""
    many = [
        f"{path.name}:{node.name}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and parameters(node) >= MANY_PARAMETERS
    ]
    assert len(many) <= MOST_WITH_MANY, many


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    taken = node.args
    named = [one.arg for one in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
    return len([name for name in named if name not in {"self", "cls"}]) + sum(map(bool, (taken.vararg, taken.kwarg)))


def test_security_marks_give_a_reason() -> None:
    marks = [line.strip() for path in modules() for line in path.read_text().splitlines() if "SECURITY" in line]
    assert marks
    assert [mark for mark in marks if not re.match(r"# SECURITY: \w.{20,}", mark)] == []


def test_codes_are_compared_in_constant_time() -> None:
    for name in ("domain/factors/totp.py", "web/csrf.py"):
        assert "compare_digest" in (ROOT / "flask_mfa_gate" / name).read_text()
