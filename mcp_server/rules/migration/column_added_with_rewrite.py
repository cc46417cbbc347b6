"""A column is added in a form that writes the whole table anew.

A constant default, or one that is stable like now(), is kept beside the table and costs nothing. A default that must be
computed row by row (random(), gen_random_uuid(), clock_timestamp(), nextval of serial or identity), or a stored generated
column, rewrites the table and all its indexes under an AccessExclusiveLock. Add the column bare, set the default for new
rows, fill the old ones in batches. A generated column cannot be swapped in later: PostgreSQL 18 has VIRTUAL ones, which
cost nothing.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
"""

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import object_name, quote, split
from mcp_server.model.schema import Column, Domain
from mcp_server.model.walked import Migration, stopped
from mcp_server.rules.cures import backfill, not_null, script

RULE = Rule(
    code="M110",
    severity="error",
    given="create table task (id bigint primary key, title text);",
    bad="alter table task add column token uuid default gen_random_uuid();",
    good=(
        "alter table task add column token uuid;\nalter table task alter column token set default gen_random_uuid();",
        "alter table task add column made timestamptz not null default now();",
        "alter table task add column size int not null default 5;",
        "create table note (id int); alter table note add column token uuid default gen_random_uuid();",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("add column"):
        table = migration.identity(action.relation)
        effect = statement.effect_of(action)
        blocked = migration.blocked(effect)
        column = migration.end.get(Column, f"{table}.{quote(action.name)}")
        if not blocked or not effect.rewrites or _is_domain(migration, column):
            continue
        yield RULE.found(
            subject=f"{table}.{action.name}",
            message=f"{_why(column)}, so the table and its indexes are written anew: {stopped(blocked)} meanwhile.",
            evidence=migration.evidence(statement),
            fix=_fix(migration, table, action, column),
            place=statement.place,
        )


def _is_domain(migration: Migration, column: Column | None) -> bool:
    return column is not None and migration.end.get(Domain, column.type) is not None


def _why(column: Column | None) -> str:
    if column is None:
        return "The value must be computed for every row"
    if column.generated is not None:
        return "A stored generated column is computed for every row"
    if column.identity_kind:
        return "An identity column takes a number for every row"
    return f"The default {column.default or ''} is computed for every row".replace("  ", " ")


def _fix(migration: Migration, table: str, action: Action, column: Column | None) -> str:
    if (
        column is None
        or column.generated is not None
        or action.flags & {"unique", "primary key", "references", "check"}
    ):
        return ""
    name, required = quote(column.name), [] if column.nullable else [*not_null(table, column.name, migration.major)]
    bare = f"alter table {table} add column {name} {column.type}"
    if column.identity_kind:
        return script(bare, *_numbered(table, column), *required, *_identity(table, column))
    sequence = []
    if "nextval(" in (column.default or ""):
        sequence = [
            f"create sequence {(column.default or '').split(chr(39))[1]} as {column.type} owned by {table}.{name}"
        ]
    default = f"alter table {table} alter column {name} set default {column.default}"
    return script(bare, *sequence, default, backfill(table, column.name), *required)


def _numbers(table: str, column: Column) -> str:
    return f"{table.rpartition('.')[0]}.{quote(object_name(split(table)[-1], column.name, 'fill'))}"


def _numbered(table: str, column: Column) -> tuple[str, ...]:
    numbers, name = _numbers(table, column), quote(column.name)
    value = f"nextval('{numbers}')"
    return (
        f"create sequence {numbers}",
        f"alter table {table} alter column {name} set default {value}",
        backfill(table, column.name, value),
    )


def _identity(table: str, column: Column) -> tuple[str, ...]:
    numbers, name = _numbers(table, column), quote(column.name)
    options = f" ({column.identity_options})" if column.identity_options else ""
    kind = column.identity_kind
    return (
        "begin",
        TIMEOUT_IN_TRANSACTION,
        f"alter table {table} alter column {name} drop default,"
        f" alter column {name} add generated {kind} as identity{options}",
        f"select setval(pg_get_serial_sequence('{table}', '{column.name}'), nextval('{numbers}'))",
        f"drop sequence {numbers}",
        "commit",
    )


TIMEOUT_IN_TRANSACTION = "set local lock_timeout = '3s'"
