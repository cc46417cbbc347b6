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
PREFIX = "dbarch_ix_"


@dataclass(slots=True)
class Trial:
    """Candidates that were made on a ground, and which of them the planner sees.

    oids, names: of those that stand; made: how many were; has_rows: whether they are built for real; refused: why the others could not be.
    """

    ground: Ground
    oids: dict[Candidate, int] = field(default_factory=dict)
    names: dict[str, Candidate] = field(default_factory=dict)
    refused: dict[Candidate, str] = field(default_factory=dict)
    shown: frozenset[Candidate] = frozenset()
    made: int = 0
    has_rows: bool = False

    def name(self, one: Candidate) -> str:
        """The name that a candidate has here."""
        return next(name for name, other in self.names.items() if other == one)

    async def make(self, wanted: Iterable[Candidate]) -> None:
        """Make candidates; whatever Postgres refuses is remembered with its reason."""
        for one in wanted:
            if one in self.oids or one in self.refused:
                continue
            self.made += 1
            name = f"{PREFIX}{self.made}"
            try:
                await self.ground.theirs.execute(one.statement(name))
            except asyncpg.PostgresError as error:
                self.refused[one] = str(error.args[0] if error.args else error)
                continue
            schema = one.table.rpartition(".")[0]
            self.oids[one] = await self.ground.ours.fetchval("select $1::text::regclass::oid", f"{schema}.{name}")
            self.names[name] = one
            self.shown |= {one}

    async def drop(self, unwanted: Iterable[Candidate]) -> None:
        """Take candidates away again: the planner opens every index of a table, hidden ones too."""
        gone = [one for one in unwanted if one in self.oids]
        for one in gone:
            await self.ground.theirs.execute(f"drop index {one.table.rpartition('.')[0]}.{self.name(one)}")
            del self.oids[one]
        self.names = {name: one for name, one in self.names.items() if one in self.oids}
        self.shown = self.shown & frozenset(self.oids)

    async def show(self, wanted: frozenset[Candidate]) -> None:
        """Let the planner see these candidates and none of the others."""
        wanted = wanted & frozenset(self.oids)
        if wanted == self.shown:
            return
        changed = [self.oids[one] for one in wanted ^ self.shown]
        await self.ground.ours.execute(_SHOW, changed, [self.oids[one] for one in wanted])
        self.shown = wanted

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
    """Make candidates on a ground without rows, and give them the size that they would have."""
    ground = trial.ground
    await pretend(ground.ours, _tables(known), empty=True)
    await trial.make(wanted)
    made = [one for one in wanted if one in trial.oids]
    extents = [
        Extent(_place(trial, one), max(sizes[one] // 8192, 1), _rows(known, one) * shares.get(one, 1.0)) for one in made
    ]
    await pretend(ground.ours, [*_tables(known), *extents])


def _place(trial: Trial, one: Candidate) -> str:
    return f"{one.table.rpartition('.')[0]}.{trial.name(one)}"


def _rows(known: Known, one: Candidate) -> float:
    return known.tables[one.table].rows


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


async def share_of(ground: Ground, one: Candidate) -> float:
    """The rows that a candidate's condition leaves, as the planner estimates them; 1.0 for a candidate without one."""
    if not one.where:
        return 1.0
    document = json.loads(
        await ground.theirs.fetchval(f"explain (format json) select 1 from only {one.table} where {one.where}")
    )
    return float(document[0]["Plan"]["Plan Rows"])
