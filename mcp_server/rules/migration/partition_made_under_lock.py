"""A partition is made in place, which stops reads and writes of the whole partitioned table for a moment.

CREATE TABLE ... PARTITION OF takes an AccessExclusiveLock on the parent. It is instant once it has it, and everybody queues
behind it until then. Make the table by itself (LIKE the parent) and ATTACH it: that needs a ShareUpdateExclusiveLock only.
https://www.postgresql.org/docs/current/ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Table
from mcp_server.model.walked import Migration
from mcp_server.rules.cures import script

RULE = Rule(
    code="M118",
    severity="warning",
    given="create table log (at date not null) partition by range (at);"
    " create table log_2026 partition of log for values from ('2026-01-01') to ('2027-01-01');",
    bad="create table log_2027 partition of log for values from ('2027-01-01') to ('2028-01-01');",
    good=(
        "create table log_2027 (like log including all);\n"
        "alter table log attach partition log_2027 for values from ('2027-01-01') to ('2028-01-01');",
        "create table note (at date) partition by range (at);\n"
        "create table note_2027 partition of note for values from ('2027-01-01') to ('2028-01-01');",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("create table"):
        made = migration.end.get(Table, migration.identity(action.relation or action.name))
        parent = migration.identity(action.references) if action.references else ""
        if "partition of" not in action.flags or not migration.is_large(parent):
            continue
        yield RULE.found(
            subject=made.identity if made else parent,
            message=f"The lock that stops reads and writes is taken on the whole of {parent}.",
            evidence=migration.evidence(statement),
            fix=_fix(made),
            place=statement.place,
        )


def _fix(made: Table | None) -> str:
    if made is None or made.partition_by:
        return ""
    return script(
        f"create table {made.identity} (like {made.partition_of} including all)",
        f"alter table {made.partition_of} attach partition {made.identity} {made.partition_bound}",
    )
