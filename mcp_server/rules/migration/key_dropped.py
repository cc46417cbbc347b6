"""A primary key or unique constraint is dropped, and nothing guards against doubles any more.

INSERT ... ON CONFLICT that names its columns fails at once, and doubles that come in meanwhile keep it from being made
again. Make the new key first, then drop the old one.
https://www.postgresql.org/docs/current/sql-insert.html#SQL-ON-CONFLICT
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Constraint, Index
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M406",
    severity="warning",
    given="create table task (id bigint primary key, slug text constraint slugs unique, size int constraint sizes check (size > 0));",
    bad="alter table task drop constraint slugs;",
    good=(
        "create unique index concurrently slug on task (slug);\nalter table task drop constraint slugs;",
        "alter table task drop constraint sizes;",
    ),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("drop constraint"):
        table = migration.identity(action.relation)
        key = migration.before.get(Constraint, f"{table}.{quote(action.name)}")
        if key is None or key.kind not in ("p", "u"):
            continue
        guarded = any(
            index.unique and not index.predicate and sorted(index.columns) == sorted(key.columns)
            for index in migration.end.on(table, Index)
        )
        if guarded or not migration.end.group(table):
            continue
        yield RULE.found(
            subject=key.identity,
            message=f"Nothing keeps ({', '.join(key.columns)}) unique any more, and ON CONFLICT on it fails at once.",
            evidence="derived from the schema after the migration",
            place=statement.place,
        )
