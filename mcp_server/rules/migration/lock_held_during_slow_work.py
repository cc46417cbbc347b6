"""A strong lock that an earlier statement of the transaction took is held while a table is verified, written anew or indexed.

A lock lasts until the transaction ends. An ALTER TABLE that is instant by itself stops everybody for as long as what comes
after it in the same transaction takes. Put what is slow into a transaction of its own, before or after. What works on rows
alone (UPDATE, INSERT ... SELECT) is M135.
https://www.postgresql.org/docs/current/explicit-locking.html
"""

import re
from collections.abc import Iterator

from mcp_server.model.action import DATA_VERBS
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.lock import MODES, Lock
from mcp_server.model.walked import Migration, Statement, stopped

RULE = Rule(
    code="M125",
    severity="error",
    given="create table task (id bigint primary key); create table note (id bigint primary key, body text);"
    " alter table note add constraint filled check (body <> '') not valid;",
    bad="begin;\nalter table task add column due date;\nalter table note validate constraint filled;\ncommit;",
    good=(
        "begin;\nalter table task add column due date;\ncommit;\nalter table note validate constraint filled;",
        "begin;\nalter table task add column due date;\nalter table note add column due date;\ncommit;",
        "begin;\nalter table note validate constraint filled;\nalter table task add column due date;\ncommit;",
    ),
)
# What a statement itself needs; ALTER TABLE's commands that are slow need an AccessExclusiveLock and have rules of their own.
OWN = {
    "select": "AccessShareLock",
    "insert": "RowExclusiveLock",
    "update": "RowExclusiveLock",
    "delete": "RowExclusiveLock",
    "merge": "RowExclusiveLock",
    "validate constraint": "ShareUpdateExclusiveLock",
    "create index": "ShareLock",
    "add constraint": "ShareRowExclusiveLock",
}


# What Postgres says at DEBUG1 of DDL that reads rows: ATRewriteTable() and validateForeignKeyConstraint() of tablecmds.c.
VERIFYING = re.compile(r"(?:verifying|rewriting) table|validating foreign key|building index")
ON_ROWS = (*DATA_VERBS, "create table as", "create materialized view", "do", "execute", "call", "explain", "prepare")


def check(migration: Migration) -> Iterator[Finding]:
    for statement, kept in windows(migration):
        if works_on_rows(statement):
            continue
        yield RULE.found(
            subject=kept[0].relation,
            message=f"{origin_of(migration, statement, kept[0])} is held while this statement works through a table: "
            f"{stopped(kept)}.{advice(migration, statement, kept[0])}",
            evidence=migration.evidence(statement),
            place=statement.place,
        )


def windows(migration: Migration) -> Iterator[tuple[Statement, tuple[Lock, ...]]]:
    """Slow statements with the locks of earlier ones that are held meanwhile; each lock once for rows and once for the rest."""
    told: set[tuple[int, str, bool]] = set()
    for statement in migration.statements:
        if not is_slow(migration, statement) or _is_told_elsewhere(migration, statement):
            continue
        on_rows = works_on_rows(statement)
        marks = {(statement.transaction, lock.relation, on_rows): lock for lock in earlier(migration, statement)}
        kept = tuple(lock for mark, lock in marks.items() if mark not in told)
        if kept:
            told |= marks.keys()
            yield statement, kept


def works_on_rows(statement: Statement) -> bool:
    """Whether it reads and writes rows as a program does, and Postgres neither verifies, rewrites nor indexes a table for it."""
    effect = statement.effect
    if effect.rewrites or effect.builds or not statement.actions:
        return False
    verifies = any(VERIFYING.match(line) for line in statement.evidence)
    return not verifies and all(action.verb in ON_ROWS for action in statement.actions)


def origin_of(migration: Migration, statement: Statement, lock: Lock) -> str:
    """Where a lock came from, as the beginning of a sentence."""
    origin = taker(migration, statement, lock)
    sql = " ".join(origin.sql.split())[:60] if origin else ""
    return f"A lock taken earlier in the transaction{f' (by `{sql}`)' if sql else ''}"


def advice(migration: Migration, statement: Statement, lock: Lock) -> str:
    """What to do where the lock is another revision's."""
    origin = taker(migration, statement, lock)
    if origin is None or origin.revision == statement.revision:
        return ""
    return " Both revisions run in one transaction: set transaction_per_migration=True in env.py."


def is_slow(migration: Migration, statement: Statement) -> bool:
    """Whether a statement takes as long as a large table has rows."""
    effect = statement.effect
    worked = {migration.table_of(name) for name in (*effect.rewrites, *effect.scans, *effect.builds)}
    return any(migration.is_large(name) for name in worked)


def earlier(migration: Migration, statement: Statement) -> tuple[Lock, ...]:
    """The blocking locks on large tables that were held before a statement, and that are more than it needs itself."""
    need = max((MODES.index(OWN.get(action.verb, "AccessExclusiveLock")) for action in statement.actions), default=7)
    fresh = {lock.relation: MODES.index(lock.mode) for lock in statement.fresh}
    touched = {migration.identity(action.relation) for action in statement.actions if action.relation}
    return tuple(
        lock
        for lock in statement.effect.locks
        if lock.is_blocking
        and migration.is_large(lock.relation)
        and fresh.get(lock.relation, -1) < MODES.index(lock.mode)
        and (lock.relation not in touched or need < MODES.index(lock.mode))
    )


def taker(migration: Migration, statement: Statement, lock: Lock) -> Statement | None:
    """The statement of the same transaction that took a lock."""
    before = migration.statements[: migration.statements.index(statement)]
    return next((one for one in before if one.transaction == statement.transaction and lock in one.fresh), None)


def _is_told_elsewhere(migration: Migration, statement: Statement) -> bool:
    """Whether validated_in_the_same_transaction speaks of it."""
    names = {action.name for action in statement.actions if action.verb == "validate constraint"}
    return any(
        action.name in names and "not valid" in action.flags and one.transaction == statement.transaction
        for one, action in migration.each("add constraint")
    )
