"""A column may be null from now on, and code that runs does not expect it.

DROP NOT NULL is instant. Readers that were promised a value get None; let them cope first.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M404",
    severity="info",
    given="create table task (id bigint primary key, title text not null);",
    bad="alter table task alter column title drop not null;",
    good=("create table note (body text not null); alter table note alter column body drop not null;",),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("drop not null"):
        table = migration.identity(action.relation)
        column = migration.column(table, action.name)
        if not migration.stood(table) or (column is not None and column.nullable):
            continue
        yield RULE.found(
            subject=f"{table}.{action.name}",
            message="Code that reads it may meet null from now on.",
            evidence="derived from the text and the schema",
            place=statement.place,
        )
