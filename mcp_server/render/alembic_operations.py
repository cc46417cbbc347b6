"""One step becomes Alembic operations: those that Alembic has a word for, `op.execute` for the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mcp_server.model.change import Added, Altered, Dropped, Renamed
from mcp_server.model.names import quote
from mcp_server.model.plan import Step
from mcp_server.model.schema import Column, Constraint, Index, Table
from mcp_server.render import alembic_tables as tables
from mcp_server.render.alembic_sql import execute, plain, text
from mcp_server.render.alembic_types import Types
from mcp_server.render.python_source import Source, call, keyword, string

_BUILDS = re.compile("CREATE (UNIQUE )?INDEX CONCURRENTLY ")
_TYPE_WORDS = {"p": "primary", "u": "unique", "f": "foreignkey", "c": "check"}


@dataclass(frozen=True, slots=True)
class Direction:
    """The steps of upgrade or downgrade, and what more than one step has to know.

    late: columns of new tables whose default is a step of its own. told: comments that CREATE TABLE or ADD COLUMN
    says along, by (word, identity).
    """

    steps: tuple[Step, ...]
    types: Types
    late: frozenset[str]
    told: frozenset[tuple[str, str]]


def direction(steps: tuple[Step, ...], types: Types) -> Direction:
    """Look through the steps once."""
    late = frozenset(
        step.change.item.identity for step in steps if isinstance(step.change, Added) and step.fields == ("default",)
    )
    bare = Direction(steps, types, late, frozenset())
    told: set[tuple[str, str]] = set()
    for step in steps:
        if isinstance(step.change, Added) and not step.fields and _native(step, bare) is not None:
            own = (one for one in step.parts if isinstance(one, Column) and not one.inherited)
            made = (one for one in (step.change.item, *own) if isinstance(one, Table | Column))
            told |= {(one.word, one.identity) for one in made}
    return Direction(steps, types, late, frozenset(told))


def operations(step: Step, around: Direction) -> list[Source]:
    """The calls that carry out one step; () for a comment that was told before."""
    item = step.change.item
    if isinstance(step.change, Added) and step.fields == ("comment",) and (item.word, item.identity) in around.told:
        return []
    # Outside of a transaction a step is one statement of a safe form, and stands as it is.
    native = _native(step, around) if step.transactional or _BUILDS.match(step.sql) else None
    if native is None:
        return [execute(step.sql)]
    if isinstance(item, Table) and isinstance(step.change, Added) and not step.fields:
        return [native, *(_add_constraint(one) for one in tables.leftovers(step.parts))]
    return [native]


def _add_constraint(constraint: Constraint) -> Source:
    name = quote(constraint.name)
    return execute(f"ALTER TABLE {constraint.table} ADD CONSTRAINT {name} {constraint.definition}")


def _native(step: Step, around: Direction) -> Source | None:
    """The operation of Alembic's own for a step, None when it has none."""
    match step.change:
        case Added(item) if not step.fields:
            return _added(item, step, around)
        case Dropped(item) if not step.fields and " IF EXISTS " not in step.sql:
            return _dropped(item) if not step.sql.endswith(" CASCADE") else None
        case Altered(Column() as before, Column() as after, _) if " RENAME COLUMN " not in step.sql:
            return _altered_column(before, after, step, around.types)
        case Added(Column() as column) if step.fields == ("default",):
            return _alter(column, [keyword("server_default", text(column.default or "") or "")], around.types)
        case Added(Table() as table) | Altered(_, Table() as table, _) if step.fields == ("comment",):
            return _table_comment(table)
        case Renamed(before, item):
            return _renamed(before, item)
    return None


def _added(item: object, step: Step, around: Direction) -> Source | None:
    match item:
        case Table() if not item.partition_of:
            if any(isinstance(part, Constraint) and part.kind == "n" for part in step.parts):
                return None
            return tables.create_table(item, step.parts, around.types, around.late, comments=True)
        case Column():
            late = not _has_default(step, item)
            column = tables.column_source(item, around.types, late or item.identity in around.late)
            if column is None:
                return None
            return call("op.add_column", tables.name_of(item.table), column, tables.schema_of(item.table))
        case Constraint():
            return _create_constraint(item) if step.sql.startswith(f"ALTER TABLE {item.table} ADD ") else None
        case Index() if step.sql.startswith("CREATE ") and f" ON ONLY {item.table} " not in step.sql:
            return tables.create_index(item, " CONCURRENTLY " in step.sql)
    return None


def _has_default(step: Step, column: Column) -> bool:
    """True when the statement itself gives the default."""
    return column.default is None or f" DEFAULT {column.default}" in step.sql


def _create_constraint(constraint: Constraint) -> Source | None:
    """`op.create_foreign_key` and the like."""
    valid = constraint
    if constraint.kind in "fc" and not constraint.validated and constraint.enforced:
        valid = replace(constraint, validated=True, definition=constraint.definition.removesuffix(" NOT VALID"))
    source = tables.constraint_source(valid)
    if source is None or (constraint.kind == "p" and (constraint.deferrable or constraint.nulls_not_distinct)):
        return None
    name, table = tables.constraint_name(constraint.name), tables.name_of(constraint.table)
    schema, timing = tables.schema_of(constraint.table), tables.deferral(constraint)
    timing += [] if valid is constraint else ["postgresql_not_valid=True"]
    columns = tables.strings(constraint.columns)
    if constraint.kind == "p":
        return call("op.create_primary_key", name, table, columns, schema)
    if constraint.kind == "u":
        nulls = "postgresql_nulls_not_distinct=True" if constraint.nulls_not_distinct else None
        return call("op.create_unique_constraint", name, table, columns, schema, nulls, *timing)
    if constraint.kind == "x":
        return call("op.create_exclude_constraint", name, table, *tables.exclusion(constraint), schema, *timing)
    if constraint.kind == "c":
        expression = text(constraint.expression)
        return (
            None if expression is None else call("op.create_check_constraint", name, table, expression, schema, *timing)
        )
    return _create_foreign_key(constraint, name, table, columns, timing)


