"""A strong lock that an earlier statement of the transaction took is held while a table is read, filled or indexed.

A lock lasts until the transaction ends. An ALTER TABLE that is instant by itself stops everybody for as long as what comes
after it in the same transaction takes. Put what is slow into a transaction of its own, before or after.
https://www.postgresql.org/docs/current/explicit-locking.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.lock import MODES, Lock
from mcp_server.model.walked import Migration, Statement, stopped

RULE = Rule(
    code="M125",
    severity="error",
    given="create table task (id bigint primary key, title text); create table note (id bigint primary key, body text);"
    " insert into note select g, 'x' from generate_series(1, 10) g;",
    bad="begin;\nalter table task add column due date;\nupdate note set body = '' where body is null;\ncommit;",
    good=(
        "begin;\nalter table task add column due date;\ncommit;\nupdate note set body = '' where body is null;",
        "begin;\nalter table task add column due date;\nalter table note add column due date;\ncommit;",
        "begin;\nupdate note set body = '' where body is null;\nalter table task add column due date;\ncommit;",
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


def check(migration: Migration) -> Iterator[Finding]:
    told: set[tuple[int, str]] = set()
    for statement in migration.statements:
        kept = tuple(
            lock for lock in earlier(migration, statement) if (statement.transaction, lock.relation) not in told
        )
        if not kept or not is_slow(migration, statement) or _is_told_elsewhere(migration, statement):
            continue
        told |= {(statement.transaction, lock.relation) for lock in kept}
        origin = taker(migration, statement, kept[0])
        crossed = origin is not None and origin.revision != statement.revision
        yield RULE.found(
            subject=kept[0].relation,
            message=f"A lock taken earlier in the transaction{f' (by `{origin.sql[:60]}`)' if origin else ''} is held while "
            f"this statement works through a table: {stopped(kept)}."
            + (
                " Both revisions run in one transaction: set transaction_per_migration=True in env.py."
                if crossed
                else ""
            ),
            evidence=migration.evidence(statement),
            place=statement.place,
        )


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
