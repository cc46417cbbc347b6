"""No query has used an index for as long as the counters count.

It costs every write, every vacuum and its room. Uniqueness, keys and what serves a foreign key are not counted here. Standbys
have counters of their own: look there, too, before it is dropped.
https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ALL-INDEXES-VIEW
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health, megabytes

RULE = Rule(code="H102", severity="warning", form="project")
DAYS, LEAST = 7, MEGABYTE


def check(health: Health) -> Iterator[Finding]:
    if health.server.counted_days < DAYS or health.server.standby:
        return
    for index in health.indexes:
        if index.scans or index.constrains or index.serves_key or not index.valid or index.size < LEAST:
            continue
        yield RULE.found(
            subject=index.identity,
            message=f"{index.identity} ({megabytes(index.size)}) was not used once by any query here.",
            evidence=f"observed: 0 scans in {health.server.counted_days:.0f} days of counting; "
            f"{health.table(index.table).written:,} rows of {index.table} written meanwhile",
            fix=f"drop index concurrently {index.identity};",
        )
