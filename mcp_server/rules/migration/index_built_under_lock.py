"""An index is built while nobody may write to the table.

CREATE INDEX takes a ShareLock and reads the whole table; every INSERT, UPDATE and DELETE waits until it is done. With
CONCURRENTLY, outside of a transaction, it waits for others instead. A build that fails leaves an INVALID index behind,
which must be dropped before the next try. On a partitioned table CONCURRENTLY is not possible: make the index ON ONLY
the parent, build one on each partition CONCURRENTLY, and attach them.
https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Table
from mcp_server.model.walked import Migration, stopped
from mcp_server.rules.cures import concurrently, script

RULE = Rule(
    code="M101",
    severity="error",
    given="create table task (id bigint primary key, title text); insert into task select g, 'x' from generate_series(1, 10) g;",
    bad="create index task_title on task (title);",
    good=(
        "create index concurrently task_title on task (title);",
        "create table note (id bigint primary key, body text); create index note_body on note (body);",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("create index"):
        blocked = migration.blocked(statement.effect_of(action))
        if not blocked or "concurrently" in action.flags:
            continue
        table = migration.identity(action.relation)
        relation = migration.before.get(Table, table)
        partitioned = relation is not None and relation.kind == "partitioned"
        yield RULE.found(
            subject=table,
            message=f"Building the index reads {table} whole, and meanwhile {stopped(blocked)}.",
            evidence=migration.evidence(statement),
            fix="" if partitioned or "in do" in action.flags else script(concurrently(statement.sql)),
            place=statement.place,
        )
