"""Operations of Alembic in a document -> what they state. The downgrade of a revision is passed over."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from mcp_server.model.orm import Place
from mcp_server.model.spec import Part, StatedColumn, StatedIndex, StatedTable
from mcp_server.world.spec_fields import called, column_name, from_call


def read_operations(tree: ast.Module, path: str, before: int) -> Iterator[Part]:
    """`op.create_table` and `op.create_index` of a revision that a document shows; its downgrade is passed over."""
    skipped = {
        id(node)
        for one in ast.walk(tree)
        if isinstance(one, ast.FunctionDef) and "downgrade" in one.name
        for node in ast.walk(one)
    }
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call) and id(node) not in skipped]:
        name = ast.unparse(call.func)
        at = Place(path, before + call.lineno)
        if name == "op.create_table" and call.args and isinstance(call.args[0], ast.Constant):
            yield from _created(call, str(call.args[0].value), path, before)
        elif name == "op.create_index" and len(call.args) > 2 and isinstance(call.args[2], ast.List):
            keys = tuple(column_name(one) for one in call.args[2].elts)
            unique = any(one.arg == "unique" and ast.unparse(one.value) == "True" for one in call.keywords)
            if all(keys):
                yield StatedIndex(
                    column_name(call.args[1]), keys, at, "alembic", "middle", column_name(call.args[0]), unique
                )


def _created(call: ast.Call, table: str, path: str, before: int) -> Iterator[Part]:
    columns: list[StatedColumn] = []
    for item in call.args[1:]:
        if (
            isinstance(item, ast.Call)
            and called(item) == "Column"
            and item.args
            and isinstance(item.args[0], ast.Constant)
        ):
            at = Place(path, before + item.lineno)
            columns.append(from_call(StatedColumn(str(item.args[0].value), at), item, {}))
    keys = [
        column_name(one)
        for item in call.args[1:]
        if isinstance(item, ast.Call) and called(item) == "PrimaryKeyConstraint"
        for one in item.args
    ]
    if len(keys) == 1:
        columns = [replace(one, primary_key=True, nullable=None) if one.name == keys[0] else one for one in columns]
    yield StatedTable(
        table,
        "table",
        Place(path, before + call.lineno),
        "alembic",
        "middle",
        tuple(columns),
        tuple(keys) if len(keys) > 1 else (),
    )
