"""What a running server says of itself at one moment: settings, counters, sessions, statements. Never part of a Schema.

Ages are in days or seconds as named; None where nothing is known: never done, not counted, or not shown to this role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

AREAS = {
    "1": "indexes",
    "2": "tables",
    "3": "limits",
    "4": "memory",
    "5": "connections",
    "6": "replication",
    "7": "statements",
    "8": "security",
    "9": "neon",
}


MEGABYTE = 2**20


def megabytes(number: float) -> str:
    """Bytes in MB or GB, as a finding says them: `12 MB`, `3.4 GB`."""
    return f"{number / MEGABYTE:,.0f} MB" if number < 1000 * MEGABYTE else f"{number / 2**30:,.1f} GB"


def brief(query: str, limit: int = 80) -> str:
    """The beginning of a statement on one line."""
    line = " ".join(query.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """The server and the database that was asked. Counters are since `stats_days` ago, or since ever when that is None.

    settings: as sessions get them, in the setting's own unit. xid_age, multixact_age: of the oldest unfrozen row.
    prepared_seconds: age of the oldest prepared transaction. statements_schema: where pg_stat_statements is installed;
    tuples_schema: where pgstattuple is, if this role may use it.
    """

    version: int
    database: str = ""
    role: str = ""
    superuser: bool = False
    bypasses_row_security: bool = False
    creates_roles: bool = False
    encrypted: bool | None = None
    remote: bool = False
    neon: bool = False
    standby: bool = False
    public_may_create: bool = False
    row_security_tables: int = 0
    stats_days: float | None = None
    up_days: float = 0
    size: int = 0
    connections: int = 0
    max_connections: int = 100
    hits: int = 0
    reads: int = 0
    temp_files: int = 0
    temp_bytes: int = 0
    deadlocks: int = 0
    xid_age: int = 0
    multixact_age: int = 0
    prepared_seconds: float | None = None
    checkpoints_timed: int = 0
    checkpoints_requested: int = 0
    archiving_fails: bool = False
    statements_schema: str | None = None
    tuples_schema: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def counted_days(self) -> float:
        """For how many days, at least, the counters have counted; on Neon they begin anew when a compute wakes."""
        since = self.up_days if self.stats_days is None else self.stats_days
        return min(since, self.up_days) if self.neon else since

    def number(self, setting: str) -> float | None:
        """A setting as a number, in its own unit."""
        text = self.settings.get(setting, "")
        return float(text) if text.replace(".", "", 1).lstrip("-").isdigit() else None


@dataclass(frozen=True, slots=True)
class TableHealth:
    """A table, or materialised view, in use.

    identity: as in a Schema. rows: the planner's estimate, -1 for never counted. size: bytes of the heap; index_size: of
    all its indexes. width: bytes of a row by the statistics, without what is kept apart (TOAST): toast_size bytes, of which
    toast_blocks pages were asked for. wide_columns: those of long or many bytes, the widest first. rows_fetched: by its
    indexes. new_page_updates: 16 and newer.
    """

    identity: str
    rows: float = -1
    size: int = 0
    index_size: int = 0
    indexes: int = 0
    pages: int = 0
    visible_pages: int = 0
    width: int | None = None
    wide_columns: tuple[str, ...] = ()
    toast_size: int = 0
    toast_blocks: int = 0
    scans: int = 0
    rows_scanned: int = 0
    rows_fetched: int = 0
    index_scans: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    hot_updated: int = 0
    new_page_updates: int | None = None
    live: int = 0
    dead: int = 0
    changed_since_analyze: int = 0
    inserted_since_vacuum: int = 0
    analyzed_days: float | None = None
    vacuumed_days: float | None = None
    xid_age: int = 0
    autovacuum: bool = True
    fillfactor: int = 100

    @property
    def written(self) -> int:
        """Rows written since the counters began."""
        return self.inserted + self.updated + self.deleted

    @property
    def rows_read(self) -> int:
        """Rows read since the counters began, in scans or by an index."""
        return self.rows_scanned + self.rows_fetched


@dataclass(frozen=True, slots=True)
class IndexHealth:
    """An index in use.

    columns: names of its key columns, "" for an expression. constrains: it enforces uniqueness, a key or an exclusion, or
    identifies rows for replication. serves_key: its first column is that of a foreign key. building: somebody makes it
    just now. rows: entries, by estimate. width: bytes of an entry's columns by the statistics, None for expressions and where
    nothing is known. pending: pages of a GIN index's list of new entries. null_fraction, distinct (as pg_stats.n_distinct), correlation: of the first column.
    """

    identity: str
    table: str
    method: str = "btree"
    definition: str = ""
    columns: tuple[str, ...] = ()
    size: int = 0
    scans: int = 0
    valid: bool = True
    building: bool = False
    constrains: bool = False
    serves_key: bool = False
    partial: bool = False
    rows: float = -1
    width: int | None = None
    pending: int | None = None
    null_fraction: float | None = None
    distinct: float | None = None
    correlation: float | None = None


@dataclass(frozen=True, slots=True)
class SequenceHealth:
    """A sequence that counts upwards. last: None when it was never used. most: the least of its own end and its column's type's."""

    identity: str
    most: int
    last: int | None = None
    column: str = ""
    column_type: str = ""


@dataclass(frozen=True, slots=True)
class SessionHealth:
    """Another session of a client. Ages in seconds. statement: its beginning, "" where this role may not see it.

    blocked_by: the sessions it waits for. snapshot_age: transactions since its snapshot, which vacuum must keep rows for.
    """

    pid: int
    state: str = ""
    role: str = ""
    application: str = ""
    transaction_seconds: float | None = None
    statement_seconds: float | None = None
    state_seconds: float | None = None
    blocked_by: tuple[int, ...] = ()
    snapshot_age: int | None = None
    statement: str = ""


@dataclass(frozen=True, slots=True)
class StatementHealth:
    """One text of pg_stat_statements. Times in milliseconds; mean and deviation a call. spilled: blocks of temporary files. log_bytes: of
    write-ahead log, over all calls."""

    query: str
    calls: int = 0
    total: float = 0
    mean: float = 0
    deviation: float = 0
    rows: int = 0
    spilled: int = 0
    share: float = 0
    log_bytes: int = 0


@dataclass(frozen=True, slots=True)
class SlotHealth:
    """A replication slot. retained: bytes of WAL kept for it."""

    name: str
    active: bool
    retained: int | None = None


@dataclass(frozen=True, slots=True)
class ReplicaHealth:
    """A standby or subscriber. lag_seconds: until it has replayed what was written."""

    name: str
    lag_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """All of it. evicted: texts that pg_stat_statements threw out for want of room. unread: what could not be read, and why."""

    server: ServerHealth
    tables: tuple[TableHealth, ...] = ()
    indexes: tuple[IndexHealth, ...] = ()
    sequences: tuple[SequenceHealth, ...] = ()
    sessions: tuple[SessionHealth, ...] = ()
    statements: tuple[StatementHealth, ...] = ()
    statements_days: float | None = None
    evicted: int = 0
    slots: tuple[SlotHealth, ...] = ()
    replicas: tuple[ReplicaHealth, ...] = ()
    unread: tuple[str, ...] = ()

    def indexes_of(self, table: str) -> tuple[IndexHealth, ...]:
        """The indexes of a table, by its identity."""
        return tuple(index for index in self.indexes if index.table == table)

    def table(self, identity: str) -> TableHealth:
        """A table by its identity; one without figures when it was not read."""
        return next((table for table in self.tables if table.identity == identity), TableHealth(identity))
