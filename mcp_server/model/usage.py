"""What a live database says of its use: sizes, estimates, counters. Never part of a Schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class IndexUsage:
    """An index in use. size: bytes on disk, None when unknown. scans: since the statistics were reset."""

    size: int | None = None
    scans: int = 0


@dataclass(frozen=True, slots=True)
class RelationUsage:
    """A table or materialised view in use.

    rows: the planner's estimate, None when nothing was ever counted. size: bytes on disk with indexes and TOAST, None
    when unknown; exact: measured, not estimated from the catalog's page counts. scans, index_scans, inserted, updated,
    deleted: since the statistics were reset. dead_rows: an estimate. analyzed, vacuumed: when last, by hand or by
    autovacuum, as "YYYY-MM-DD HH:MM" in UTC, "" for never.
    """

    rows: int | None = None
    size: int | None = None
    exact: bool = False
    index_size: int | None = None
    scans: int = 0
    index_scans: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    dead_rows: int = 0
    analyzed: str = ""
    vacuumed: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """All of it, by the identities of a Schema. since: when the counters were reset, as above."""

    relations: Mapping[str, RelationUsage] = field(default_factory=dict)
    indexes: Mapping[str, IndexUsage] = field(default_factory=dict)
    since: str = ""
