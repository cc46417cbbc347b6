"""A new partition makes Postgres read the whole DEFAULT partition, which nobody may read or write meanwhile.

The DEFAULT partition may hold rows that belong to the new one, so it is checked under an AccessExclusiveLock; with CREATE
TABLE ... PARTITION OF as with ATTACH. A valid CHECK on the DEFAULT partition that excludes the new bounds spares the scan.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ATTACH-PARTITION
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Table
from mcp_server.model.walked import Migration, stopped

RULE = Rule(
    code="M117",
    severity="error",
    given="create table log (at date not null) partition by range (at); create table log_rest partition of log default;",
    bad="create table log_2027 (like log);\n"
    "alter table log attach partition log_2027 for values from ('2027-01-01') to ('2028-01-01');",
    good=(
        "alter table log_rest add constraint others check (at < '2027-01-01' or at >= '2028-01-01') not valid;\n"
        "alter table log_rest validate constraint others;\n"
        "create table log_2027 (like log);\n"
        "alter table log attach partition log_2027 for values from ('2027-01-01') to ('2028-01-01');",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    rest = {table.identity for table in migration.before.all(Table) if table.partition_bound == "DEFAULT"}
    for statement, action in migration.each("attach partition", "create table"):
        blocked = tuple(one for one in migration.blocked(statement.effect_of(action)) if one.relation in rest)
        if not blocked:
            continue
        yield RULE.found(
            subject=blocked[0].relation,
            message=f"The DEFAULT partition is read whole for rows of the new one, and meanwhile {stopped(blocked)}. "
            "Validate a CHECK on it that leaves out the new bounds before.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
