"""An index is rebuilt while nobody may write to the table.

REINDEX takes a ShareLock on the table and an AccessExclusiveLock on the index: writes wait, and so do reads that would use
the index. REINDEX ... CONCURRENTLY, outside of a transaction, builds a second index beside it.
https://www.postgresql.org/docs/current/sql-reindex.html#SQL-REINDEX-CONCURRENTLY
"""

import re
from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, stopped
from mcp_server.rules.cures import script

RULE = Rule(
    code="M121",
    severity="error",
    given="create table task (id bigint primary key, title text); create index task_title on task (title);",
    bad="reindex index task_title;",
    good=("reindex index concurrently task_title;", "reindex table concurrently task;"),
)
_TARGET = re.compile(r"\b(index|table|schema|database)\b", re.IGNORECASE)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("reindex"):
        blocked = migration.blocked(statement.effect_of(action))
        whole = action.kind in ("schema", "database", "system")
        if "concurrently" in action.flags or not (blocked or whole):
            continue
        yield RULE.found(
            subject=blocked[0].relation if blocked else action.name,
            message=f"The index is built anew, and meanwhile {stopped(blocked) or 'writes to every table wait'}.",
            evidence=migration.evidence(statement),
            fix=script(_TARGET.sub(r"\1 concurrently", statement.sql, count=1)),
            place=statement.place,
        )
