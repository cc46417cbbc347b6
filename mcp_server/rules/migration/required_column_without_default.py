"""A column that must not be null is added without a default, which fails as soon as the table holds a row.

It passes on an empty database only. Add the column nullable, fill it in batches, prove NOT NULL by a validated check; or
give it a constant default, which is instant.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
"""

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Domain
from mcp_server.model.walked import Migration, Statement

RULE = Rule(
    code="M302",
    severity="error",
    given="create table task (id bigint primary key);",
    bad="alter table task add column title text not null;",
    good=(
        "alter table task add column title text not null default '';",
        "create table note (id int); alter table note add column title text not null;",
        "create table note (id int); insert into note values (1); truncate note; alter table note add column title text not null;",
    ),
    cured=False,
)
FILLED = {"default", "identity", "stored", "virtual"}
WRITES = ("insert", "merge", "copy", "create table as")
NULLS = "23502"


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in _additions(migration):
        table = migration.identity(action.relation)
        must = action.flags & {"not null", "primary key"}
        written = _is_written_before(migration, statement, table)
        if not must or action.flags & FILLED or "serial" in action.type:
            continue
        if not written and (migration.sizes.get(table) == 0 or not migration.stood(table)):
            continue
        column = migration.end.get(Column, f"{table}.{quote(action.name)}")
        domain = column and migration.end.get(Domain, column.type)
        if domain and domain.default:
            continue
        yield RULE.found(
            subject=f"{table}.{action.name}",
            message=f"Without a default there is no value for the rows that {table} holds: the statement fails on the first.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )


def _additions(migration: Migration) -> Iterator[tuple[Statement, Action]]:
    """The columns that are added, also by a statement that Postgres refused for the nulls in them."""
    for statement in migration.statements:
        if not statement.error or statement.sqlstate == NULLS:
            yield from ((statement, action) for action in statement.actions if action.verb == "add column")


def _is_written_before(migration: Migration, statement: Statement, table: str) -> bool:
    """Whether the migration itself writes rows into the table before a statement."""
    written = False
    for one in migration.statements[: migration.statements.index(statement)]:
        for action in one.actions:
            if migration.identity(action.relation) == table and action.verb in (*WRITES, "truncate"):
                written = action.verb != "truncate"
    return written
