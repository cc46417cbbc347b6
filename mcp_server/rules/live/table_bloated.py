"""A table takes at least twice the room that its rows need.

The rest is room that dead rows left. New rows fill it again; only a rewrite gives it back, and that needs a strong lock or a tool
that works beside traffic (pg_repack).
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health, megabytes

RULE = Rule(code="H207", severity="info", form="project")
TIMES, LEAST, ROW_HEAD, PAGE = 2, 100 * MEGABYTE, 28, 8_168


def check(health: Health) -> Iterator[Finding]:
    for table in health.tables:
        if table.width is None or table.rows <= 0 or table.size < LEAST:
            continue
        a_page = max(PAGE * table.fillfactor // 100 // (table.width + ROW_HEAD), 1)
        needed = table.rows / a_page * 8_192
        if table.size > TIMES * needed:
            yield RULE.found(
                subject=table.identity,
                message=f"{table.identity} has {megabytes(table.size)}; its rows would fit into {megabytes(needed)}.",
                evidence=f"estimated: {table.rows:,.0f} rows of {table.width} bytes by the last ANALYZE",
            )
