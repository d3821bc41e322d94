"""What the repository declares about itself agrees with what is there."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
RUNTIME = [Requirement(text) for text in PROJECT["dependencies"]]
DEVELOPMENT = [Requirement(text) for text in PROJECT["optional-dependencies"]["dev"]]
ROOMS = {"app", "rnncore"}
OUTSIDE_MATHEMATICS = {"pickle", "shelve", "marshal", "socket", "http", "urllib", "subprocess"}


def pins() -> dict[str, str]:
    """Package → version, as constraints.txt has them."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pinned}


def closure(requirements: list[Requirement]) -> Iterator[Requirement]:
    """The requirements, theirs, and so on, as far as this machine's markers ask for them."""
    waiting, seen = list(requirements), set()
    while waiting:
        requirement = waiting.pop()
        yield requirement
        for extra in requirement.extras or {""}:
            if (requirement.name, extra) in seen:
                continue
            seen.add((requirement.name, extra))
            for text in importlib.metadata.requires(requirement.name) or ():
                inner = Requirement(text)
                if inner.marker is None or inner.marker.evaluate({"extra": extra}):
                    waiting.append(inner)


def python_files() -> list[Path]:
    return sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def test_every_requirement_is_pinned_to_a_version_that_fits() -> None:
    pinned = pins()
    for requirement in closure(RUNTIME + DEVELOPMENT):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"constraints.txt does not pin {requirement.name}"
        assert requirement.specifier.contains(version, prereleases=True), str(requirement)


@pytest.mark.parametrize("name", ["constraints.txt", "package-lock.json", ".npmrc"])
def test_lock_files_work_anywhere(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    # Licences and funding pages of packages are no addresses that anything is fetched from.
    text = re.sub(r'^\s*"url": .*$', "", text, flags=re.MULTILINE)
    assert "://" not in text
    assert '"resolved"' not in text
    assert "file:" not in text


def test_the_rooms_import_only_what_is_declared() -> None:
    declared = {canonicalize_name(requirement.name) for requirement in RUNTIME}
    owners = importlib.metadata.packages_distributions()
    for file in python_files():
        for module in imports(file):
            top = module.partition(".")[0]
            if top in ROOMS or top in sys.stdlib_module_names:
                continue
            packages = {canonicalize_name(name) for name in owners.get(top, [])}
            assert packages & declared, f"{file.relative_to(ROOT)} imports {module}, undeclared"


def test_the_mathematics_knows_no_web_and_no_pickle() -> None:
    """The same for app/ is a test of the server's security."""
    standard = sys.stdlib_module_names - OUTSIDE_MATHEMATICS
    allowed = standard | {"rnncore", "numpy", "scipy", "torch", "threadpoolctl"}
    for file in sorted((ROOT / "rnncore").rglob("*.py")):
        strangers = {module for module in imports(file) if module.split(".")[0] not in allowed}
        assert not strangers, f"{file.relative_to(ROOT)} imports {strangers}"
        assert "torch.load" not in file.read_text("utf-8")


def test_the_commands_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    commands = set(re.findall(r"^\s*(?:\$ )?make ([a-z]+)|`make ([a-z]+)", readme, re.MULTILINE))
    named = {first or second for first, second in commands}
    assert {"run", "test"} <= named
    assert named <= targets


def test_continuous_integration_runs_the_tests_of_the_readme() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.search(r"^make test$", script.read_text("utf-8"), re.MULTILINE)
