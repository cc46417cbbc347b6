"""How a statement uses a table -> the indexes that could serve it.

The rules: columns compared for equality first, then those of joins, then one range or the sort; what is merely read goes
to INCLUDE; a condition without parameters that few rows meet can restrict the index; an expression is indexed as it is
written. https://www.postgresql.org/docs/current/indexes-multicolumn.html and indexes-partial.html, indexes-expressional.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import permutations

from mcp_server.model.candidate import Candidate
from mcp_server.model.names import quote
from mcp_server.model.schema import Index
from mcp_server.model.workload import ColumnStatistics, Order, TableStatistics, TableUse

# Below this an index is never worth its upkeep: the whole table is a handful of pages.
FEWEST_PAGES = 8
WIDTH, MOST_INCLUDED, FEW_VALUES = 3, 6, 25
# A state is an exception when so much of its fair part of the rows has it at most.
EXCEPTION = 0.25
_TEXTS = ("text", "character varying", "varchar", "citext")
_NO_BTREE = ("json", "xml", "point", "polygon", "box", "line", "lseg", "path", "circle", "jsonb", "tsvector")
_COUNTED = ("int", "bigint", "smallint", "numeric", "date", "time", "uuid")
_EQUAL = re.compile(r"= '((?:[^']|'')*)'")


def candidates(use: TableUse, table: TableStatistics, extensions: frozenset[str]) -> frozenset[Candidate]:
    """The indexes that could serve one use of a table. extensions: those that the database has or can have."""
    if table.pages < FEWEST_PAGES:
        return frozenset()
    found = set(_plain(use, table))
    for arm in use.arms:
        found |= set(_plain(replace(arm, order=(), group=()), table))
        found |= set(_special(arm, table, extensions))
    found |= set(_special(use, table, extensions))
    found |= set(_restricted(use, table))
    return frozenset(one for one in found if _can_be(one, table))


def _plain(use: TableUse, table: TableStatistics) -> Iterator[Candidate]:
    for keys in _keys(use, table):
        one = _btree(use.table, keys)
        yield one
        yield from _covering(one, use, table)


def _covering(one: Candidate, use: TableUse, table: TableStatistics, known: Iterable[str] = ()) -> Iterator[Candidate]:
    """The same index with all that the statement reads besides."""
    rest = tuple(name for name in use.needed if name not in one.columns and name not in known)
    if rest and not use.whole_row and len(rest) <= MOST_INCLUDED and all(name in table.columns for name in rest):
        yield replace(one, include=rest)


def _keys(use: TableUse, table: TableStatistics) -> frozenset[Order]:
    """The columns that could be keys, in their order."""
    found: set[Order] = set()
    for head in _heads(use, table):
        plain: Order = tuple((name, "") for name in head)
        found.add(plain)
        found |= {(*plain, (name, "")) for name in use.ranges if name not in head}
        found |= {(*plain, (name, "")) for name in use.ends if name not in head}
        found |= {(*plain, *_rest(use.order, head)), (*plain, *_rest(tuple((name, "") for name in use.group), head))}
        if use.order and use.limited:
            found |= {(*plain, *_rest(use.order, head), (name, "")) for name in use.ranges if name not in head}
    return frozenset(_once(keys[: max(WIDTH, len(use.order) + 2)]) for keys in found if keys)


def _heads(use: TableUse, table: TableStatistics) -> Iterator[tuple[str, ...]]:
    """What comes before a range or a sort: columns compared for equality, and of joins."""
    alike = list(dict.fromkeys((*use.equal, *use.among)))
    alike.sort(key=lambda name: -_distinct(table, name))
    joins = sorted(use.joins, key=lambda name: -_distinct(table, name))
    yield ()
    if len(alike) > 2:
        yield tuple(alike[:4])
    for count in (1, 2):
        for some in permutations(alike[:4], count):
            yield some
            for join in (name for name in joins if name not in some):
                yield (*some, join)
                yield (join, *some)
    for join in joins:
        yield (join,)
    yield from permutations(joins[:4], 2)


def _rest(order: Order, head: tuple[str, ...]) -> Order:
    """What of a sort comes after a head; ascending where all goes one way, for an index is read from either end."""
    rest = [(name, way) for name, way in order if name not in head]
    turned = {way for _, way in rest} == {"DESC"}
    return tuple((name, "" if turned else way) for name, way in rest)


def _once(keys: Order) -> Order:
    """Each column once, as it first stands."""
    return tuple(
        {name: (name, way) for name, way in reversed(keys)}[name] for name in dict.fromkeys(name for name, _ in keys)
    )


def _btree(table: str, keys: Order) -> Candidate:
    texts = tuple(f"{quote(name)} {way}".rstrip() for name, way in keys)
    return Candidate(table, texts, tuple(name for name, _ in keys))


def _special(use: TableUse, table: TableStatistics, extensions: frozenset[str]) -> Iterator[Candidate]:
    """Indexes of other kinds: expressions, patterns, documents, blocks in the order of the rows."""
    for sql, _ in use.expressions:
        one = Candidate(use.table, (f"({sql})",), ("",))
        yield one
        yield from (
            replace(one, keys=(*one.keys, quote(name)), columns=("", name)) for name, _ in use.order[:1] if use.limited
        )
        yield from (replace(one, keys=(quote(name), *one.keys), columns=(name, "")) for name in use.equal[:2])
    for name in use.prefixes:
        yield from _patterns(use, table, name)
    for name in (*use.infixes, *use.prefixes):
        if _is_text(table, name) and "pg_trgm" in extensions:
            yield Candidate(use.table, (f"{quote(name)} gin_trgm_ops",), (name,), method="gin", extension="pg_trgm")
    for name, operator in use.contains:
        yield from _contained(use.table, table, name, operator)
    for name in use.ranges:
        column = table.columns.get(name)
        if column and abs(column.correlation) > 0.95 and table.pages >= 1000:
            yield Candidate(use.table, (quote(name),), (name,), method="brin")


def _patterns(use: TableUse, table: TableStatistics, name: str) -> Iterator[Candidate]:
    """LIKE 'x%' needs an operator class of its own unless the collation is C."""
    if not _is_text(table, name):
        return
    kind = "varchar_pattern_ops" if table.columns[name].type.startswith("character varying") else "text_pattern_ops"
    one = Candidate(use.table, (f"{quote(name)} {kind}",), (name,))
    yield one
    yield from _covering(one, use, table)
    for first in use.equal[:3]:
        if first != name:
            yield Candidate(use.table, (quote(first), *one.keys), (first, name))


def _contained(identity: str, table: TableStatistics, name: str, operator: str) -> Iterator[Candidate]:
    column = table.columns.get(name)
    key, known = (quote(name), name) if column else (name, "")
    kind = column.type if column else ""
    if kind == "jsonb" and operator in ("@>", "@@", "@?"):
        yield Candidate(identity, (f"{key} jsonb_path_ops",), (known,), method="gin")
    elif kind in ("inet", "cidr"):
        yield Candidate(identity, (key,), (known,))
        yield Candidate(identity, (f"{key} inet_ops",), (known,), method="gist")
    elif "range" in kind or kind in ("point", "box", "polygon", "circle"):
        yield Candidate(identity, (key,), (known,), method="gist")
    elif kind in ("jsonb", "tsvector") or kind.endswith("[]") or not column:
        yield Candidate(identity, (key,), (known,), method="gin")


def _restricted(use: TableUse, table: TableStatistics) -> Iterator[Candidate]:
    """Indexes of the rows alone that meet a condition which every run of the statement repeats as it is."""
    lasting = list({one[1]: one for one in use.predicates if _is_lasting(table, *one)}.values())
    several = [tuple(lasting)] if 1 < len(lasting) < 4 else []
    for some in (*((one,) for one in lasting), *several):
        known = tuple(column for column, _, kind in some if kind != "columns")
        others = replace(use, equal=tuple(name for name in use.equal if name not in known))
        others = replace(others, among=tuple(name for name in use.among if name not in known))
        where = " AND ".join(sql if len(some) == 1 else f"({sql})" for _, sql, _ in some)
        for keys in (keys for keys in _keys(others, table) if len(keys) <= 2):
            one = replace(_btree(use.table, keys), where=where)
            yield one
            yield from _covering(one, use, table, known)


def _is_lasting(table: TableStatistics, column: str, sql: str, kind: str) -> bool:
    """Whether the statement's next run will ask for the same: a constant of the application, or a state that is an exception."""
    if kind not in ("constant", "value"):
        return True
    return _is_state(table, column) and (kind == "constant" or _is_exception(table.columns[column], sql))


