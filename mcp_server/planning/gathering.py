"""What is gathered into one CREATE TABLE, ADD COLUMN or DROP, and what stays a statement of its own."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from mcp_server.model.names import quote
from mcp_server.model.schema import (
    Column,
    Constraint,
    Function,
    Grant,
    Index,
    Policy,
    RewriteRule,
    Sequence,
    Statistics,
    Table,
    Trigger,
    View,
)
from mcp_server.planning.bundles import Bundles
from mcp_server.planning.dependencies import Dependencies
from mcp_server.planning.draft import Site
from mcp_server.planning.partitions import ancestors, index_of, is_born_attached, is_only, takes_statement, twins
from mcp_server.planning.recipes.columns import is_serial
from mcp_server.planning.units import Attachment, Default, Key, Ownership, Unit, is_inherited, key
from mcp_server.planning.work import Works

Pairs = Iterator[tuple[Key, Key]]
_ON_RELATION = (Trigger, RewriteRule, Policy, Statistics, Index)


def expanded(names: Iterable[Key], own: frozenset[Key], changing: frozenset[Key], deps: Dependencies) -> set[Key]:
    """The same names; one that a parent's statement brings along is replaced by what brings it."""
    found: set[Key] = set()
    waiting, seen = list(names), set[Key]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in own or name not in changing:
            found.add(name)
        else:
            waiting += deps.of(name)
    return found


def needed(unit: Unit, deps: Dependencies) -> frozenset[Key]:
    """What a unit with a statement of its own stands on: not what a parent would have brought along."""
    return deps.of(key(unit)) - frozenset(deps.bringers(key(unit))) | frozenset(_attached_before(unit, deps))


def _attached_before(unit: Unit, deps: Dependencies) -> Iterator[Key]:
    """What has to be attached before an index is made: partitions that an index ON ONLY the parent leaves out, and the index
    of a partition's parent that this one would be taken for."""
    index = index_of(unit, deps.schema) if isinstance(unit, Constraint) else unit
    if isinstance(index, Index) and is_only(index, deps.schema):
        yield from ((Attachment.word, child) for child in deps.children.get(index.table, ()))
    if isinstance(index, Index) and not index.parent:
        for twin in twins(index, deps.schema):
            yield from (key(twin), (Attachment.word, index.table))


def stood_on(name: Key, deps: Dependencies, gone: Container[Key]) -> frozenset[Key]:
    """What has to be dropped after a unit: also each partition of a table that a foreign key refers to.

    gone: all that is dropped. What a parent has handed down goes with its own table, before or after the parent's.
    """
    unit = deps.units[name]
    names = set(deps.of(name))
    if is_inherited(unit) and (Table.word, getattr(unit, "table", "")) in gone:
        names -= set(deps.bringers(name))
    waiting = [unit.references] if isinstance(unit, Constraint) and unit.kind == "f" and not unit.inherited else []
    while waiting:
        children = deps.children.get(waiting.pop(), ())
        waiting += children
        names.update((Table.word, child) for child in children)
    return frozenset(names)


def gathered_makings(found: Works, site: Site) -> Bundles:
    """The units that take a statement, with those that come along in a table's, a column's or a sequence's."""
    made = {name: work.after for name, work in found.items() if work.makes and work.after is not None}
    changing = frozenset(made)
    own = frozenset(name for name, unit in made.items() if takes_statement(unit, site.new.schema, changing))

    def needs(name: Key) -> set[Key]:
        unit = made[name]
        body = site.new.wishes(name) if isinstance(unit, Function) and unit.language == "sql" else ()
        return expanded((*needed(unit, site.new), *body), own, changing, site.new) & own

    bundles = Bundles(sorted(own), needs)
    for name, host in _firm_makings(made, own, site):
        bundles.join(name, host)
    bundles.join_where_free(_free_makings(made, own, site))
    return bundles


def _firm_makings(made: dict[Key, Unit], own: frozenset[Key], site: Site) -> Pairs:
    for name in sorted(own):
        unit = made[name]
        if isinstance(unit, Column) and (Table.word, unit.table) in own:
            yield name, (Table.word, unit.table)
        elif isinstance(unit, Index) and unit.constraint:
            yield name, (Constraint.word, f"{unit.table}.{quote(unit.constraint)}")
        elif isinstance(unit, Attachment) and (Table.word, unit.identity) in own:
            if is_born_attached(unit.item, site.new.schema):
                yield name, (Table.word, unit.identity)
        elif isinstance(unit, Constraint) and unit.kind == "n" and _is_bundled(unit):
            yield name, (Table.word, unit.table)
    for sequence in _serials(made, own, site):
        table = (Table.word, sequence.owned_by.rpartition(".")[0])
        for word in (Sequence.word, Ownership.word):
            yield (word, sequence.identity), table
        yield (Default.word, sequence.owned_by), table


