"""What the planner would do if indexes were there: asked on a copy that only seems to have rows.

The indexes are made on empty tables, which takes a millisecond each; then tables and indexes get the length that they
would have, and each question shows some of the indexes and hides the others (pg_index.indisvalid; a superuser may).
Unlike with HypoPG every kind of index can be asked about, and sizes are ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg

from mcp_server.model.candidate import Candidate
from mcp_server.model.query import QueryPlan
from mcp_server.model.query_json import read_plan
from mcp_server.world.database import translating
from mcp_server.world.table_statistics import Extent, Known, pretend, tell_statistics
from mcp_server.world.uses import WITHOUT_INDEXES

if TYPE_CHECKING:
    from mcp_server.world.data_copy import Ground

_SHOW = """
    update pg_catalog.pg_index set indisvalid = (indexrelid = any($2::oid[]))
    where indexrelid = any($1::oid[]) and indisvalid <> (indexrelid = any($2::oid[]))
"""
# An index, or those of a partitioned one's partitions, with the table of each.
_PLACES = """
    select x.indexrelid as oid, format('%I.%I', n.nspname, c.relname) as place, c.relname as name, format('%I.%I', tn.nspname, t.relname) as relation
    from pg_catalog.pg_index x join pg_catalog.pg_class c on c.oid = x.indexrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_class t on t.oid = x.indrelid join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
    where c.relkind = 'i' and (x.indexrelid = $1::text::regclass
        or x.indexrelid in (select relid from pg_catalog.pg_partition_tree($1::text::regclass) where isleaf))
    order by 2
"""
PREFIX = "dbarch_ix_"


@dataclass(frozen=True, slots=True)
class Part:
    """An index as the planner knows it: one, or that of one partition. place: its identity. relation: its table's."""

    oid: int
    place: str
    name: str
    relation: str


@dataclass(slots=True)
class Trial:
    """Candidates that were made on a ground, and which of them the planner sees.

    parts, own: the indexes of each that stands, and the name that it was made by; names: of those indexes; made: how many were;
    has_rows: whether they are built for real; refused: why the others could not be.
    hiding: the transaction in which candidates are dropped for the moment, on a server whose catalog is not ours.
    """

    ground: Ground
    parts: dict[Candidate, tuple[Part, ...]] = field(default_factory=dict)
    own: dict[Candidate, str] = field(default_factory=dict)
    names: dict[str, Candidate] = field(default_factory=dict)
    refused: dict[Candidate, str] = field(default_factory=dict)
    shown: frozenset[Candidate] = frozenset()
    made: int = 0
    has_rows: bool = False
    hiding: asyncpg.transaction.Transaction | None = None

    def name(self, one: Candidate) -> str:
        """The name that a candidate has here."""
        return self.own[one]

    async def make(self, wanted: Iterable[Candidate]) -> None:
        """Make candidates; whatever Postgres refuses is remembered with its reason."""
        await self.show_all()
        for one in wanted:
            if one in self.parts or one in self.refused:
                continue
            self.made += 1
            name = f"{PREFIX}{self.made}"
            try:
                await self.ground.theirs.execute(one.statement(name))
            except asyncpg.PostgresError as error:
                self.refused[one] = str(error.args[0] if error.args else error)
                continue
            schema = one.table.rpartition(".")[0]
            rows = await self.ground.ours.fetch(_PLACES, f"{schema}.{name}")
            self.parts[one] = tuple(Part(row["oid"], row["place"], row["name"], row["relation"]) for row in rows)
            self.own[one] = name
            self.names |= {part.name: one for part in self.parts[one]}
            self.shown |= {one}

    async def drop(self, unwanted: Iterable[Candidate]) -> None:
        """Take candidates away again: the planner opens every index of a table, hidden ones too."""
        await self.show_all()
        gone = [one for one in unwanted if one in self.parts]
        for one in gone:
            await self.ground.theirs.execute(f"drop index {one.table.rpartition('.')[0]}.{self.name(one)}")
            del self.parts[one], self.own[one]
        self.names = {name: one for name, one in self.names.items() if one in self.parts}
        self.shown = self.shown & frozenset(self.parts)

    async def show(self, wanted: frozenset[Candidate]) -> None:
        """Let the planner see these candidates and none of the others."""
        wanted = wanted & frozenset(self.parts)
        if wanted == self.shown:
            return
        if self.ground.is_branch:
            await self._show_by_dropping(wanted)
            return
        changed = [part.oid for one in wanted ^ self.shown for part in self.parts[one]]
        await self.ground.ours.execute(_SHOW, changed, [part.oid for one in wanted for part in self.parts[one]])
        self.shown = wanted

    async def _show_by_dropping(self, wanted: frozenset[Candidate]) -> None:
        """Where nobody may write the catalog: the others are dropped in a transaction that is rolled back later."""
        await self.show_all()
        hidden = [one for one in self.parts if one not in wanted]
        if hidden:
            self.hiding = self.ground.theirs.transaction()
            await self.hiding.start()
            for one in hidden:
                await self.ground.theirs.execute(f"drop index {one.table.rpartition('.')[0]}.{self.name(one)}")
        self.shown = wanted

    async def show_all(self) -> None:
        """Let the planner see all candidates again, where others were dropped for the moment."""
        if self.hiding is not None:
            hiding, self.hiding = self.hiding, None
            await hiding.rollback()
            self.shown = frozenset(self.parts)

    async def plan(self, text: str, wanted: frozenset[Candidate]) -> tuple[float, frozenset[Candidate], dict[str, Any]]:
        """The planner's cost of a statement with these candidates, those that it takes, and the plan."""
        await self.show(wanted)
        with translating("planning a statement"):
            document = json.loads(await self.ground.theirs.fetchval(f"explain (format json) {text}"))
        root = document[0]["Plan"]
        return float(root["Total Cost"]), self.used(root), root

    def used(self, root: Mapping[str, Any]) -> frozenset[Candidate]:
        """The candidates that a plan uses."""
        return frozenset(self.names[name] for name in index_names(root) if name in self.names)


