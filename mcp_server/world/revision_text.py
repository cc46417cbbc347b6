"""The text of a revision's file -> what it says, by its syntax tree; nothing of it is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from mcp_server.errors import MigrationError
from mcp_server.model.walked import Call, RevisionFile

Function = ast.FunctionDef | ast.AsyncFunctionDef
QUIET = frozenset({"get_bind", "get_context", "f", "inline_literal", "bulk_insert_parameters"})


def read_revision_file(root: Path, name: str) -> RevisionFile:
    """What a revision's file says. name: relative to the root. Raises MigrationError when it cannot be read or is no Python."""
    try:
        text = (root / name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MigrationError(f"{name} cannot be read: {error}.") from error
    return revision_file(name, text)


def revision_file(name: str, text: str) -> RevisionFile:
    """The same, of a text. Raises MigrationError when it is no Python."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise MigrationError(
            f"{name} is no Python: {error}.", file=name, line=getattr(error, "lineno", 0) or 0
        ) from error
    functions = {node.name: node for node in module.body if isinstance(node, Function)}
    up, down = functions.get("upgrade"), functions.get("downgrade")
    apart = _called_apart(functions.values())
    back = reached_from(functions, "downgrade") - reached_from(functions, "upgrade")
    return RevisionFile(
        path=name,
        calls=tuple(
            call
            for name, function in functions.items()
            for call in _calls(function, name in apart, "downgrade" if name in back else name)
        ),
        downgrade=_way_back(down),
        downgrade_line=down.lineno if down else up.lineno if up else 1,
        is_empty=up is None or _does_nothing(up.body),
        is_merge=_is_merge(module),
        upgrade_line=up.lineno if up else 1,
    )


def _way_back(function: Function | None) -> Literal["present", "missing", "empty", "refuses"]:
    if function is None:
        return "missing"
    if _does_nothing(function.body):
        return "empty"
    statements = [node for node in function.body if not _is_text(node)]
    return "refuses" if isinstance(statements[0], ast.Raise) else "present"


def _does_nothing(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(node, ast.Pass)
        or _is_text(node)
        or (isinstance(node, ast.Return) and (node.value is None or isinstance(node.value, ast.Constant)))
        for node in body
    )


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_merge(module: ast.Module) -> bool:
    """Whether down_revision names several."""
    for node in module.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and target.id == "down_revision":
            return isinstance(value, ast.Tuple | ast.List) and len(value.elts) > 1
    return False


def _called_apart(functions: Iterable[Function]) -> frozenset[str]:
    """The functions of the file that are called inside of autocommit blocks alone."""
    places: dict[str, set[bool]] = {}
    for function in functions:
        for node, autocommit, _ in _walk(function.body, autocommit=False, caught=False):
            if isinstance(node.func, ast.Name):
                places.setdefault(node.func.id, set()).add(autocommit)
    return frozenset(name for name, found in places.items() if found == {True})


def reached_from(functions: dict[str, Function], name: str) -> frozenset[str]:
    """The functions of the file that one of them speaks of, itself, or by way of others."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        function = functions.get(waiting.pop())
        if function is not None and function.name not in found:
            found.add(function.name)
            waiting += [node.id for node in ast.walk(function) if isinstance(node, ast.Name)]
    return frozenset(found)


def _calls(function: Function, autocommit: bool, where: str) -> Iterator[Call]:
    """Calls of `op`, and of batch operations, in the order of the text. autocommit: all of it runs in such a block."""
    for node, apart, caught in _walk(function.body, autocommit=autocommit, caught=False):
        name = _operation(node)
        if name and name not in QUIET:
            yield Call(name, node.lineno, where, apart, caught, _first_text(node))


def _walk(nodes: list[ast.stmt], *, autocommit: bool, caught: bool) -> Iterator[tuple[ast.Call, bool, bool]]:
    for node in nodes:
        if isinstance(node, ast.Try):
            yield from _walk(node.body, autocommit=autocommit, caught=caught or _swallows(node))
            rest = [*(one for handler in node.handlers for one in handler.body), *node.orelse, *node.finalbody]
            yield from _walk(rest, autocommit=autocommit, caught=caught)
            continue
        if isinstance(node, ast.With | ast.AsyncWith):
            inside = autocommit or any("autocommit_block" in ast.unparse(item.context_expr) for item in node.items)
            guarded = caught or any("suppress(" in ast.unparse(item.context_expr) for item in node.items)
            yield from _walk(node.body, autocommit=inside, caught=guarded)
            continue
        blocks = [getattr(node, name) for name in ("body", "orelse") if isinstance(getattr(node, name, None), list)]
        if blocks and not isinstance(node, Function | ast.ClassDef):
            for block in blocks:
                yield from _walk(block, autocommit=autocommit, caught=caught)
            continue
        for part in ast.walk(node):
            if isinstance(part, ast.Call):
                yield part, autocommit, caught


def _swallows(node: ast.Try) -> bool:
    """Whether an except goes on instead of raising again."""
    return any(not any(isinstance(part, ast.Raise) for part in ast.walk(handler)) for handler in node.handlers)


def _operation(node: ast.Call) -> str:
    """`add_column` for `op.add_column(...)`, `batch_op.add_column(...)` or `op.get_bind().execute(...)`; "" for others."""
    if not isinstance(node.func, ast.Attribute):
        return ""
    owner = node.func.value
    if isinstance(owner, ast.Name) and owner.id in ("op", "batch_op"):
        return node.func.attr
    names = {part.id for part in ast.walk(owner) if isinstance(part, ast.Name)}
    is_connection = bool(names & {"op", "conn", "connection", "bind", "session"})
    return node.func.attr if is_connection and node.func.attr in ("execute", "exec_driver_sql") else ""


def _first_text(node: ast.Call) -> str:
    texts = (part.value for argument in node.args for part in ast.walk(argument) if isinstance(part, ast.Constant))
    return next((text for text in texts if isinstance(text, str)), "")
