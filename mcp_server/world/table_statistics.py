"""What the planner knows of tables, read from one database, and told to another that has the tables without their rows."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_server.model.names import literal
from mcp_server.model.workload import ColumnStatistics, TableStatistics
from mcp_server.world.catalog import read_rows
from mcp_server.world.database import translating

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

PAGE = 8192
# RELSEG_SIZE: a relation's file is cut every GB. https://www.postgresql.org/docs/current/storage-file-layout.html
SEGMENT = 1 << 30
# Equal in value, and yet maybe not in every bit: an index keeps each row's own. (opclasses without equalimage)
DRAWN = 97
_WORDS = ("text", "character varying", "character", "citext")
_NOT_EXACT = ("numeric", "real", "double precision", "jsonb", "interval")

_TABLES = """
    select format('%I.%I', n.nspname, c.relname) as relation, c.relkind = 'p' as partitioned, greatest(c.reltuples, 0) as rows,
           c.reltuples < 0 as unknown, c.relpages as pages, c.relallvisible as all_visible, s.n_tup_ins as inserted, s.n_tup_upd as updated,
           s.n_tup_del as deleted,
           case when c.relkind = 'p' then 0 else pg_relation_size(c.oid) end as size, {columns} as columns, {indexes} as indexes
    from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_stat_all_tables s on s.relid = c.oid
    where c.oid = any(array(select to_regclass(name)::oid from unnest(array[{names}]::text[]) name))
"""
_COLUMNS = """
    (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'length', t.typlen,
        'align', t.typalign, 'nulls', p.null_frac, 'width', p.avg_width, 'distinct', p.n_distinct, 'correlation', p.correlation,
        'common', p.most_common_vals::text, 'list', p.most_common_vals::text::text[], 'parts', p.most_common_freqs,
        'bounds', p.histogram_bounds::text, 'steps', p.histogram_bounds::text::text[]) order by a.attnum)
     from pg_attribute a join pg_type t on t.oid = a.atttypid
     left join pg_stats p on p.schemaname = n.nspname and p.tablename = c.relname and p.attname = a.attname and not p.inherited
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
"""
_INDEXES = """
    (select json_agg(json_build_object('relation', format('%I.%I', inn.nspname, ic.relname), 'size', pg_relation_size(ic.oid), 'rows', greatest(ic.reltuples, 0)))
     from pg_index x join pg_class ic on ic.oid = x.indexrelid join pg_namespace inn on inn.oid = ic.relnamespace
     where x.indrelid = c.oid and ic.relkind = 'i')
"""
# As ANALYZE writes it: kind 1 the common values, 2 the histogram, 3 the correlation
# (src/include/catalog/pg_statistic.h). Types of users are left out: reading their values would run their functions.
_TELL = """
    insert into pg_catalog.pg_statistic (starelid, staattnum, stainherit, stanullfrac, stawidth, stadistinct,
        stakind1, stakind2, stakind3, stakind4, stakind5, staop1, staop2, staop3, staop4, staop5,
        stacoll1, stacoll2, stacoll3, stacoll4, stacoll5, stanumbers1, stanumbers3, stavalues1, stavalues2)
    select a.attrelid, a.attnum, false, x.nulls, x.width, x."distinct",
        case when o.same is null or x.common is null then 0 else 1 end, case when o.less is null or x.bounds is null then 0 else 2 end,
        case when o.less is null or x.correlation is null then 0 else 3 end, 0, 0,
        coalesce(o.same, 0), coalesce(o.less, 0), coalesce(o.less, 0), 0, 0,
        a.attcollation, a.attcollation, a.attcollation, 0, 0,
        case when o.same is not null then x.parts::text::pg_catalog.float4[] end, case when o.less is not null then array[x.correlation] end,
        case when o.same is not null then pg_catalog.array_in(pg_catalog.textout(x.common), b.value, -1) end,
        case when o.less is not null then pg_catalog.array_in(pg_catalog.textout(x.bounds), b.value, -1) end
    from pg_catalog.json_to_recordset($1::text::json) x (relation text, name text, nulls pg_catalog.float4, width int, "distinct" pg_catalog.float4,
        correlation pg_catalog.float4, common text, parts text, bounds text)
    join pg_catalog.pg_attribute a on a.attrelid = x.relation::regclass and a.attname = x.name
    join pg_catalog.pg_type t on t.oid = a.atttypid
    cross join lateral (select case when t.typtype = 'd' then t.typbasetype else t.oid end as value) b
    join pg_catalog.pg_type bt on bt.oid = b.value and (bt.oid < 16384 or bt.typtype = 'e')
    cross join lateral (select case when bt.typtype = 'e' then 'anyenum'::regtype::oid when bt.typname = 'varchar' then 'text'::regtype::oid
                                    when bt.typcategory = 'A' then 'anyarray'::regtype::oid else bt.oid end as indexed) i
    left join lateral (select max(m.amopopr) filter (where m.amopstrategy = 3) as same, max(m.amopopr) filter (where m.amopstrategy = 1) as less
        from pg_catalog.pg_opclass c join pg_catalog.pg_amop m on m.amopfamily = c.opcfamily and m.amoplefttype = c.opcintype and m.amoprighttype = c.opcintype
        where c.opcdefault and c.opcmethod = 403 and c.opcintype = i.indexed) o on true
    where x.width is not null