def index_names(root: Mapping[str, Any]) -> Iterator[str]:
    """The indexes of a plan, as EXPLAIN names them."""
    if "Index Name" in root:
        yield root["Index Name"]
    for child in root.get("Plans", ()):
        yield from index_names(child)


async def pretend_tables(ground: Ground, known: Known) -> None:
    """Tell a ground without rows what its tables hold; on a server of the user's, whose files are not ours, statistics alone."""
    await tell_statistics(ground.ours, known)
    if ground.can_pretend:
        await pretend(ground.ours, [*_tables(known), *known.indexes])


async def pretend_indexes(
    trial: Trial,
    known: Known,
    wanted: Sequence[Candidate],
    sizes: Mapping[Candidate, int],
    shares: Mapping[Candidate, float],
) -> None:
    """Make candidates on a ground without rows, and give them the size that they would have; of partitions each its part of the rows."""
    ground = trial.ground
    await pretend(ground.ours, _tables(known), empty=True)
    await trial.make(wanted)
    extents = [_extent(known, part, one, sizes, shares) for one in wanted for part in trial.parts.get(one, ())]
    await pretend(ground.ours, [*_tables(known), *extents])


def _extent(
    known: Known, part: Part, one: Candidate, sizes: Mapping[Candidate, int], shares: Mapping[Candidate, float]
) -> Extent:
    rows = known.tables[part.relation].rows
    whole = max(known.tables[one.table].rows, 1.0)
    return Extent(part.place, max(int(sizes[one] * rows / whole) // 8192, 1), rows * shares.get(one, 1.0))


def _tables(known: Known) -> list[Extent]:
    return [
        Extent(one.table, one.pages, one.rows, one.all_visible) for one in known.tables.values() if not one.partitioned
    ]


async def plan_without_indexes(ground: Ground, text: str, parameters: int) -> QueryPlan:
    """The plan of a statement as it is when no index serves it, for any values of its parameters."""
    theirs = ground.theirs
    nulls = ", ".join("null" for _ in range(parameters))
    off = "; ".join(f"set local {name} = off" for name in WITHOUT_INDEXES)
    async with theirs.transaction():
        await theirs.execute(
            f"{off}; set local plan_cache_mode = force_generic_plan; set local max_parallel_workers_per_gather = 0"
        )
        with translating("planning a statement"):
            if not parameters:
                return read_plan(await theirs.fetchval(f"explain (format json, verbose) {text}"))
            await theirs.fetch(f"prepare dbarch_used as {text}")
            document = await theirs.fetchval(f"explain (format json, verbose) execute dbarch_used ({nulls})")
            await theirs.execute("deallocate dbarch_used")
            return read_plan(document, generic=True)


async def share_of(ground: Ground, one: Candidate, *, partitioned: bool = False) -> float:
    """The rows that a candidate's condition leaves, as the planner estimates them; 1.0 for a candidate without one."""
    if not one.where:
        return 1.0
    only = "" if partitioned else "only "
    document = json.loads(
        await ground.theirs.fetchval(f"explain (format json) select 1 from {only}{one.table} where {one.where}")
    )
    return float(document[0]["Plan"]["Plan Rows"])