def _is_exception(column: ColumnStatistics, sql: str) -> bool:
    """Whether a value is far rarer than others of its column: those are looked for by a constant, and not by whatever a user picks."""
    match = _EQUAL.search(sql)
    part = dict(column.common).get(match[1].replace("''", "'")) if match else None
    return part is not None and part <= EXCEPTION / max(column.distinct, 2.0)


def _is_state(table: TableStatistics, name: str) -> bool:
    """Whether a column holds one of a few words, so that its value in a statement is no user's input."""
    column = table.columns.get(name)
    return column is not None and not column.type.startswith(_COUNTED) and column.distinct <= FEW_VALUES


def _is_text(table: TableStatistics, name: str) -> bool:
    column = table.columns.get(name)
    return column is not None and column.type.split("(")[0] in _TEXTS


def _distinct(table: TableStatistics, name: str) -> float:
    column = table.columns.get(name)
    return column.distinct if column else 1.0


def _can_be(one: Candidate, table: TableStatistics) -> bool:
    """Whether Postgres can make it: known columns, types with an order, values that fit on a page."""
    if any(name and name not in table.columns for name in one.columns):
        return False
    if one.method != "btree":
        return True
    kinds = [table.columns[name].type.split("(")[0] for name in one.columns if name]
    width = sum(table.columns[name].width for name in one.stored)
    alone = one.where == "" and len(one.columns) == 1 and not one.include and one.columns[0] in table.columns
    if alone and table.columns[one.columns[0]].type == "boolean":
        return False
    return width < 1200 and not any(kind in _NO_BTREE for kind in kinds)


