"""The texts of a history's revisions -> where each table, column, index and constraint was made or last changed.

Read by the syntax tree; nothing is run. Names that are worked out at run time are not known, and have no place.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mcp_server.errors import StatementFailed
from mcp_server.model.action import COLUMN_VERBS, CONSTRAINT_VERBS, Action
from mcp_server.model.mark import TABLE, Mark, Marks, Part
from mcp_server.model.names import split
from mcp_server.model.orm import Place, Revision
from mcp_server.world.actions import read_actions
from mcp_server.world.revision_text import reached_from

Found = dict[str, dict[Part, Mark]]
_OWN_NAME_FIRST = {
    "create_index": "index", "create_unique_constraint": "constraint", "create_check_constraint": "constraint",
    "create_foreign_key": "constraint", "create_primary_key": "constraint", "create_exclude_constraint": "constraint",
}  # fmt: skip


def read_marks(root: Path, revisions: Iterable[Revision]) -> Marks:
    """The marks at the end of these revisions, parents before children. A file that cannot be read marks nothing."""
    found: Found = {}
    for revision in revisions:
        try:
            module = ast.parse((root / revision.file).read_text("utf-8"))
        except (OSError, UnicodeDecodeError, SyntaxError, ValueError):
            continue
        _Reading(found, revision).read(module)
    return Marks(found)


class _Reading:
    """One revision's file while it is read. tables: of the batch operations that are open, by the name of their variable."""

    def __init__(self, found: Found, revision: Revision) -> None:
        self.found = found
        self.revision = revision
        self.tables: dict[str, str] = {}

    def read(self, module: ast.Module) -> None:
        functions = {
            node.name: node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        for name in functions:
            if name in reached_from(functions, "upgrade"):
                for node in _in_order(functions[name]):
                    self._node(node)

    def _node(self, node: ast.AST) -> None:
        if (
            isinstance(node, ast.withitem)
            and isinstance(node.context_expr, ast.Call)
            and isinstance(node.optional_vars, ast.Name)
        ):
            self.tables[node.optional_vars.id] = _table(node.context_expr, 0)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            batch = self.tables.get(owner.id, "") if isinstance(owner, ast.Name) else ""
            if node.func.attr == "execute":
                self._executed(node)
            elif batch or (isinstance(owner, ast.Name) and owner.id == "op"):
                self._called(node.func.attr, node, batch)

    def _mark(self, table: str, part: Part, line: int) -> None:
        if table:
            self.found.setdefault(table, {})[part] = Mark(Place(self.revision.file, line), self.revision.id)

    def _called(self, name: str, call: ast.Call, batch: str) -> None:
        """A call of `op`, or of a batch operation on a table, which is then no argument."""
        if name in _OWN_NAME_FIRST:
            table = batch or _table(call, 1)
            self._mark(table, (_OWN_NAME_FIRST[name], _text_at(call, 0)), call.lineno)
            return
        table, rest = batch or _table(call, 0), call.args if batch else call.args[1:]
        if name == "create_table":
            self.found[table] = {}
            self._mark(table, TABLE, call.lineno)
        if name in ("create_table", "add_column"):
            for argument in rest:
                self._made(table, argument)
        elif name == "alter_column":
            self._altered(table, _string(rest[0]) if rest else _keyword(call, "column_name"), call)
        elif name == "drop_column" and rest:
            self.found.get(table, {}).pop(("column", _string(rest[0])), None)
        elif name == "drop_table":
            self.found.pop(table, None)
        elif name == "rename_table":
            self._renamed(
                table, _with_schema(_string(rest[0]) if rest else _keyword(call, "new_table_name"), call), call.lineno
            )

    def _made(self, table: str, node: ast.expr) -> None:
        """What stands in a create_table or add_column: a Column, a constraint with its name."""
        if not isinstance(node, ast.Call):
            return
        kind = ast.unparse(node.func).rpartition(".")[2]
        if kind == "Column":
            self._mark(table, ("column", _text_at(node, 0)), node.lineno)
        elif kind.endswith("Constraint") and _keyword(node, "name"):
            self._mark(table, ("constraint", _keyword(node, "name")), node.lineno)

    def _altered(self, table: str, column: str, call: ast.Call) -> None:
        new = _keyword(call, "new_column_name")
        if new:
            self.found.get(table, {}).pop(("column", column), None)
        if column:
            self._mark(table, ("column", new or column), call.lineno)

    def _renamed(self, old: str, new: str, line: int) -> None:
        if new:
            self.found[new] = {**self.found.pop(old, {})}
            self._mark(new, TABLE, line)

    def _executed(self, call: ast.Call) -> None:
        """SQL that a revision sends as a text."""
        texts = [node for argument in call.args for node in ast.walk(argument) if isinstance(node, ast.Constant)]
        sql = next((node.value for node in texts if isinstance(node.value, str)), "")
        built = any(
            isinstance(node, ast.JoinedStr | ast.BinOp) for argument in call.args for node in ast.walk(argument)
        )
        try:
            actions = read_actions(sql) if sql and not built else ()
        except StatementFailed:
            return
        for one in actions:
            self._acted(one, call.lineno)

    def _acted(self, one: Action, line: int) -> None:
        table = _described(one.relation)
        match one.verb:
            case "create table":
                self.found[table] = {}
                self._mark(table, TABLE, line)
            case "drop table":
                self.found.pop(table, None)
            case "drop column":
                self.found.get(table, {}).pop(("column", one.name), None)
            case "rename table":
                self._renamed(table, ".".join((*split(one.relation)[:-1], one.new_name)), line)
            case "rename column":
                self.found.get(table, {}).pop(("column", one.name), None)
                self._mark(table, ("column", one.new_name), line)
            case "create index":
                self._mark(table, ("index", one.name), line)
            case verb if verb == "table column" or verb in COLUMN_VERBS:
                self._mark(table, ("column", one.name), line)
            case verb if verb == "table constraint" or verb in CONSTRAINT_VERBS:
                self._mark(table, ("constraint", one.name), line)
            case _:
                return


def _in_order(function: ast.AST) -> Iterator[ast.AST]:
    """The parts of a function as they stand in the text."""
    for child in ast.iter_child_nodes(function):
        yield child
        yield from _in_order(child)


def _described(relation: str) -> str:
    """A table's name as a Described has it: without schema public."""
    parts: Sequence[str] = split(relation)
    return ".".join(parts[1:] if len(parts) > 1 and parts[0] == "public" else parts)


def _table(call: ast.Call, index: int) -> str:
    """The table that a call is for, "" when it is worked out at run time."""
    name = _text_at(call, index) or _keyword(call, "table_name") or (_keyword(call, "source_table") if index else "")
    return _with_schema(name, call)


def _with_schema(name: str, call: ast.Call) -> str:
    schema = _keyword(call, "schema") or _keyword(call, "source_schema")
    return f"{schema}.{name}" if schema not in ("", "public") and name else name


def _text_at(call: ast.Call, index: int) -> str:
    return _string(call.args[index]) if index < len(call.args) else ""


def _keyword(call: ast.Call, name: str) -> str:
    return next((_string(one.value) for one in call.keywords if one.arg == name), "")


def _string(node: ast.expr) -> str:
    """A text, also as `op.f("...")`; "" for what is worked out."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".f") and node.args:
        return _string(node.args[0])
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
