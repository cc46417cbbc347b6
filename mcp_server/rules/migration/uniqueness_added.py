"""Rows that stood before must be unique from now on.

Where two of them are alike the statement fails, and CREATE UNIQUE INDEX CONCURRENTLY leaves an invalid index behind, which
has to be dropped. Where they are not, code that still writes duplicates gets errors. Look for duplicates first.
https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
"""

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Index
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M312",
    severity="info",
    given="create table task (id bigint primary key, slug text, title text); create unique index slugs on task (slug);",
    bad="create unique index concurrently titles on task (title);",
    good=(
        "create index concurrently titles on task (title);",
        "create unique index concurrently slugs_again on task (slug);",
        "create table note (id int); create unique index on note (id);",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("create index", "add constraint"):
        table = migration.identity(action.relation)
        if not _asks(action) or not migration.is_large(table) or _is_unique(migration, table, action.columns):
            continue
        columns = ", ".join(map(quote, action.columns)) if all(action.columns) else "its expressions"
        yield RULE.found(
            subject=table,
            message=f"Two rows of {table} alike in ({columns}) make it fail, and code that writes such rows fails afterwards: "
            "look for duplicates first.",
            evidence="derived from the text and the schema",
            place=statement.place,
        )


def _asks(action: Action) -> bool:
    """Whether an action asks rows to be unique that were not."""
    if action.verb == "create index":
        return "unique" in action.flags
    return action.kind in ("unique", "primary key") and "using index" not in action.flags


def _is_unique(migration: Migration, table: str, columns: tuple[str, ...]) -> bool:
    return any(
        index.unique and index.valid and not index.predicate and set(index.columns) <= set(columns)
        for index in migration.before.on(table, Index)
    )
