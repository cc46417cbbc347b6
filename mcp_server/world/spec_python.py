"""Classes of SQLModel and SQLAlchemy in a document, and operations of Alembic -> what they state. Read by `ast`; nothing is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from mcp_server.model.orm import Place
from mcp_server.model.spec import Kind, Part, StatedCheck, StatedColumn, StatedIndex, StatedTable, Unread
from mcp_server.world.spec_alembic import read_operations
from mcp_server.world.spec_fields import annotated, called, column_name, constant_of, from_call
from mcp_server.world.spec_types import is_optional

_MARKS = re.compile(r"\btable\s*=\s*True\b|__tablename__|\bmapped_column\(|\bop\.create_table\(|\bColumn\(")
_BASES = frozenset({"Base", "DeclarativeBase", "Model"})


def read_python(text: str, path: str, line: int, *, external: bool = False) -> tuple[Part, ...]:
    """What the Python of a fence states. line: of its first. Classes that are no tables state nothing."""
    if not _MARKS.search(text):
        return ()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        at = Place(path, line + (getattr(error, "lineno", 1) or 1) - 1)
        shown = (getattr(error, "text", "") or text).strip().partition("\n")[0]
        return (Unread(at, shown[:120], f"Python that can be read: {getattr(error, 'msg', error)}"),)
    enums = dict(_enums(tree))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    tables = [node for node in classes.values() if _is_table(node)]
    parts = [part for node in tables for part in _class(node, _body(node, classes), path, line - 1, enums)]
    parts += read_operations(tree, path, line - 1)
    return tuple(replace(part, external=external) if isinstance(part, StatedTable) else part for part in parts)


def _enums(tree: ast.Module) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases):
            values = [one.value for one in node.body if isinstance(one, ast.Assign)]
            yield node.name, tuple(str(one.value) for one in values if isinstance(one, ast.Constant))


def _is_table(node: ast.ClassDef) -> bool:
    keywords = {one.arg: one.value for one in node.keywords}
    given = keywords.get("table")
    if isinstance(given, ast.Constant) and given.value is True:
        return True
    return _table_name(node) != "" or bool(_BASES & {ast.unparse(base) for base in node.bases})


def _table_name(node: ast.ClassDef) -> str:
    for one in node.body:
        target = (
            one.targets[0] if isinstance(one, ast.Assign) else one.target if isinstance(one, ast.AnnAssign) else None
        )
        value = getattr(one, "value", None)
        if isinstance(target, ast.Name) and target.id == "__tablename__" and isinstance(value, ast.Constant):
            return str(value.value)
    return ""


def _body(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef], depth: int = 0) -> list[ast.stmt]:
    """What a class states, after what the bases in the same fence state; bases that are tables keep what is theirs."""
    inherited: list[ast.stmt] = []
    for base in node.bases:
        parent = classes.get(ast.unparse(base))
        if parent is not None and not _is_table(parent) and depth < 5:
            inherited += _body(parent, classes, depth + 1)
    own = {_target(one) for one in node.body}
    return [one for one in inherited if _target(one) not in own] + node.body


def _target(statement: ast.stmt) -> str:
    target = getattr(statement, "target", None) or next(iter(getattr(statement, "targets", ())), None)
    return target.id if isinstance(target, ast.Name) else ""


def _class(
    node: ast.ClassDef, body: list[ast.stmt], path: str, before: int, enums: Mapping[str, tuple[str, ...]]
) -> Iterator[Part]:
    at = Place(path, before + node.lineno)
    columns: list[StatedColumn] = []
    rest: list[Part] = []
    name = _table_name(node)
    for one in body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            column = _field(
                one.target.id, ast.unparse(one.annotation), one.value, Place(path, before + one.lineno), enums
            )
            columns += [column] if column else []
        elif isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
            if one.targets[0].id == "__table_args__":
                rest += _arguments(one.value, name or node.name, path, before)
            elif isinstance(one.value, ast.Call) and called(one.value) in ("Column", "mapped_column"):
                column = _field(one.targets[0].id, "", one.value, Place(path, before + one.lineno), enums)
                columns += [column] if column else []
    kind: Kind = "table" if name else "entity"
    keys = tuple(column.name for column in columns if column.primary_key)
    if len(keys) > 1:
        columns = [replace(column, primary_key=False) for column in columns]
    if columns:
        yield StatedTable(
            name or node.name, kind, at, "classes", "strong", tuple(columns), keys if len(keys) > 1 else ()
        )
    yield from rest


def _field(
    name: str, annotation: str, value: ast.expr | None, at: Place, enums: Mapping[str, tuple[str, ...]]
) -> StatedColumn | None:
    if isinstance(value, ast.Call) and called(value) in ("Relationship", "relationship", "ClassVar"):
        return None
    if name.startswith("_") or (
        annotation.startswith(("ClassVar", "Mapped[List", "Mapped[list", "List[", "list['", 'list["'))
        and not _has_column(value)
    ):
        return None
    column = StatedColumn(name, at, annotated(annotation, enums))
    if column.type is None and value is None and re.match(r"^['\"]?[A-Z]\w+['\"]?$", annotation):
        return None
    if annotation:
        column = replace(column, nullable=is_optional(annotation))
    calls = [value] if isinstance(value, ast.Call) else []
    if not calls and value is not None:
        default = constant_of(value)
        return replace(column, default=None if default == "null" else default, given=True)
    for call in calls:
        column = from_call(column, call, enums)
    if column.primary_key:
        column = replace(column, nullable=None)
    return column


def _has_column(value: ast.expr | None) -> bool:
    return value is not None and ("Column(" in ast.unparse(value) or "sa_type" in ast.unparse(value))


def _arguments(value: ast.expr, table: str, path: str, before: int) -> Iterator[Part]:
    """Indexes and constraints of `__table_args__`."""
    for call in [node for node in ast.walk(value) if isinstance(node, ast.Call)]:
        at = Place(path, before + call.lineno)
        texts = tuple(column_name(one) for one in call.args)
        name = next(
            (
                str(one.value.value)
                for one in call.keywords
                if one.arg == "name" and isinstance(one.value, ast.Constant)
            ),
            "",
        )
        unique = any(one.arg == "unique" and ast.unparse(one.value) == "True" for one in call.keywords)
        if called(call) == "Index" and len(texts) > 1 and all(texts):
            yield StatedIndex(table, texts[1:], at, "classes", "strong", texts[0], unique)
        elif called(call) == "UniqueConstraint" and texts and all(texts):
            yield StatedIndex(table, texts, at, "classes", "strong", name, True)
        elif called(call) == "CheckConstraint" and texts[:1] and texts[0]:
            yield StatedCheck(table, (), at, "classes", "strong", texts[0], name)