def _create_foreign_key(
    constraint: Constraint, name: Source, table: str, columns: Source, timing: list[Source]
) -> Source | None:
    source = tables.schema_of(constraint.table)
    target = tables.schema_of(constraint.references)
    return call(
        "op.create_foreign_key",
        name,
        table,
        tables.name_of(constraint.references),
        columns,
        tables.strings(constraint.referenced_columns),
        *tables.actions(constraint),
        *timing,
        _renamed_keyword(source, "source_schema"),
        _renamed_keyword(target, "referent_schema"),
    )


def _renamed_keyword(source: Source | None, name: str) -> Source | None:
    return source.replace("schema=", f"{name}=", 1) if isinstance(source, str) else None


def _dropped(item: object) -> Source | None:
    match item:
        case Table(kind="table" | "partitioned"):
            return call("op.drop_table", tables.name_of(item.identity), tables.schema_of(item.identity))
        case Column():
            return call("op.drop_column", tables.name_of(item.table), string(item.name), tables.schema_of(item.table))
        case Index():
            name, table = tables.constraint_name(item.name), keyword("table_name", tables.name_of(item.table))
            return call("op.drop_index", name, table, tables.schema_of(item.identity))
        case Constraint() if item.kind in _TYPE_WORDS:
            name, table = tables.constraint_name(item.name), tables.name_of(item.table)
            word = keyword("type_", string(_TYPE_WORDS[item.kind]))
            return call("op.drop_constraint", name, table, tables.schema_of(item.table), word)
    return None


def _altered_column(before: Column, after: Column, step: Step, types: Types) -> Source | None:
    """`op.alter_column` for what it knows: type, NULL, default, comment, becoming or ceasing to be an identity column."""
    fields = set(step.fields)
    if "type" in fields:
        return _alter_type(before, after, step, types)
    if fields == {"nullable"}:
        return _alter(after, [f"nullable={after.nullable}"], types)
    if fields == {"default"}:
        default = text(after.default) if after.default is not None else "None"
        return None if default is None else _alter(after, [keyword("server_default", default)], types)
    if fields == {"comment"}:
        value = keyword("comment", string(after.comment) if after.comment else "None")
        known = keyword("existing_comment", string(before.comment)) if before.comment else None
        return _alter(after, [value, known], types)
    if "identity_kind" in fields and not before.identity_kind:
        value = keyword("server_default", tables.identity_source(after))
        return _alter(after, [value, "existing_server_default=None"], types)
    if "identity_kind" in fields and not after.identity_kind:
        known = keyword("existing_server_default", tables.identity_source(before))
        return _alter(after, ["server_default=None", known], types)
    return None


def _alter_type(before: Column, after: Column, step: Step, types: Types) -> Source | None:
    new = types.spell(after.type, after.collation)
    old = types.spell(before.type, before.collation)
    using = step.sql.partition(" USING ")[2]
    expression = plain(using) if using else None
    if new is None or (using and expression is None) or before.identity_kind or before.generated is not None:
        return None
    same = before.type == after.type and before.collation == after.collation
    known = keyword("existing_type", old) if old is not None and not same else None
    arguments: list[Source | None] = [keyword("type_", new), known]
    arguments.append(keyword("postgresql_using", expression) if expression is not None else None)
    name, column, schema = tables.name_of(after.table), string(after.name), tables.schema_of(after.table)
    return call("op.alter_column", name, column, *arguments, f"existing_nullable={after.nullable}", schema)


def _alter(column: Column, arguments: Iterable[Source | None], types: Types) -> Source:
    known = types.spell(column.type, column.collation)
    existing = keyword("existing_type", known) if known is not None else None
    schema = tables.schema_of(column.table)
    return call("op.alter_column", tables.name_of(column.table), string(column.name), *arguments, existing, schema)


def _table_comment(table: Table) -> Source:
    name, schema = tables.name_of(table.identity), tables.schema_of(table.identity)
    if not table.comment:
        return call("op.drop_table_comment", name, schema)
    return call("op.create_table_comment", name, string(table.comment), schema)


def _renamed(before: object, item: object) -> Source | None:
    match before, item:
        case Table(), Table() if before.schema == item.schema:
            return call("op.rename_table", string(before.name), string(item.name), tables.schema_of(item.identity))
        case Column(), Column():
            name = keyword("new_column_name", string(item.name))
            schema = tables.schema_of(item.table)
            return call("op.alter_column", tables.name_of(item.table), string(before.name), name, schema)
    return None


def blocks(around: Direction) -> Iterator[tuple[bool, list[tuple[Step, list[Source]]]]]:
    """Neighbouring steps together: (transactional, each step with its calls)."""
    group: list[tuple[Step, list[Source]]] = []
    transactional = True
    for step in around.steps:
        calls = operations(step, around)
        if group and step.transactional != transactional:
            yield transactional, group
            group = []
        transactional = step.transactional
        if calls:
            group.append((step, calls))
    if group:
        yield transactional, group
