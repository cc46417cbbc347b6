"""A fifth of a table and more are dead rows that vacuum has not cleared.

Every scan reads them, too. Vacuum comes too seldom for this table, or something holds it back (H505).
https://www.postgresql.org/docs/current/routine-vacuuming.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H202", severity="warning", form="project")
DEAD, SHARE = 10_000, 0.2


def check(health: Health) -> Iterator[Finding]:
    for table in health.tables:
        if table.dead < DEAD or table.dead < SHARE * (table.live + table.dead):
            continue
        last = "never" if table.vacuumed_days is None else f"{table.vacuumed_days:.1f} days ago"
        yield RULE.found(
            subject=table.identity,
            message=f"{table.identity} has {table.dead:,} dead rows beside {table.live:,} live ones.",
            evidence=f"estimated by the server's counters; last vacuum: {last}",
            fix=f"vacuum (analyze) {table.identity};\n"
            f"alter table {table.identity} set (autovacuum_vacuum_scale_factor = 0.05);",
        )
