"""An index is dropped under a lock that stops reads and writes.

DROP INDEX is instant, but it must get an AccessExclusiveLock on the table first, and while it waits for the longest
running query, every other query waits behind it. DROP INDEX CONCURRENTLY waits without stopping anybody.
https://www.postgresql.org/docs/current/sql-dropindex.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Index
from mcp_server.model.walked import Migration
from mcp_server.rules.cures import concurrently, script

RULE = Rule(
    code="M102",
    severity="warning",
    given="create table task (id bigint primary key, title text); create index task_title on task (title);",
    bad="drop index task_title;",
    good=(
        "drop index concurrently task_title;",
        "create table note (id int, body text); create index note_body on note (body); drop index note_body;",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("drop index"):
        name = migration.identity(action.relation or action.name)
        index = migration.before.get(Index, name)
        if "concurrently" in action.flags or (index is None and statement.is_observed):
            continue
        table = index.table if index else name
        if index is not None and (index.parent or not migration.is_large(table)):
            continue
        yield RULE.found(
            subject=name,
            message=f"Dropping {name} needs an AccessExclusiveLock on {table}: reads and writes queue behind it.",
            evidence=migration.evidence(statement),
            fix=script(concurrently(statement.sql)) if len(statement.actions) == 1 else "",
            place=statement.place,
        )
