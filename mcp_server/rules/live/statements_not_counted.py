"""No statement is counted, so nobody can say which ones cost the most.

The extension counts calls, times and rows of every statement at a few percent of the time, and needs one restart.
https://www.postgresql.org/docs/current/pgstatstatements.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H701", severity="info", form="project")


def check(health: Health) -> Iterator[Finding]:
    server = health.server
    loaded = server.neon or "pg_stat_statements" in server.settings.get("shared_preload_libraries", "")
    if server.statements_schema is None:
        first = (
            "" if loaded else "-- shared_preload_libraries = 'pg_stat_statements' in postgresql.conf, then a restart\n"
        )
        yield RULE.found(
            subject=f"database {server.database}",
            message="pg_stat_statements is not installed here.",
            evidence="observed: no such extension in this database",
            fix=f"{first}create extension pg_stat_statements;",
        )
    elif health.evicted:
        yield RULE.found(
            subject="pg_stat_statements",
            message=f"pg_stat_statements threw out texts {health.evicted:,} times for want of room: its sums are too low.",
            evidence="observed: pg_stat_statements_info.dealloc; literals written into SQL instead of parameters are the usual cause",
            fix="alter system set pg_stat_statements.max = 10000;  -- then a restart",
        )
