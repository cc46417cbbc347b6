"""What a session that runs DDL must say of itself, because no other session can see it before the commit.

Locks, and of the relations that they are on files (`relfilenode`) and counters of scans: a rewrite, a scan and a check
leave their lock until the transaction ends. The same text is sent by our own connection and by the user's driver.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

FORCES_FLUSH = 150000  # pg_stat_force_next_flush(): else the counters of an earlier transaction may still be there
TABLE_KINDS = ("r", "p", "m", "v", "f")


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
    """What a session said of itself. pid: of its backend. transaction: its virtual transaction. locks: relation id, mode."""

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
    along that session's search_path.
    """
    flush = "pg_catalog.pg_stat_force_next_flush()" if server_version >= FORCES_FLUSH else "null"
    same = "operator(pg_catalog.=)"
    return f"""
        with held as materialized (
          select locktype, virtualtransaction, relation, mode
          from pg_catalog.pg_locks where pid {same} pg_catalog.pg_backend_pid() and granted
        ), touched as (
          select c.oid, c.relname, c.relkind, c.relfilenode
          from pg_catalog.pg_class c
          join pg_catalog.pg_namespace n on n.oid {same} c.relnamespace
          where c.oid {same} any (select relation from held)
            and n.nspname operator(pg_catalog.<>) all
              (cast(array['pg_catalog', 'information_schema', 'pg_toast'] as pg_catalog.name[]))
        )
        select pg_catalog.pg_backend_pid(),
          (select virtualtransaction from held where locktype {same} 'virtualxid' limit 1),
          cast(pg_catalog.json_build_object(
            'locks', (select pg_catalog.json_agg(pg_catalog.json_build_array(cast(relation as bigint), mode))
              from held where locktype {same} 'relation'),
            'touched', (select pg_catalog.json_agg(pg_catalog.json_build_array(
              cast(oid as bigint), relname, relkind, cast(relfilenode as bigint),
              pg_catalog.pg_stat_get_xact_numscans(oid))) from touched),
            'keys', (select pg_catalog.json_agg(pg_catalog.json_build_array(
              conname, cast(conrelid as bigint), cast(confrelid as bigint)))
              from pg_catalog.pg_constraint
              where contype {same} 'f' and conrelid {same} any (select oid from touched))
          ) as pg_catalog.text), {flush}
    """


def read_state(pid: int, transaction: str, document: str) -> SessionState:
    """The answer to state_sql()."""
    given = json.loads(document)
    return SessionState(
        pid,
        transaction,
        tuple((int(relation), str(mode)) for relation, mode in given["locks"] or ()),
        tuple(Touched(*each) for each in given["touched"] or ()),
        tuple(ForeignKey(*each) for each in given["keys"] or ()),
    )
