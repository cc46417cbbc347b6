"""The default of a column that must not be null is dropped, and code that leaves the column out fails.

DROP DEFAULT is instant, and changes no row. Deploy the code that gives a value itself first, then drop the default.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Column
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M405",
    severity="warning",
    given="create table task (id bigint primary key, size int not null default 1, weight int default 1);",
    bad="alter table task alter column size drop default;",
    good=(
        "alter table task alter column weight drop default;",
        "begin;\nalter table task alter column size drop default;\nalter table task alter column size set default 2;\ncommit;",
    ),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("drop default"):
        table = migration.identity(action.relation)
        column = migration.column(table, action.name)
        end = migration.end.get(Column, f"{table}.{quote(action.name)}")
        if column is None or column.nullable or end is None or end.default is not None or end.identity_kind:
            continue
        yield RULE.found(
            subject=column.identity,
            message="Code that inserts without naming the column fails from now on.",
            evidence="derived from the text and the schema",
            place=statement.place,
        )
