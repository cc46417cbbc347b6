"""A timestamp gets or loses its time zone, and the session's TimeZone decides what that does.

timestamp to timestamptz keeps the rows when the session's TimeZone is UTC; in any other zone it rewrites the table under an
AccessExclusiveLock and reads every value as of that zone. `USING x AT TIME ZONE 'UTC'` says what is meant, and always
rewrites. Set the zone of the session that migrates: `SET timezone = 'UTC'`.
https://www.postgresql.org/docs/current/datatype-datetime.html
"""

import re
from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, Statement
from mcp_server.rules.cures import script

RULE = Rule(
    code="M114",
    severity="warning",
    given="create table task (id bigint primary key, due timestamp, name text);",
    bad="alter table task alter column due type timestamptz;",
    good=(
        "set timezone = 'UTC';\nalter table task alter column due type timestamptz;",
        "alter table task alter column due type timestamp;",
    ),
)
STAMPS = {"timestamp": "t", "timestamp without time zone": "t", "timestamptz": "z", "timestamp with time zone": "z"}
_PRECISION = re.compile(r"\(\d\)")
_ZONE = re.compile(r"\btime\s?zone\s*(?:=|to)?\s*'?(?:etc/)?(?:utc|gmt|uct)\b", re.IGNORECASE)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("alter column type"):
        table = migration.identity(action.relation)
        column = migration.column(table, action.name)
        if column is None or action.expression or not migration.is_large(table):
            continue
        kinds = {STAMPS.get(_PRECISION.sub("", name).lower()) for name in (column.type, action.type)}
        if kinds != {"t", "z"} or _zone_is_set(migration, statement):
            continue
        yield RULE.found(
            subject=column.identity,
            message=f"{column.type} to {action.type} is free only in a session whose TimeZone is UTC; in any other it writes "
            f"{table} anew under a lock that stops reads and writes, and shifts what the values mean.",
            evidence=migration.evidence(statement),
            fix=script("set timezone = 'UTC'", statement.sql),
            place=statement.place,
        )


def _zone_is_set(migration: Migration, statement: Statement) -> bool:
    earlier = migration.statements[: migration.statements.index(statement)]
    return any(_ZONE.search(one.sql) for one in earlier)
