"""A partition is detached under a lock that stops reads and writes of the whole partitioned table.

DETACH PARTITION is instant once it has its AccessExclusiveLock on the parent and on the partition; everybody queues behind
it until then. DETACH PARTITION ... CONCURRENTLY, outside of a transaction and without a DEFAULT partition, stops nobody.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-DETACH-PARTITION
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Table
from mcp_server.model.walked import Migration
from mcp_server.rules.cures import script

RULE = Rule(
    code="M119",
    severity="warning",
    given="create table log (at date not null) partition by range (at);"
    " create table log_2026 partition of log for values from ('2026-01-01') to ('2027-01-01');",
    bad="alter table log detach partition log_2026;",
    good=("alter table log detach partition log_2026 concurrently;",),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("detach partition"):
        parent = migration.identity(action.relation)
        if "concurrently" in action.flags or "finalize" in action.flags or not migration.is_large(parent):
            continue
        has_rest = any(
            table.partition_of == parent and table.partition_bound == "DEFAULT" for table in migration.before.all(Table)
        )
        fix = "" if has_rest else script(statement.sql.strip().rstrip(";") + " concurrently")
        yield RULE.found(
            subject=migration.identity(action.references),
            message=f"Detaching stops reads and writes of the whole of {parent} while it waits for its lock.",
            evidence=migration.evidence(statement),
            fix=fix,
            place=statement.place,
        )
