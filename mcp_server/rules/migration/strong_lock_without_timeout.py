"""A statement waits for a strong lock without a lock_timeout.

A lock that is instant to hold may take long to get: while it waits for one slow query, everybody else queues behind it,
and the table is down although nothing happens. With `SET lock_timeout = '3s'` the statement gives up instead, and is tried
again later.
https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
"""

import re
from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, Statement
from mcp_server.rules.cures import TIMEOUT

RULE = Rule(
    code="M126",
    severity="warning",
    given="create table task (id bigint primary key);",
    bad="alter table task add column due date;",
    good=(
        "set lock_timeout = '3s';\nalter table task add column due date;",
        "create table note (id int); alter table note add column due date;",
        "select set_config('lock_timeout', '3s', false);\nalter table task add column due date;",
    ),
)
_SETS = re.compile(r"(?<![.\w])lock_timeout\b'?\s*(?:=|to|,)\s*'?\s*(\w+)", re.IGNORECASE)
_OFF = ("0", "default", "0s", "0ms")


def check(migration: Migration) -> Iterator[Finding]:
    if migration.environment.has_lock_timeout:
        return
    waiting = [(one, lock.relation) for one in _unguarded(migration) for lock in migration.taken(one)]
    if not waiting:
        return
    first = waiting[0][0]
    relations = sorted({relation for _, relation in waiting})
    named = ", ".join(relations[:5]) + (f" and {len(relations) - 5} more" if len(relations) > 5 else "")
    script = f"{TIMEOUT};\n{first.sql.strip().rstrip(';')};" if len(migration.statements) == 1 else f"{TIMEOUT};"
    yield RULE.found(
        subject=relations[0],
        message=f"Waiting for the lock on {named}, it makes every other query wait behind it, without a limit.",
        evidence=migration.evidence(first),
        fix=script,
        place=first.place,
    )


def _unguarded(migration: Migration) -> Iterator[Statement]:
    """The statements that run while no lock_timeout is set. SET LOCAL ends with its transaction."""
    until: int | None = None
    guarded = False
    for statement in migration.statements:
        if until is not None and statement.transaction != until:
            guarded, until = False, None
        if found := _SETS.search(statement.sql):
            guarded = found[1].lower() not in _OFF
            local = re.search(r"\bset\s+local\b|,\s*true\s*\)", statement.sql, re.IGNORECASE)
            until = statement.transaction if guarded and local else None
        elif not guarded:
            yield statement
