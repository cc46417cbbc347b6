"""Indexes that carry no constraint; those that do come and go with it."""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.names import quote
from mcp_server.model.schema import Constraint, Index, Table
from mcp_server.planning.draft import (
    ACCESS_EXCLUSIVE,
    SHARE,
    SHARE_UPDATE_EXCLUSIVE,
    Draft,
    Drafts,
    Phase,
    Recipe,
    Refusal,
    Site,
    comment,
    differing,
    set_options,
)
from mcp_server.planning.units import Attachment, key

_SETTABLE = frozenset({"options", "definition", "tablespace", "clustered", "comment", "parent", "valid"})


def create(index: Index, site: Site) -> Drafts:
    """CREATE INDEX as Postgres deparses it; on a partitioned table for the partitions too."""
    if not index.constraint:
        if index.parent and not {(Index.word, index.parent), (Table.word, index.table)} & site.made:
            yield Refusal((), "Postgres cannot replace an index that is attached to its parent's: rename it instead")
            return
        sql = index.definition.replace(f" ON ONLY {index.table} ", f" ON {index.table} ", 1)
        why = "fails when rows hold the same values" if index.unique else ""
        yield Draft(sql, lock=SHARE, why=why)
    yield from beyond_creation(index, site)


def beyond_creation(index: Index, site: Site) -> Drafts:
    """What CREATE INDEX, or the constraint that the index carries, does not say."""
    plain = replace(index, tablespace="", clustered=False, comment="", valid=True)
    if not index.valid and not _is_partitioned(index, site):
        yield Refusal(("valid",), "an index that is not valid cannot be made on purpose: it is made valid")
    yield from alter(plain, index, differing(plain, index), site)


def _is_partitioned(index: Index, site: Site) -> bool:
    table = site.new.schema.get(Table, index.table)
    return table is not None and table.kind == "partitioned"


def drop(index: Index, site: Site) -> Drafts:
    """DROP INDEX."""
    if not index.constraint:
        yield Draft(f"DROP INDEX {index.identity}", lock=ACCESS_EXCLUSIVE)


def replaces(before: Index, after: Index, fields: tuple[str, ...], site: Site) -> bool:
    """True when more than storage, cluster mark, comment or attachment differs."""
    if not set(fields) <= _SETTABLE or ("valid" in fields and after.valid and not _is_partitioned(after, site)):
        return True
    return "definition" in fields and "options" not in fields


def alter(before: Index, after: Index, fields: tuple[str, ...], site: Site) -> Drafts:
    """ALTER INDEX, CLUSTER ON, COMMENT."""
    name = f"INDEX {after.identity}"
    if "options" in fields:
        for draft in set_options(f"ALTER {name}", before.options, after.options, SHARE_UPDATE_EXCLUSIVE):
            carried = site.new.schema.get(Constraint, f"{after.table}.{quote(after.constraint)}")
            settles = (carried,) if after.constraint and carried else ()
            yield (
                replace(draft, fields=("options", "definition"), settles=settles) if isinstance(draft, Draft) else draft
            )
    if "tablespace" in fields:
        sql = f"ALTER {name} SET TABLESPACE {quote(after.tablespace or 'pg_default')}"
        yield Draft(sql, ("tablespace",), lock=ACCESS_EXCLUSIVE, why="the index's files are copied")
    if "clustered" in fields and (after.clustered or not _other_clustered(after, site)):
        word = f"CLUSTER ON {quote(after.name)}" if after.clustered else "SET WITHOUT CLUSTER"
        others = tuple(one for one in site.new.schema.on(after.table, Index) if one.name != after.name)
        sql = f"ALTER TABLE {after.table} {word}"
        yield Draft(sql, ("clustered",), settles=_unmarked(others, site), lock=SHARE_UPDATE_EXCLUSIVE)
    if "parent" in fields and after.parent and not _comes_along(after, site):
        yield Draft(f"ALTER INDEX {after.parent} ATTACH PARTITION {after.identity}", ("parent",), lock=ACCESS_EXCLUSIVE)
    if "comment" in fields:
        yield comment(name, after.comment, SHARE_UPDATE_EXCLUSIVE)
    if "valid" in fields and not after.valid and not _is_partitioned(after, site):
        yield Refusal(("valid",), "an index cannot be made invalid on purpose")


def _comes_along(index: Index, site: Site) -> bool:
    """True when the index is taken over as its parent's is made, or as its table is attached."""
    return bool({(Index.word, index.parent), (Attachment.word, index.table)} & site.made)


def _unmarked(indexes: tuple[Index, ...], site: Site) -> tuple[Index, ...]:
    """Those that lose the cluster mark and nothing else."""
    before = ((site.old.schema.get(Index, one.identity), one) for one in indexes)
    return tuple(one for old, one in before if old and old.clustered and replace(old, clustered=False) == one)


def _other_clustered(index: Index, site: Site) -> bool:
    """True when another index of the table takes the cluster mark over."""
    return any(one.clustered for one in site.new.schema.on(index.table, Index) if key(one) != key(index))


INDEX = Recipe(create, drop, alter, replaces, Phase.RELATION, Phase.UNDO, 6)
