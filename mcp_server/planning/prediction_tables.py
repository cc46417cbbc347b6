"""What the commands of ALTER TABLE do to the table, its family, and those on the other side of foreign keys.

Source: AlterTableGetLockLevel(), ATRewriteTables() and the ATExec… functions of src/backend/commands/tablecmds.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mcp_server.model.action import Action
from mcp_server.model.names import qualified, quote
from mcp_server.model.schema import Column, Constraint, Policy, RewriteRule, Trigger, View
from mcp_server.planning.mentions import Names
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
    base_type,
    built,
    constraint_uses,
    index_uses,
    is_constrained,
    locked,
    mentions,
    rewritten,
    scanned,
)
from mcp_server.planning.prediction_partitions import conjuncts, key_columns, proves_not_null
from mcp_server.planning.prediction_types import keeps_operators, needs_rewrite

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


def verified_not_null(ground: Ground, table: str, column: str) -> Iterator[Part]:
    """The rows are read, unless a valid check proves it: NotNullImpliedByRelConstraints()."""
    found = ground.column(table, column)
    if found is None or (found.nullable and not proves_not_null(tuple(conjuncts(ground, table)), column)):
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
        yield from _rechecked(ground, table, action.name)
        return
    yield from rewritten(ground, table)
    yield from (Touch("rebuild", one.identity) for one in ground.indexes(table) if index_uses(one, action.name))


def _alter_type(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    column = ground.column(table, action.name)
    if column is None:
        yield Fails(f"{table} has no column {action.name}")
        return
    if why := _keeps_from_altering(ground, table, column):
        yield Fails(why)
        return
    new = known_type(ground, action.type)
    steps = [known_type(ground, one.removeprefix("cast=")) for one in action.options if one.startswith("cast=")]
    rewrites = "using" in action.flags and "cast only" not in action.flags
    for before, after in zip([column.type, *steps], [*steps, new], strict=True):
        rewrites = rewrites or needs_rewrite(ground, before, after)
    if rewrites:
        yield from rewritten(ground, table)
    yield from _indexes_again(ground, table, column, action, rewrites)
    yield from _rechecked(ground, table, column.name)
    yield from _foreign_keys_again(ground, table, column, new)


def known_type(ground: Ground, written: str) -> str:
    """A type as the Schema names it: one of the user's own with its schema."""
    bare = written.removesuffix("[]")
    domain = ground.domain(bare)
    return (domain.identity if domain else bare) + written[len(bare) :]


def _keeps_from_altering(ground: Ground, table: str, column: Column) -> str:
    """Why Postgres refuses to alter the type, "" when it does not: RememberAllDependentForRebuilding()."""
    if view_on(ground, table, column.name):
        return "a view uses the column"
    if any(
        one.generated and one is not column and mentions(one.generated, column.name)
        for one in ground.schema.on(table, Column)
    ):
        return "a generated column uses the column"
    if any(mentions(f"{one.using} {one.check}", column.name) for one in ground.schema.on(table, Policy)):
        return "a policy uses the column"
    if any(_trigger_uses(one, column.name) for one in ground.schema.on(table, Trigger)):
        return "a trigger uses the column"
    if any(mentions(one.definition, column.name) for one in ground.schema.on(table, RewriteRule)):
        return "a rule uses the column"
    found = ground.table(table)
    if found and column.name in key_columns(found.partition_by):
        return "the column is part of the partition key"
    return ""


def view_on(ground: Ground, table: str, column: str) -> str:
    """A view that reads the column, "" for none."""
    names = Names(ground.schema)
    identity = f"{table}.{quote(column)}"
    for view in ground.schema.all(View):
        if (Column.word, identity) in names.in_query(view.definition):
            return view.identity
    return ""


def _trigger_uses(trigger: Trigger, column: str) -> bool:
    head = trigger.definition.partition(" EXECUTE ")[0]
    of, _, when = head.partition(" WHEN ")
    return (" UPDATE OF " in of and mentions(of.partition(" UPDATE OF ")[2].partition(" ON ")[0], column)) or mentions(
        when, column
    )


def _indexes_again(ground: Ground, table: str, column: Column, action: Action, rewrites: bool) -> Iterator[Part]:
    """Indexes on the column are dropped and made again; their files are kept when nothing in them can have changed."""
    for index in ground.indexes(table):
        if not index_uses(index, column.name):
            continue
        yield Touch("rebuild", index.identity)
        simple = all(index.columns) and not index.predicate
        same_order = _collation(action) == column.collation.removeprefix("pg_catalog.").strip('"')
        if (
            rewrites
            or not simple
            or not same_order
            or not keeps_operators(ground, column.type, known_type(ground, action.type))
        ):
            yield from built(ground, table)


def _collation(action: Action) -> str:
    found = next((one.removeprefix("collate=") for one in action.options if one.startswith("collate=")), "")
    return found.removeprefix("pg_catalog.")


