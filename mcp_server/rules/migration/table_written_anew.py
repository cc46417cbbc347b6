"""A table is written anew as a whole, while nobody may read or write it.

CLUSTER, VACUUM FULL, SET LOGGED, SET UNLOGGED, SET ACCESS METHOD and SET TABLESPACE copy every row under an
AccessExclusiveLock. Where space is to be won back, pg_repack or a copy beside the table does it while others work.
https://www.postgresql.org/docs/current/sql-vacuum.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, stopped

RULE = Rule(
    code="M120",
    severity="error",
    given="create table task (id bigint primary key, title text);",
    bad="alter table task set unlogged;",
    good=("alter table task set (fillfactor = 70);", "create table note (id int); alter table note set unlogged;"),
)
OTHERS = {
    "add column", "alter column type", "add constraint", "set not null", "create index", "reindex", "set expression",
    "refresh materialized view", "truncate", "attach partition", "create table", "validate constraint", "alter domain",
    "insert", "update", "delete", "select", "merge", "copy", "do", "call", "lock table", "drop column", "add identity",
    "table column", "table constraint", "table like", "add domain constraint", "validate domain constraint", "create table as", "create materialized view",
}  # fmt: skip


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each():
        effect = statement.effect_of(action)
        blocked = migration.blocked(effect)
        if action.verb in OTHERS or not effect.rewrites or not blocked:
            continue
        tables = ", ".join(lock.relation for lock in blocked)
        yield RULE.found(
            subject=blocked[0].relation,
            message=f"Every row of {tables} is copied to a new file, and meanwhile {stopped(blocked)}.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
