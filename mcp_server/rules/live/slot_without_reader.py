"""A replication slot without a reader keeps WAL until the disk is full.

A subscriber or a backup tool that was taken away leaves it behind; the server stops when the disk is full.
https://www.postgresql.org/docs/current/warm-standby.html#STREAMING-REPLICATION-SLOTS
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health, megabytes

RULE = Rule(code="H601", severity="error", form="project")


def check(health: Health) -> Iterator[Finding]:
    for slot in health.slots:
        if not slot.active:
            kept = "an unknown amount of" if slot.retained is None else megabytes(slot.retained)
            yield RULE.found(
                subject=f"slot {slot.name}",
                message=f"Nobody reads slot {slot.name}; it keeps {kept} WAL.",
                evidence="observed: pg_replication_slots.active is false",
                fix="select pg_drop_replication_slot('" + slot.name.replace("'", "''") + "');",
                severity="error" if (slot.retained or 0) >= 1024 * MEGABYTE else "warning",
            )