def _rechecked(ground: Ground, table: str, column: str) -> Iterator[Part]:
    """Checks that use the column are made again, so that every row is checked again."""
    for one in ground.schema.on(table, Constraint):
        if one.kind == "c" and one.validated and one.enforced and constraint_uses(one, column):
            yield from scanned(ground, table)


def _foreign_keys_again(ground: Ground, table: str, column: Column, new: str) -> Iterator[Part]:
    """Foreign keys on both sides of the column are dropped and made again: both tables are locked."""
    for one in (*ground.foreign_keys_of(table), *ground.foreign_keys_to(table)):
        uses = (one.table == table and column.name in one.columns) or (
            one.references == table and column.name in one.referenced_columns
        )
        if not uses:
            continue
        yield from locked(EXCLUSIVE, one.table, one.references)
        if one.validated and one.enforced and not keeps_operators(ground, column.type, base_type(ground, new)):
            yield from scanned(ground, one.table, one.references)


def _add_constraint(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    if action.name and ground.constraint(table, action.name) and table == ground.identity(action.relation):
        yield Fails(f"{table} has a constraint {action.name} already")
        return
    yield from _ADDED[action.kind](ground, action, table) if action.kind in _ADDED else ()


def _add_check(ground: Ground, action: Action, table: str) -> Iterator[Part]:
    if not action.flags & {"not valid", "not enforced"}:
        yield from scanned(ground, table)


def _add_not_null(ground: Ground, action: Action, table: str) -> Iterator[Part]:
    if ground.version < 180000:
        yield Fails("NOT NULL has no name before PostgreSQL 18")
    elif "not valid" not in action.flags:
        yield from verified_not_null(ground, table, action.columns[0])


def _add_foreign_key(ground: Ground, action: Action, table: str) -> Iterator[Part]:
    parent = ground.identity(action.references)
    if not parent:
        yield Fails(f"{action.references} does not exist")
        return
    others = ground.family(parent)
    yield from locked(ROW_EXCLUSIVE, *others)
    if not action.flags & {"not valid", "not enforced"}:
        yield from scanned(ground, table, *others)


def _add_key(ground: Ground, action: Action, table: str) -> Iterator[Part]:
    """UNIQUE, PRIMARY KEY and EXCLUDE; a primary key's columns must be proven to hold no null."""
    index = (
        ground.index(action.index) or ground.index(qualified(table.split(".")[0], action.index))
        if action.index
        else None
    )
    if action.index and index is None:
        yield Fails(f"there is no index {action.index}")
        return
    if index is not None and not (index.unique and index.valid and all(index.columns) and not index.predicate):
        yield Fails(f"{action.index} is not a plain unique index")
        return
    if index is None:
        yield from built(ground, table)
    if action.kind == "primary key":
        for column in index.columns if index else action.columns:
            yield from verified_not_null(ground, table, column)


_ADDED: dict[str, Callable[[Ground, Action, str], Iterator[Part]]] = {
    "check": _add_check,
    "not null": _add_not_null,
    "foreign key": _add_foreign_key,
    "unique": _add_key,
    "primary key": _add_key,
    "exclude": _add_key,
}


def _validate(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    """Reads the table; a foreign key locks the rows that it leads to by RowShareLock."""
    one = ground.constraint(table, action.name)
    if one is None:
        if table == ground.identity(action.relation):
            yield Fails(f"{table} has no constraint {action.name}")
        return
    if one.validated:
        return
    yield from scanned(ground, table)
    if one.kind == "f":
        yield from locked("RowShareLock", one.references)
        yield from scanned(ground, *ground.family(one.references))


def _drop_constraint(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    one = ground.constraint(table, action.name)
    if one is None:
        if table == ground.identity(action.relation) and "if exists" not in action.flags:
            yield Fails(f"{table} has no constraint {action.name}")
        return
    yield from drop_parts(ground, ((Constraint.word, one.identity),), "cascade" in action.flags)


def _alter_constraint(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    one = ground.constraint(table, action.name)
    if one is None:
        yield Fails(f"{table} has no constraint {action.name}")
    elif "enforced" in action.flags and not one.enforced:
        yield from locked(EXCLUSIVE, one.references)
        yield from scanned(ground, table, one.references)
    elif "not enforced" in action.flags and one.enforced:
        yield from locked(EXCLUSIVE, one.references)


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
    "alter column type": _alter_type,
    "add constraint": _add_constraint,
    "validate constraint": _validate,
    "drop constraint": _drop_constraint,
    "alter constraint": _alter_constraint,
    "set logged": _set_persistence,
    "set unlogged": _set_persistence,
    "set tablespace": _set_storage_place,
    "set access method": _set_storage_place,
    "inherit": _inherit,
    "no inherit": _inherit,
}
