"""What a session that runs DDL must say of itself, because no other session can see it before the commit.

Locks, and of the relations that they are on files (`relfilenode`) and counters of scans: a rewrite, a scan and a check
leave their lock until the transaction ends. The same text is sent by our own connection and by the user's driver.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Written out, so that no operator of others along the search_path is taken for them.
SAME, SINCE = "operator(pg_catalog.=)", "operator(pg_catalog.>=)"
FORCES_FLUSH = 150000  # pg_stat_force_next_flush(): else the counters of an earlier transaction may still be there
TABLE_KINDS = ("r", "p", "m", "v", "f")
# What initdb makes has ids below; those of two schemas never change:
# https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/access/transam.h (FirstNormalObjectId),
# src/include/catalog/pg_namespace.dat
FIRST_OWN, PG_CATALOG, PG_TOAST = 16384, 11, 99
VALIDATING = "validating foreign key constraint"


@dataclass(frozen=True, slots=True)
class Touched:
    """A relation that a transaction holds a lock on, as the transaction itself sees it now.

    kind: pg_class.relkind. file: relfilenode, 0 for none. scans: sequential ones since the transaction began.
    """

    id: int
    name: str
    kind: str
    file: int
    scans: int


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key of a touched relation. table, references: relation ids."""

    name: str
    table: int
    references: int


@dataclass(frozen=True, slots=True)
class SessionState:
    """What a session said of itself. pid: of its backend. transaction: its virtual transaction.

    locks: relation id and mode, but for Postgres's own relations; also of what the transaction has dropped.
    """

    pid: int
    transaction: str = ""
    locks: tuple[tuple[int, str], ...] = ()
    touched: tuple[Touched, ...] = ()
    keys: tuple[ForeignKey, ...] = ()

    def named(self, name: str) -> Iterator[Touched]:
        """The tables of that name, in whatever schema: Postgres's own messages say no more."""
        return (one for one in self.touched if one.name == name and one.kind in TABLE_KINDS)


def state_sql(server_version: int) -> str:
    """The question: one row of the backend's pid, its virtual transaction and a JSON text, for read_state().

    Without `%` and `:`, which drivers read. It is asked in the session that is watched, so nothing in it is looked up
    along that session's search_path. Asked after every statement: one pass over the locks, and nothing that takes long
    to plan.
    """
    flush = "pg_catalog.pg_stat_force_next_flush()" if server_version >= FORCES_FLUSH else "null"
    same, since = SAME, SINCE
    return f"""
        select pg_catalog.pg_backend_pid(), pg_catalog.max(l.virtualtransaction),
          cast(pg_catalog.json_agg(pg_catalog.json_build_array(cast(l.relation as bigint), l.mode, c.relname, c.relkind,
            cast(c.relfilenode as bigint), pg_catalog.pg_stat_get_xact_numscans(c.oid)))
            filter (where l.locktype {same} 'relation' and l.relation {since} {FIRST_OWN}) as pg_catalog.text), {flush}
        from pg_catalog.pg_lock_status() l
        left join pg_catalog.pg_class c on c.oid {same} l.relation and l.locktype {same} 'relation'
          and l.relation {since} {FIRST_OWN}
          and c.relnamespace operator(pg_catalog.<>) all (cast(array[{PG_CATALOG}, {PG_TOAST}] as pg_catalog.oid[]))
        where l.pid {same} pg_catalog.pg_backend_pid() and l.granted
    """


def keys_sql() -> str:
    """Another: one row of a JSON text, the foreign keys of the relations that are locked. For read_state()."""
    return f"""
        select cast(pg_catalog.json_agg(pg_catalog.json_build_array(
          conname, cast(conrelid as bigint), cast(confrelid as bigint))) as pg_catalog.text)
        from pg_catalog.pg_constraint where contype {SAME} 'f' and conrelid {SAME} any (
          select relation from pg_catalog.pg_locks where pid {SAME} pg_catalog.pg_backend_pid() and granted
            and locktype {SAME} 'relation' and relation {SINCE} {FIRST_OWN})
    """


def wants_keys(messages: Iterable[str]) -> bool:
    """Whether what Postgres said of a statement is understood only with the foreign keys at hand."""
    return any(message.startswith(VALIDATING) for message in messages)


def read_state(pid: int, transaction: str, held: str | None, keys: str | None = None) -> SessionState:
    """The answers to state_sql() and keys_sql()."""
    given = json.loads(held or "[]")
    standing = {each[0]: Touched(each[0], *each[2:]) for each in given if each[2] is not None}
    return SessionState(
        pid,
        transaction,
        tuple((each[0], each[1]) for each in given),  # what was dropped is locked, too, and has no row any more
        tuple(standing.values()),
        tuple(ForeignKey(*each) for each in json.loads(keys or "null") or ()),
    )
