"""What a parent's ALTER TABLE does to its partitions and children, and what has to be put right there.

ALTER COLUMN goes down to the children for type, NULL, default and storage (ATPrepCmd() in
src/backend/commands/tablecmds.c). A child that is to have the same needs no statement; one that is to differ gets its
own after its parent's. Statistics would go down too, but a new child does not take them over: each table is told its own.
"""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Table
from mcp_server.planning.draft import Site
from mcp_server.planning.units import Default, Key, key
from mcp_server.planning.work import Work, Works

_GOES_DOWN = ("type", "collation", "nullable", "default", "storage", "generated", "identity_kind",
              "identity_options")  # fmt: skip


def hand_down(found: Works, site: Site) -> Works:
    """The works without those that a parent's statement does along, and with those that put children right."""
    children = site.new.children
    altered = _altered_columns(found, site)
    waiting = sorted(altered)
    while waiting:
        name = waiting.pop()
        fields, parent = altered[name]
        for child in children.get(parent.table, ()):
            column = site.new.schema.get(Column, f"{child}.{quote(parent.name)}")
            before = site.old.schema.get(Column, f"{child}.{quote(parent.name)}")
            if column is None or before is None or not column.inherited:
                continue
            handed = fields if _shares_identity(child, site) else fields - {"identity_kind", "identity_options"}
            _put_right(found, before, column, parent, handed)
            altered[key(column)] = (handed, column)
            waiting.append(key(column))
    return {name: work for name, work in found.items() if not _is_empty(work)}


def _shares_identity(child: str, site: Site) -> bool:
    """True for partitions since PostgreSQL 17; other children have no part in a parent's identity column."""
    table = site.new.schema.get(Table, child)
    return bool(table and table.partition_of) and site.since(17)


def _altered_columns(found: Works, site: Site) -> dict[Key, tuple[frozenset[str], Column]]:
    """The declared columns that are altered in a way that goes down, in which fields, and what they become."""
    altered: dict[Key, tuple[frozenset[str], Column]] = {}
    for work in found.values():
        unit = work.after or work.before
        column = site.new.schema.get(Column, unit.identity) if unit else None
        if isinstance(unit, Default):
            fields = frozenset({"default"})
        elif isinstance(unit, Column) and work.before and work.after and not work.again and not unit.inherited:
            fields = frozenset(work.fields) & frozenset(_GOES_DOWN)
        else:
            continue
        if column is not None and fields:
            altered[key(column)] = (altered.get(key(column), (frozenset(),))[0] | fields, column)
    return altered


def _put_right(found: Works, before: Column, after: Column, parent: Column, fields: frozenset[str]) -> None:
    """Leave to the child what its parent's statement does not give it."""
    known = found.get(key(after))
    if known is not None and (known.again or known.before is None or known.after is None):
        return
    given = {name: getattr(parent, name) for name in fields}
    handed = replace(before, **given)
    wanted = [name for name in known.fields if name not in fields] if known else []
    wanted += [name for name in _GOES_DOWN if name in fields and getattr(handed, name) != getattr(after, name)]
    found[key(after)] = Work(handed, after, tuple(wanted))


def _is_empty(work: Work) -> bool:
    return work.before is not None and work.after is not None and not work.fields and not work.again
