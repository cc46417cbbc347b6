"""A large table is read from end to end again and again.

Some query finds no index that serves it. explain_query shows which, recommend_indexes finds what serves it.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H201", severity="warning", form="project")
ROWS, TIMES, SHARE = 10_000, 100, 0.05


def check(health: Health) -> Iterator[Finding]:
    for table in health.tables:
        all_scans = table.scans + table.index_scans
        if table.rows < ROWS or table.scans < TIMES or table.scans < SHARE * all_scans:
            continue
        if table.rows_scanned / table.scans < 0.5 * table.rows:
            continue  # LIMIT or EXISTS ended most of them early
        yield RULE.found(
            subject=table.identity,
            message=f"{table.identity} ({table.rows:,.0f} rows) was read whole {table.scans:,} times.",
            evidence=f"observed: {table.rows_scanned:,} rows read so, {table.index_scans:,} scans by index, in "
            f"{health.server.counted_days:.1f} days of counting",
        )
