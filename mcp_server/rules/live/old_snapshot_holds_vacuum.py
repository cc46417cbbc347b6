"""An old transaction keeps vacuum from removing dead rows anywhere in the database.

A report that runs for hours, a forgotten session or a prepared transaction is enough; tables grow meanwhile.
https://www.postgresql.org/docs/current/routine-vacuuming.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H505", severity="warning", form="project")
TRANSACTIONS, SECONDS = 1_000_000, 3_600


def check(health: Health) -> Iterator[Finding]:
    for session in health.sessions:
        old = (session.snapshot_age or 0) >= TRANSACTIONS
        if session.snapshot_age is not None and (old or (session.transaction_seconds or 0) >= SECONDS):
            yield RULE.found(
                subject=f"session {session.pid}",
                message=f"Session {session.pid} ({session.application or session.role or 'unknown'}) has a snapshot of "
                f"{session.snapshot_age:,} transactions ago, {session.transaction_seconds or 0:,.0f} s old.",
                evidence=f"observed: {session.statement or 'its statement is not shown to this role'}",
                fix=f"select pg_terminate_backend({session.pid});",
            )
    prepared = health.server.prepared_seconds or 0
    if prepared >= SECONDS:
        yield RULE.found(
            subject="prepared transactions",
            message=f"A prepared transaction stands open for {prepared:,.0f} s.",
            evidence="observed: pg_prepared_xacts",
            fix="select gid, prepared, owner from pg_prepared_xacts;  -- then COMMIT PREPARED or ROLLBACK PREPARED",
        )
