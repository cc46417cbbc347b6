"""An index is made CONCURRENTLY with IF NOT EXISTS, so a second try takes a broken index for a finished one.

A concurrent build that fails leaves an INVALID index of that name. The next run finds the name, does nothing, and the
migration counts as done: queries do not use the index, and a unique one may not guard. Drop the leftover first.
https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import qualified, quote, split
from mcp_server.model.walked import Migration
from mcp_server.rules.cures import concurrently, script

RULE = Rule(
    code="M305",
    severity="warning",
    given="create table task (id bigint primary key, title text);",
    bad="create index concurrently if not exists task_title on task (title);",
    good=(
        "drop index concurrently if exists task_title;\ncreate index concurrently task_title on task (title);",
        "drop index concurrently if exists task_title;\ncreate index concurrently if not exists task_title on task (title);",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    cleaned = {migration.identity(action.relation or action.name) for _, action in migration.each("drop index")}
    for statement, action in migration.each("create index"):
        table = migration.identity(action.relation)
        plain = split(action.name)[-1] if action.name else ""
        index = qualified(split(table)[0], plain)
        if not {"concurrently", "if not exists"} <= action.flags or index in cleaned or not migration.stood(table):
            continue
        yield RULE.found(
            subject=index,
            message="After a build that failed, IF NOT EXISTS finds its INVALID leftover and reports success.",
            evidence=migration.evidence(statement),
            fix=script(f"drop index concurrently if exists {quote(plain)}", concurrently(statement.sql)),
            place=statement.place,
        )
