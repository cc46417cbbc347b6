"""The planner guesses with statistics from before a large part of a table changed, or with none.

Row counts and the spread of values decide between an index and a whole read, and in which order tables are joined.
https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-STATISTICS
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H203", severity="warning", form="project")
CHANGED, SHARE, LEAST = 10_000, 0.1, 1_000


def check(health: Health) -> Iterator[Finding]:
    for table in health.tables:
        stale = table.changed_since_analyze >= max(CHANGED, SHARE * max(table.rows, table.live))
        never = table.rows < 0 and max(table.live, table.inserted) >= LEAST
        if not stale and not never:
            continue
        changed = f"{table.changed_since_analyze:,} rows changed since the last ANALYZE"
        yield RULE.found(
            subject=table.identity,
            message=f"The statistics of {table.identity} are {'missing' if never else 'old'}: plans for it are guesses.",
            evidence="observed: it was never analyzed" if never else f"observed: {changed}",
            fix=f"analyze {table.identity};",
        )
