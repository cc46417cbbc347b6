"""The project's Python, read by its syntax tree: where it makes tables past Alembic."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

from mcp_server.model.chronicle import Making

SKIPPED = frozenset(
    {
        "node_modules",
        "site-packages",
        "__pycache__",
        "venv",
        "env",
        "tests",
        "test",
        "dist",
        "build",
        "docs",
        "examples",
    }
)
NAMES = ("create_all", "drop_all")
MOST_FILES = 5_000
LONGEST = 1_000_000


def find_makings(root: Path, besides: Path | None = None) -> tuple[Making, ...]:
    """Calls of `metadata.create_all` and `drop_all` in the project's own code, tests and `besides` left out.

    besides: a folder that is not looked at, such as that of the migrations. A file that is no Python is passed over.
    """
    found: list[Making] = []
    for number, path in enumerate(_files(root, besides)):
        if number >= MOST_FILES:
            break
        text = _read(path)
        if any(name in text for name in NAMES):
            found += _makings(path.relative_to(root).as_posix(), text)
    return tuple(found)


def _files(root: Path, besides: Path | None) -> Iterator[Path]:
    left_out = besides.resolve() if besides else None
    for place, folders, files in os.walk(root):
        here = Path(place)
        folders[:] = sorted(
            name
            for name in folders
            if name not in SKIPPED and not name.startswith(".") and (here / name).resolve() != left_out
        )
        yield from (here / name for name in sorted(files) if name.endswith(".py") and not is_test(name))


def is_test(name: str) -> bool:
    """Whether a file holds tests, by its name."""
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8") if path.stat().st_size < LONGEST else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _makings(name: str, text: str) -> Iterator[Making]:
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node, within in _walk(module, ""):
        if isinstance(node, ast.Attribute) and node.attr in NAMES and "metadata" in ast.unparse(node.value).lower():
            yield Making(node.attr, f"{name}:{node.lineno}", within)


def _walk(node: ast.AST, within: str) -> Iterator[tuple[ast.AST, str]]:
    for child in ast.iter_child_nodes(node):
        inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else within
        yield child, inside
        yield from _walk(child, inside)