def is_served(one: Candidate, indexes: Iterable[Index]) -> bool:
    """Whether an index that is there already begins with the same keys, so that this one adds nothing."""
    if one.include or one.where:
        return any(
            index.predicate.strip("()") == one.where.strip("()") and _begins(index, one)
            and set(one.include) <= {*index.include, *index.columns} for index in indexes
        )  # fmt: skip
    return any(not index.predicate and _begins(index, one) for index in indexes)


def _begins(index: Index, one: Candidate) -> bool:
    if index.method != one.method or not index.valid or len(index.keys) < len(one.keys):
        return False
    return tuple(_plainly(key) for key in index.keys[: len(one.keys)]) == tuple(_plainly(key) for key in one.keys)


def _plainly(key: str) -> str:
    return key.lower().replace("(", "").replace(")", "").replace("::text", "").strip()


def merged(pool: Iterable[Candidate]) -> frozenset[Candidate]:
    """Wider indexes that could stand for two of the pool: the same first key, all columns of both."""
    groups: dict[tuple[str, str], list[Candidate]] = {}
    for one in pool:
        if one.method == "btree" and not one.where and all(one.columns):
            groups.setdefault((one.table, one.keys[0]), []).append(one)
    found = {wider for group in groups.values() for pair in permutations(group, 2) if (wider := _both(*pair))}
    return frozenset(found)


def _both(first: Candidate, second: Candidate) -> Candidate | None:
    added = [(key, name) for key, name in zip(second.keys, second.columns, strict=True) if name not in first.columns]
    more, names = [key for key, _ in added], [name for _, name in added]
    starts = second.keys[: len(first.keys)] == first.keys[: len(second.keys)]
    if not starts and len(first.keys) + len(more) > WIDTH:
        more, names = [], []
    columns = (*first.columns, *names)
    include = tuple(sorted((first.stored | second.stored) - {*columns}))
    if len(include) > MOST_INCLUDED + 2:
        return None
    return replace(first, keys=(*first.keys, *more), columns=columns, include=include)
