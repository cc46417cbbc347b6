"""Nearly no update of a table stays on its page, so each writes every index anew.

An update is cheap (HOT) when no indexed column changes and the page has room. Room is what `fillfactor` keeps.
https://www.postgresql.org/docs/current/storage-hot.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H109", severity="info", form="project")
MANY, FEW_HOT = 10_000, 0.1


def check(health: Health) -> Iterator[Finding]:
    for table in health.tables:
        if table.updated < MANY or table.hot_updated >= FEW_HOT * table.updated:
            continue
        moved = table.new_page_updates
        full = moved is not None and moved > 0.2 * table.updated and table.fillfactor == 100
        yield RULE.found(
            subject=table.identity,
            message=f"Of {table.updated:,} updates of {table.identity} {table.hot_updated:,} stayed on their page; the others wrote "
            f"all {table.indexes} indexes." + ("" if full else " An index on a column that they change prevents it."),
            evidence=f"observed: counters of {health.server.counted_days:.0f} days"
            + (f"; {moved:,} updates found no room on their page" if moved is not None else ""),
            fix=f"alter table {table.identity} set (fillfactor = 85);" if full else "",
        )