def _serials(made: dict[Key, Unit], own: frozenset[Key], site: Site) -> Iterator[Sequence]:
    """The sequences that are no more than a new table's `serial` key, one a table at most."""
    taken: set[str] = set()
    for name in sorted(own):
        sequence = made[name]
        column = made.get((Column.word, sequence.owned_by)) if isinstance(sequence, Sequence) else None
        if not isinstance(sequence, Sequence) or not isinstance(column, Column) or column.table in taken:
            continue
        table = made.get((Table.word, column.table))
        if isinstance(table, Table) and table.persistence == "permanent" and table.kind == "table":
            key_columns = [one.columns for one in site.new.schema.on(column.table, Constraint) if one.kind == "p"]
            if is_serial(column, sequence) and key_columns == [(column.name,)]:
                taken.add(column.table)
                yield sequence


def _is_bundled(constraint: Constraint) -> bool:
    """True for a constraint that CREATE TABLE can carry: NOT VALID has no meaning there."""
    return constraint.validated or not constraint.enforced


def _free_makings(made: dict[Key, Unit], own: frozenset[Key], site: Site) -> Pairs:
    """Defaults first, then constraints, foreign keys last: who comes first stays inside when a circle has to open."""
    for name in sorted(own):
        if isinstance(unit := made[name], Default):
            table = (Table.word, unit.item.table)
            yield name, table if table in own else (Column.word, unit.identity)
    for name in sorted(own):
        if isinstance(made[name], Ownership):
            yield name, (Sequence.word, name[1])
    constraints = [(name, unit) for name in sorted(own) if isinstance(unit := made[name], Constraint)]
    for name, unit in sorted(constraints, key=lambda pair: pair[1].kind == "f"):
        if _is_bundled(unit) and unit.kind != "n" and not (unit.kind == "f" and site.keys_apart):
            yield name, (Table.word, unit.table)


def gathered_drops(found: Works, site: Site) -> Bundles:
    """The units that are dropped, with those that go along with their table, column, sequence or view."""
    gone = {name: work.before for name, work in found.items() if work.drops and work.before is not None}

    def needs(name: Key) -> frozenset[Key]:
        return stood_on(name, site.old, gone) & gone.keys()

    bundles = Bundles(sorted(gone), needs)
    for name, host in _firm_drops(gone, site):
        bundles.join(name, host)
    bundles.join_where_free(_free_drops(gone))
    return bundles


def _firm_drops(gone: dict[Key, Unit], site: Site) -> Pairs:
    for name in sorted(gone):
        unit = gone[name]
        if isinstance(unit, Column):
            hosts = [(Table.word, unit.table)]
        elif isinstance(unit, Index) and unit.constraint:
            hosts = [(Constraint.word, f"{unit.table}.{quote(unit.constraint)}")]
        elif isinstance(unit, Attachment):
            hosts = [] if _is_referred_to(unit, gone, site) else [(Table.word, unit.identity)]
        elif isinstance(unit, Ownership):
            hosts = [(Sequence.word, unit.identity)]
        elif isinstance(unit, Grant):
            hosts = sorted(site.old.of(name))
        elif isinstance(unit, Constraint) and (index := index_of(unit, site.old.schema)) and index.parent:
            hosts = [(Table.word, unit.table), *([(Index.word, index.parent)] if not unit.inherited else [])]
        else:
            hosts = []
        if is_inherited(unit):
            table = getattr(unit, "table", "")
            hosts += [(Table.word, table), *site.old.bringers(name)]
            hosts += [(Attachment.word, table)] if isinstance(unit, Trigger) else []
        host = next((one for one in hosts if one in gone and one != name), None)
        if host is not None:
            yield name, host


def _is_referred_to(attachment: Attachment, gone: dict[Key, Unit], site: Site) -> bool:
    """True for a partition of a table that a foreign key leads to and goes on to: it can be dropped only after it is detached."""
    above = ancestors(attachment.identity, site.old.schema)
    return any(one not in gone for table in above for one in site.old.referring.get(table, ()))


def _free_drops(gone: dict[Key, Unit]) -> Pairs:
    """What hangs on a relation goes with it; foreign keys come last, they are what makes circles."""
    late: list[tuple[Key, Key]] = []
    for name in sorted(gone):
        unit = gone[name]
        if isinstance(unit, Default):
            table = (Table.word, unit.item.table)
            yield name, table if table in gone else (Column.word, unit.identity)
        elif isinstance(unit, Sequence) and unit.owned_by:
            yield name, (Column.word, unit.owned_by)
        elif isinstance(unit, _ON_RELATION):
            yield name, (Table.word, unit.table) if (Table.word, unit.table) in gone else (View.word, unit.table)
        elif isinstance(unit, Constraint) and unit.kind != "f":
            yield name, (Table.word, unit.table)
        elif isinstance(unit, Constraint):
            late.append((name, (Table.word, unit.table)))
    yield from late
