"""A column has the type json, which Postgres cannot compare.

json has no equality: SELECT DISTINCT, GROUP BY and UNION over the column fail, and it cannot be indexed. jsonb does all
that, and is quicker to read.
https://www.postgresql.org/docs/current/datatype-json.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Column, Table
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M402",
    severity="info",
    given="create table task (id bigint primary key);",
    bad="alter table task add column extra json;",
    good=("alter table task add column extra jsonb;",),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    if migration.after is None:
        return
    for table in migration.after.all(Table):
        for column in migration.after.on(table.identity, Column):
            if column.type in ("json", "json[]") and migration.column(table.identity, column.name) is None:
                yield RULE.found(
                    subject=column.identity,
                    message="json has no equality, so DISTINCT, GROUP BY and UNION over it fail; use jsonb.",
                    evidence="derived from the schema after the migration",
                    place=_place(migration, table.identity),
                )


def _place(migration: Migration, table: str) -> str:
    return next(
        (one.place for one, action in migration.each() if migration.identity(action.relation or action.name) == table),
        "",
    )
