"""What the commands of ALTER TABLE do to the table, its family, and those on the other side of foreign keys.

Source: AlterTableGetLockLevel(), ATRewriteTables() and the ATExec… functions of src/backend/commands/tablecmds.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mcp_server.model.action import Action
from mcp_server.model.schema import Column, Constraint
from mcp_server.planning.prediction_constraints import (
    add_constraint,
    alter_constraint,
    drop_constraint,
    validate,
    verified_not_null,
)
from mcp_server.planning.prediction_defaults import calls_in, is_volatile
from mcp_server.planning.prediction_drops import drop_parts
from mcp_server.planning.prediction_ground import (
    EXCLUSIVE,
    ROW_EXCLUSIVE,
    UPDATING,
    Fails,
    Ground,
    Part,
    Touch,
    built,
    index_uses,
    is_constrained,
    locked,
    rewritten,
    scanned,
)
from mcp_server.planning.prediction_retypes import alter_type, rechecked

Command = Callable[[Ground, Action, str, tuple[Action, ...]], Iterator[Part]]
# Of storage parameters those that need more than the others.
# Source: the tables of src/backend/access/common/reloptions.c.
_STRONG_OPTIONS = frozenset({
    "user_catalog_table", "fastupdate", "gin_pending_list_limit", "buffering", "pages_per_range", "autosummarize",
    "security_barrier", "security_invoker", "check_option",
})  # fmt: skip
_NO_RECURSION = frozenset({
    "owner to", "set column options", "set compression", "set options", "set tablespace", "set access method", "set logged", "set unlogged", "set clustered index",
    "replica identity", "inherit", "no inherit", "of type", "not of type", "enable rule", "disable rule",
    "enable row security", "disable row security", "force row security", "no force row security",
})  # fmt: skip
_TO_PARTITIONS = frozenset(
    {"add identity", "set identity", "drop identity", "enable trigger", "disable trigger", "alter constraint"}
)
_MODES = {
    "set statistics": UPDATING, "set column options": UPDATING, "set clustered index": UPDATING, "validate constraint": UPDATING,
    "attach partition": UPDATING, "enable trigger": ROW_EXCLUSIVE, "disable trigger": ROW_EXCLUSIVE,
}  # fmt: skip


def mode_of(action: Action) -> str:
    """The lock that a command takes on the table that it names."""
    if action.verb == "add constraint" and action.kind == "foreign key":
        return ROW_EXCLUSIVE
    if action.verb == "set options":
        names = {one.partition("=")[0] for one in action.options}
        return EXCLUSIVE if names & _STRONG_OPTIONS else UPDATING
    if action.verb == "detach partition" and action.flags & {"concurrently", "finalize"}:
        return UPDATING
    return _MODES.get(action.verb, EXCLUSIVE)


def alter_table(ground: Ground, action: Action, beside: tuple[Action, ...]) -> Iterator[Part]:
    """One command; beside: all of its statement."""
    table = ground.identity(action.relation)
    if not table:
        return
    family = _family(ground, action, table)
    if action.verb not in ("attach partition", "detach partition"):
        yield from locked(mode_of(action), *family)
    command = _COMMANDS.get(action.verb)
    if command is not None:
        for member in family:
            yield from command(ground, action, member, beside)


def _family(ground: Ground, action: Action, table: str) -> tuple[str, ...]:
    """The table and those that the command goes down to: children for what is inherited, partitions alone for keys and triggers."""
    only = "only" in action.flags
    if action.verb in _NO_RECURSION or (action.verb.endswith("identity") and ground.version < 170000):
        return (table,)
    if action.verb in _TO_PARTITIONS or action.kind in ("primary key", "unique", "foreign key", "exclude"):
        return ground.partitions(table, only)
    return ground.family(table, only)


def _add_column(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    if ground.column(table, action.name):
        if "if not exists" not in action.flags:
            yield Fails(f"{table} has a column {action.name} already")
        return
    yield from added_references(ground, action, table, beside)
    if is_computed_anew(ground, action):
        yield from rewritten(ground, table)
    elif "not null" in action.flags and not _has_default(action):
        yield from scanned(ground, table)
        if ground.rows and ground.has_storage(table) and "virtual" not in action.flags:
            yield Fails("the rows that stand have no value for the column")
    if action.flags & {"unique", "primary key"}:
        yield from built(ground, table)
    if "check" in action.flags and "not enforced" not in action.flags:
        yield from scanned(ground, table)


def _has_default(action: Action) -> bool:
    return bool(action.flags & {"default", "identity", "stored"}) and action.expression.upper() != "NULL"


def is_computed_anew(ground: Ground, action: Action) -> bool:
    """Whether an added column gets values that must be written into each row."""
    if action.flags & {"identity", "stored"}:
        return True
    if "virtual" in action.flags:
        return False
    domain = ground.domain(action.type)
    if is_constrained(ground, domain):
        return True
    if "default" in action.flags:
        return is_volatile(ground, action.calls)
    return domain is not None and domain.default is not None and is_volatile(ground, calls_in(domain.default))


def added_references(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    """A REFERENCES of an added column: its rows are checked only when they get values."""
    if "references" not in action.flags:
        return
    parent = ground.identity(action.references)
    yield from locked(ROW_EXCLUSIVE, *(ground.family(parent) if parent else ()))
    others = any(one.verb == "add constraint" and one.kind == "foreign key" for one in beside)
    valued = bool(action.flags & {"default", "stored", "virtual"})
    if (valued or others) and "not enforced" not in action.flags:
        yield from scanned(ground, table, *(ground.family(parent) if parent else ()))


def _drop_column(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    column = ground.column(table, action.name)
    if column is None:
        if "if exists" not in action.flags:
            yield Fails(f"{table} has no column {action.name}")
        return
    yield from drop_parts(ground, ((Column.word, column.identity),), "cascade" in action.flags)


def _set_not_null(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    column = ground.column(table, action.name)
    if column is None:
        yield Fails(f"{table} has no column {action.name}")
    elif column.nullable:
        yield from verified_not_null(ground, table, action.name)
    elif any(
        one.kind == "n" and not one.validated and action.name in one.columns
        for one in ground.schema.on(table, Constraint)
    ):
        yield from scanned(ground, table)


def _column_must_be(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    column = ground.column(table, action.name)
    if column is None:
        yield Fails(f"{table} has no column {action.name}")
    elif action.verb == "add identity" and not _takes_identity(column, beside):
        yield Fails("the column may be null, or has a default")


def _takes_identity(column: Column, beside: tuple[Action, ...]) -> bool:
    """Whether a column is, or becomes by the same statement, one without nulls and default."""
    told = {one.verb for one in beside if one.name == column.name}
    empty = column.default is None or "drop default" in told
    return empty and not column.identity_kind and (not column.nullable or "set not null" in told)


def _set_expression(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    column = ground.column(table, action.name)
    if column is None or column.generated is None or ground.version < 170000:
        yield Fails("the column is not a generated one")
        return
    if not column.stored:
        yield from rechecked(ground, table, action.name)
        return
    yield from rewritten(ground, table)
    yield from (Touch("rebuild", one.identity) for one in ground.indexes(table) if index_uses(one, action.name))


def _set_persistence(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    found = ground.table(table)
    wanted = "permanent" if action.verb == "set logged" else "unlogged"
    if found is None or found.persistence == wanted:
        return
    logged = [ground.table(one.references) for one in ground.foreign_keys_of(table) if one.references != table]
    if wanted == "unlogged":
        logged = [ground.table(one.table) for one in ground.foreign_keys_to(table) if one.table != table]
    if any(one is not None and one.persistence == found.persistence for one in logged):
        yield Fails("a foreign key would lead from a logged table to an unlogged one")
    yield from rewritten(ground, table)
    if ground.version >= 150000:
        yield from (Touch("file", one) for one in ground.sequences_of(table))


def _set_storage_place(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    """SET TABLESPACE copies the file block by block; SET ACCESS METHOD writes the rows anew."""
    found = ground.table(table)
    if found is None:
        return
    if action.verb == "set access method" and action.new_name and found.access_method != action.new_name:
        yield from rewritten(ground, table)
    if action.verb == "set tablespace" and (found.tablespace or "pg_default") != action.new_name:
        yield Touch("file", table)


def _inherit(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    yield from locked(UPDATING if action.verb == "inherit" else "AccessShareLock", ground.identity(action.references))


_COMMANDS: dict[str, Command] = {
    "add column": _add_column,
    "drop column": _drop_column,
    "set not null": _set_not_null,
    "drop not null": _column_must_be,
    "set default": _column_must_be,
    "drop default": _column_must_be,
    "add identity": _column_must_be,
    "set expression": _set_expression,
    "alter column type": alter_type,
    "add constraint": add_constraint,
    "validate constraint": validate,
    "drop constraint": drop_constraint,
    "alter constraint": alter_constraint,
    "set logged": _set_persistence,
    "set unlogged": _set_persistence,
    "set tablespace": _set_storage_place,
    "set access method": _set_storage_place,
    "inherit": _inherit,
    "no inherit": _inherit,
}
