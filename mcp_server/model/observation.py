"""What a statement does while it runs, to what stood before its transaction: predicted, or observed on a copy."""

from __future__ import annotations

from dataclasses import dataclass, field

from mcp_server.model.lock import Lock


@dataclass(frozen=True, slots=True)
class Effect:
    """What one statement does to relations and indexes that stood before its transaction.

    locks: the strongest of each relation. rewrites: relations and indexes whose files are written anew. scans: tables
    that are read whole. builds: tables on which an index is built. Names as a Schema has them, sorted.
    """

    locks: tuple[Lock, ...] = ()
    rewrites: tuple[str, ...] = ()
    scans: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()

    @property
    def is_slow(self) -> bool:
        """Whether it takes as long as the table is large."""
        return bool(self.rewrites or self.scans or self.builds)


@dataclass(frozen=True, slots=True)
class Observed:
    """One statement as it ran on a copy.

    sql: as it was sent. effect: its locks are those HELD when it ended, also those that earlier statements of its
    transaction took. fresh: the locks that it took itself. transaction: counts the transactions of the walk, from 1; statements of one
    number share a transaction, those outside of any have a number each. revision: the Alembic revision that sent it, "".
    evidence: what Postgres said of it (DEBUG1: rewriting, verifying, validating, building, "sufficient to prove").
    milliseconds: on the copy. error: what Postgres refused it with, "" when it ran; sqlstate: of the error.
    place: `file:line` of the user's own code that sent it, "" when unknown.
    """

    sql: str
    effect: Effect
    fresh: tuple[Lock, ...] = ()
    transaction: int = 0
    revision: str = ""
    evidence: tuple[str, ...] = ()
    milliseconds: float = 0.0
    error: str = ""
    sqlstate: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class LostValues:
    """Values of a column that did not survive. column: its identity, or a table's for whole rows; rows: how many.

    example: old -> new, of generated rows.
    """

    column: str
    rows: int
    example: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """What became of generated rows. filled: rows by table. unfilled: tables that could not be filled, and why.

    lost: what the upgrade changed or took. down: what downgrading, and upgrading again, lost beyond that.
    """

    filled: dict[str, int] = field(default_factory=dict)
    unfilled: dict[str, str] = field(default_factory=dict)
    lost: tuple[LostValues, ...] = ()
    down: tuple[LostValues, ...] = ()
