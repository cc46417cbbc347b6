"""Whether Python source sets a lock_timeout for its connections: as SQL, as an option of the URL, or as a server setting."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

# The name, then a value: `lock_timeout = '3s'`, `-c lock_timeout=3000`, `set_config('lock_timeout', ...`, `%3D` in a URL.
_SETS = re.compile(r"(?<![.\w])lock_timeout\b['\"]?\s*(?:=|%3D|\bto\b|,)\s*['\"]?\s*(\w*)", re.IGNORECASE)
_OFF = ("0", "default", "0s", "0ms", "0min")
_NAME = "lock_timeout"


def sets_lock_timeout(source: str) -> bool:
    """Whether code that is run sets one: a comment or a docstring that speaks of it does not."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    told = {
        id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
    }
    return any(_is_on(value) for value in _values(tree, told))


def _values(tree: ast.AST, told: set[int]) -> Iterator[str]:
    """The values that a lock_timeout gets, "" for one that is only known when the code runs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield from (found[1] for found in _SETS.finditer(node.value))
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == _NAME:
                    yield _plain(value)
        elif isinstance(node, ast.keyword) and node.arg == _NAME:
            yield _plain(node.value)


def _plain(value: ast.expr) -> str:
    return str(value.value) if isinstance(value, ast.Constant) else ""


def _is_on(value: str) -> bool:
    return value.strip().lower() not in _OFF
