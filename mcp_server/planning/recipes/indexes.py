"""Indexes that carry no constraint; those that do come and go with it."""

from __future__ import annotations

import re
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
from mcp_server.planning.partitions import former, is_attached_later, is_only

_STORAGE = re.compile(r" WITH \([^)]*\)")
_SETTABLE = frozenset({"options", "definition", "tablespace", "clustered", "comment", "parent", "valid"})


def create(index: Index, site: Site) -> Drafts:
    """CREATE INDEX as Postgres deparses it; on a partitioned table for the partitions too."""
    if (old := former_part(index, site)) is not None:
        yield from _renamed(old, index, site)
        return
    if not index.constraint:
        sql = index.definition
        if not is_only(index, site.new.schema):
            sql = sql.replace(f" ON ONLY {index.table} ", f" ON {index.table} ", 1)
        why = "fails when rows hold the same values" if index.unique else ""
        yield Draft(sql, lock=SHARE, why=why)
    yield from beyond_creation(index, site)


def beyond_creation(index: Index, site: Site) -> Drafts:
    """What CREATE INDEX, or the constraint that the index carries, does not say."""
    plain = replace(index, tablespace="", clustered=False, comment="", valid=True)
    if not index.valid and not _is_partitioned(index, site):
        yield Refusal(("valid",), "an index that is not valid cannot be made on purpose: it is made valid")
    yield from alter(plain, index, differing(plain, index), site)
    if is_attached_later(index, site.new.schema, site.made):
        yield _attach(index, site)


def former_part(index: Index, site: Site) -> Index | None:
    """The index whose place this one takes while the parent's stays: it cannot go alone, and is renamed."""
    return None if (Index.word, index.parent) in site.made else former(index, site.old.schema, site.new.schema)


def later_part(index: Index, site: Site) -> Index | None:
    """The index that takes the place of this one while the parent's stays."""
    return None if (Index.word, index.parent) in site.made else former(index, site.new.schema, site.old.schema)


def _renamed(old: Index, index: Index, site: Site) -> Drafts:
    """ALTER INDEX RENAME: an index that is attached to its parent's can be neither dropped nor joined by another."""
    if not index.constraint:
        sql = f"ALTER INDEX {old.identity} RENAME TO {quote(index.name)}"
        yield Draft(sql, settles=(old,), lock=SHARE_UPDATE_EXCLUSIVE, gives=old.identity)
    text = old.definition.replace(quote(old.name), quote(index.name), 1)
    named = replace(old, name=index.name, constraint=index.constraint, definition=text)
    yield from alter(named, index, differing(named, index), site)


def _attach(index: Index, site: Site) -> Draft:
    """ATTACH PARTITION, which makes the parent's index valid when it is the last."""
    sql = f"ALTER INDEX {index.parent} ATTACH PARTITION {index.identity}"
    before, after = (schema.get(Index, index.parent) for schema in (site.old.schema, site.new.schema))
    turns = before is not None and after is not None and before.valid != after.valid
    settles = (after,) if turns and after else ()
    return Draft(sql, ("parent",), ((Index.word, index.parent),), settles=settles, lock=ACCESS_EXCLUSIVE)


def _is_partitioned(index: Index, site: Site) -> bool:
    table = site.new.schema.get(Table, index.table)
    return table is not None and table.kind == "partitioned"


def drop(index: Index, site: Site) -> Drafts:
    """DROP INDEX."""
    if not index.constraint and later_part(index, site) is None:
        takes = any(isinstance(unit, Constraint) and unit.kind in "pux" for unit in site.members)
        why = "the keys of partitions that stand on it go along" if takes else ""
        yield Draft(f"DROP INDEX {index.identity}{' CASCADE' * takes}", lock=ACCESS_EXCLUSIVE, why=why)


