"""Little of a large table is known to be visible to all, so index-only scans read the table after all.

Only vacuum says so. Tables that are only inserted into are vacuumed by a rule of their own.
https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-VISIBILITY-MAP
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H205", severity="info", form="project")
PAGES, SHARE, READS = 10_000, 0.5, 1_000


def check(health: Health) -> Iterator[Finding]:
    for table in health.tables:
        if table.pages >= PAGES and table.visible_pages < SHARE * table.pages and table.index_scans >= READS:
            yield RULE.found(
                subject=table.identity,
                message=f"{table.visible_pages / table.pages:.0%} of {table.identity} are known to be visible to all.",
                evidence=f"observed: {table.visible_pages:,} of {table.pages:,} pages, {table.inserted_since_vacuum:,} rows inserted since vacuum",
                fix=f"vacuum {table.identity};\n"
                f"alter table {table.identity} set (autovacuum_vacuum_insert_scale_factor = 0.05);",
            )