"""


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a relation is to seem. pages: of 8 kB. rows: that it is said to hold."""

    relation: str
    pages: int
    rows: float
    all_visible: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What a database knows of some tables. tables: by identity. columns: as read, to be told on. unknown: never analyzed.

    sizes: bytes of each table's rows. indexes: those that are there.
    """

    tables: Mapping[str, TableStatistics]
    columns: tuple[dict[str, Any], ...]
    sizes: Mapping[str, int]
    indexes: tuple[Extent, ...] = ()
    unknown: tuple[str, ...] = ()

    def without(self, missing: Iterable[str]) -> Known:
        """The same, but for tables and indexes of these names."""
        gone = set(missing)
        return replace(
            self,
            tables={name: one for name, one in self.tables.items() if name not in gone},
            columns=tuple(one for one in self.columns if one["relation"] not in gone),
            indexes=tuple(one for one in self.indexes if one.relation not in gone),
        )

    def with_roots(self, roots: Mapping[str, str]) -> Known:
        """The same, with each partitioned table as the sum of its partitions. roots: the table of each partition."""
        leaves: dict[str, list[TableStatistics]] = {}
        for name, root in roots.items():
            if name in self.tables and root in self.tables and not self.tables[name].partitioned:
                leaves.setdefault(root, []).append(self.tables[name])
        return replace(self, tables={**self.tables, **{root: _summed(root, some) for root, some in leaves.items()}})


def _summed(root: str, leaves: Sequence[TableStatistics]) -> TableStatistics:
    """All partitions as one table; its columns are those of the largest, with as many more values where they are many."""
    largest = max(leaves, key=lambda one: (one.rows, one.table))
    rows = sum(one.rows for one in leaves)
    times = rows / max(largest.rows, 1.0)
    columns = {
        name: replace(one, distinct=one.distinct * times if one.distinct > 0.1 * largest.rows else one.distinct)
        for name, one in largest.columns.items()
    }
    return TableStatistics(
        root, rows, sum(one.pages for one in leaves), sum(one.all_visible for one in leaves), columns, partitioned=True
    )


async def read_statistics(connection: Connection, tables: Iterable[str]) -> Known:
    """The statistics of tables by identity, in one round trip. Raises DatabaseError."""
    names = ", ".join(literal(name) for name in tables) or "null"
    rows = await read_rows(connection, _TABLES.format(columns=_COLUMNS, indexes=_INDEXES, names=names))
    found = {row["relation"]: _table(row) for row in rows}
    columns = tuple({"relation": row["relation"], **one} for row in rows for one in row["columns"] or ())
    unknown = tuple(row["relation"] for row in rows if row["unknown"] and not row["partitioned"])
    there = (one for row in rows for one in row["indexes"] or ())
    indexes = tuple(Extent(one["relation"], one["size"] // PAGE, one["rows"]) for one in there)
    return Known(found, columns, {row["relation"]: row["size"] for row in rows}, indexes, unknown)


def _table(row: Mapping[str, Any]) -> TableStatistics:
    rows = float(row["rows"])
    columns = {one["name"]: _column(one, rows) for one in row["columns"] or ()}
    return TableStatistics(
        table=row["relation"],
        rows=rows,
        pages=max(int(row["size"]) // PAGE, 0),
        all_visible=row["all_visible"],
        columns=columns,
        inserted=row["inserted"] or 0,
        updated=row["updated"] or 0,
        deleted=row["deleted"] or 0,
        partitioned=row["partitioned"],
    )


def _column(one: Mapping[str, Any], rows: float) -> ColumnStatistics:
    distinct = one["distinct"] if one["distinct"] is not None else -0.1
    return ColumnStatistics(
        type=one["type"],
        length=one["length"],
        align={"c": 1, "s": 2, "i": 4, "d": 8}[one["align"]],
        width=float(one["width"] or (one["length"] if one["length"] > 0 else 16)),
        null_fraction=one["nulls"] or 0.0,
        distinct=max(distinct if distinct > 0 else -distinct * rows, 1.0),
        correlation=one["correlation"] or 0.0,
        common=tuple(zip(one["list"] or (), one["parts"] or (), strict=False)),
        bounds=tuple(one["steps"] or ()),
        widths=_widths(one),
        sums_exactly=one["type"].split("(")[0] not in _NOT_EXACT,
    )


def _widths(one: Mapping[str, Any]) -> tuple[int, ...]:
    """The bytes of values of a type of varying length, as many of each kind as there are rows of it."""
    kind = one["type"].split("(")[0]
    measure = _digits if kind == "numeric" else _letters if kind in _WORDS else None
    if measure is None or one["length"] >= 0:
        return ()
    common = list(zip(one["list"] or (), one["parts"] or (), strict=False))
    drawn = [text for text, part in common for _ in range(round(part * DRAWN))]
    steps = one["steps"] or ()
    left = DRAWN - len(drawn) if steps else 0
    drawn += [steps[number * len(steps) // left] for number in range(left)]
    return tuple(measure(text) for text in drawn if text is not None)


def _letters(text: str) -> int:
    """A text with its header of one byte, or of four."""
    size = len(text.encode())
    return size + (1 if size < 126 else 4)


def _digits(text: str) -> int:
    """A numeric with its headers: two bytes for four digits, without zeros at either end (src/backend/utils/adt/numeric.c)."""
    whole, _, rest = text.lstrip("-").partition(".")
    before = whole.lstrip("0")
    digits = before.rjust(-(-len(before) // 4) * 4, "0") + rest.ljust(-(-len(rest) // 4) * 4, "0")
    groups = [digits[place : place + 4] for place in range(0, len(digits), 4)]
    while groups and groups[-1] == "0000":
        groups.pop()
    while groups and groups[0] == "0000":
        groups.pop(0)
    return 3 + 2 * len(groups)


async def tell_statistics(connection: Connection, known: Known) -> None:
    """Write statistics into a database of ours that has the tables. For superusers."""
    wanted = ("relation", "name", "nulls", "width", "distinct", "correlation", "common", "parts", "bounds")
    told = [{key: _array(one[key]) for key in wanted} for one in known.columns if one["width"] is not None]
    names = list(known.tables)
    with translating("telling a sandbox the statistics"):
        await connection.execute(
            "delete from pg_catalog.pg_statistic where starelid = any($1::text[]::regclass[]::oid[])", names
        )
        await connection.execute(_TELL, json.dumps(told))


def _array(value: Any) -> Any:
    return "{" + ",".join(str(one) for one in value) + "}" if isinstance(value, list) else value


async def pretend(connection: Connection, extents: Iterable[Extent], *, empty: bool = False) -> None:
    """Give relations of a database of ours the length that they would have: files full of holes, which take no room.

    The planner goes by the length of the file, and by what pg_class says a page holds
    (src/backend/optimizer/util/plancat.c: estimate_rel_size). empty: take the length away again.
    """
    wanted = list(extents)
    with translating("preparing a copy without rows"):
        rows = await connection.fetch(
            "select n as name, pg_catalog.current_setting('data_directory') || '/' || pg_catalog.pg_relation_filepath(n::regclass) as path"
            " from unnest($1::text[]) n",
            [one.relation for one in wanted],
        )
        paths = {row["name"]: Path(row["path"]) for row in rows}
        lengths = {paths[one.relation]: 0 if empty else one.pages * PAGE for one in wanted}
        await asyncio.to_thread(_stretch, lengths)
        if not empty:
            await connection.executemany(
                "update pg_catalog.pg_class set relpages = $2, reltuples = $3, relallvisible = $4 where oid = $1::text::regclass",
                [(one.relation, one.pages, one.rows, min(one.all_visible, one.pages)) for one in wanted],
            )


def _stretch(lengths: Mapping[Path, int]) -> None:
    for path, length in lengths.items():
        owner = path.stat()
        for number in range(1 + max(length - 1, 0) // SEGMENT):
            part = path if number == 0 else path.with_name(f"{path.name}.{number}")
            is_new = not part.exists()
            with part.open("ab"):
                pass
            os.truncate(part, max(min(SEGMENT, length - number * SEGMENT), 0))
            if is_new and os.name == "posix":
                os.chown(part, owner.st_uid, owner.st_gid)
        if length == 0:
            for part in path.parent.glob(f"{path.name}.[0-9]*"):
                os.truncate(part, 0)