def replaces(before: Index, after: Index, fields: tuple[str, ...], site: Site) -> bool:
    """True when more than storage, cluster mark, comment or attachment differs."""
    if not set(fields) <= _SETTABLE or ("valid" in fields and after.valid and not _is_partitioned(after, site)):
        return True
    if "valid" in fields and not after.valid and _is_partitioned(after, site):
        return True  # it lacks the index of a partition, which it can only be made with
    if before.parent and not after.parent and (Index.word, before.parent) not in site.new.units:
        return True  # the parent's is dropped, and takes this one along
    return "definition" in fields and "options" not in fields and not _is_order_only(before, after, fields)


def alter(before: Index, after: Index, fields: tuple[str, ...], site: Site) -> Drafts:
    """ALTER INDEX, CLUSTER ON, COMMENT."""
    name = f"INDEX {after.identity}"
    if "options" in fields or _is_order_only(before, after, fields):
        yield from _alter_options(before, after, site)
    if "tablespace" in fields:
        sql = f"ALTER {name} SET TABLESPACE {quote(after.tablespace or 'pg_default')}"
        yield Draft(sql, ("tablespace",), lock=ACCESS_EXCLUSIVE, why="the index's files are copied")
    if "clustered" in fields:
        word = f"CLUSTER ON {quote(after.name)}" if after.clustered else "SET WITHOUT CLUSTER"
        mark = f"the cluster mark of {after.table}"
        yield Draft(
            f"ALTER TABLE {after.table} {word}",
            ("clustered",),
            lock=SHARE_UPDATE_EXCLUSIVE,
            takes=mark if after.clustered else "",
            gives="" if after.clustered else mark,
        )
    if "parent" in fields and is_attached_later(after, site.new.schema, site.made):
        yield _attach(after, site)
    if "comment" in fields:
        yield comment(name, after.comment, SHARE_UPDATE_EXCLUSIVE)
    if "valid" in fields and not after.valid and not _is_partitioned(after, site):
        yield Refusal(("valid",), "an index cannot be made invalid on purpose")


def _is_order_only(before: Index, after: Index, fields: tuple[str, ...]) -> bool:
    """True when the definitions differ in the order of their storage parameters alone."""
    apart = _STORAGE.sub("", before.definition) == _STORAGE.sub("", after.definition)
    return "definition" in fields and "options" not in fields and bool(before.options) and apart


def _alter_options(before: Index, after: Index, site: Site) -> Drafts:
    """SET and RESET. Postgres appends what is new to what it has: where that gives another order, all are set anew."""
    names = tuple(pair.partition("=")[0] for pair in before.options)
    wanted = sorted(after.options, key=lambda pair: _at(after.definition, pair))
    listed = sorted(before.options, key=lambda pair: _at(before.definition, pair))
    kept = [
        pair.partition("=")[0] for pair in listed if pair.partition("=")[0] in {one.partition("=")[0] for one in wanted}
    ]
    carried = site.new.schema.get(Constraint, f"{after.table}.{quote(after.constraint)}")
    settles = (carried,) if after.constraint and carried else ()
    drafts = list(set_options(f"ALTER INDEX {after.identity}", before.options, tuple(wanted), SHARE_UPDATE_EXCLUSIVE))
    if [pair.partition("=")[0] for pair in wanted][: len(kept)] != kept:
        drafts = [Draft(f"ALTER INDEX {after.identity} RESET ({', '.join(names)})", lock=SHARE_UPDATE_EXCLUSIVE)]
        drafts += set_options(f"ALTER INDEX {after.identity}", (), tuple(wanted), SHARE_UPDATE_EXCLUSIVE)
    for draft in drafts:
        if isinstance(draft, Draft):
            yield replace(draft, fields=("options", "definition"), settles=settles)


def _at(definition: str, pair: str) -> int:
    """Where a storage parameter stands in a definition."""
    return definition.find(pair.partition("=")[0] + "=")


INDEX = Recipe(create, drop, alter, replaces, Phase.RELATION, Phase.UNDO, 6)
