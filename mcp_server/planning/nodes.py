"""Works become nodes: what one statement makes or drops together, and what it needs for that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from mcp_server.model.change import Added, Altered, Change, Dropped
from mcp_server.model.deparsed import stable
from mcp_server.model.plan import Residue, Step
from mcp_server.model.schema import Column, Constraint, Function, Index, SchemaObject, Table
from mcp_server.planning.bounds import overlap
from mcp_server.planning.claims import claims, is_key, led_to, offered
from mcp_server.planning.draft import Draft, Phase, Recipe, Refusal, Site
from mcp_server.planning.gathering import expanded, gathered_drops, gathered_makings, needed, stood_on
from mcp_server.planning.order import Node
from mcp_server.planning.partitions import ancestors, takes_statement
from mcp_server.planning.recipes import RECIPES, columns, grants, tables
from mcp_server.planning.units import ASPECTS, Attachment, Key, Ownership, Unit, is_inherited, key
from mcp_server.planning.work import TYPES, Work, Works

_ASIDE = "aside"


class Builder:
    """Builds the nodes of one direction of a plan; `residues` names what recipes refused."""

    def __init__(self, found: Works, site: Site) -> None:
        self.works = found
        self.site = site
        self.residues: list[Residue] = []
        self._making = frozenset(name for name, work in found.items() if work.makes)
        self._own = frozenset(
            name for name in self._making if takes_statement(site.new.units[name], site.new.schema, self._making)
        )

    @cached_property
    def _gone(self) -> frozenset[Key]:
        """The units that are dropped."""
        return frozenset(name for name, work in self.works.items() if work.drops)

    @cached_property
    def _partition_indexes(self) -> dict[str, list[Key]]:
        """The indexes of partitions that take a statement of their own, by the index they will be attached to."""
        found: dict[str, list[Key]] = {}
        for name in sorted(self._own):
            unit = self.site.new.units[name]
            if isinstance(unit, Index) and unit.parent:
                found.setdefault(unit.parent, []).append(name)
        return found

    def nodes(self) -> list[Node]:
        """Every node, in no order."""
        built: list[Node] = []
        makings = gathered_makings(self.works, self.site)
        for host in makings.hosts():
            built += self._made(host, makings.members(host))
        built += self._inherited()
        drops = gathered_drops(self.works, self.site)
        for host in drops.hosts():
            built += self._dropped(host, drops.members(host))
        for name, work in self.works.items():
            if not work.makes and not work.drops:
                built += self._altered(name, work)
        return built

    def _needs(self, names: Iterable[Key]) -> frozenset[Key]:
        return frozenset(expanded(names, self._own, self._making, self.site.new))

    def _made(self, host: Key, members: list[Key]) -> Iterator[Node]:
        """The statement that makes a unit and its members, and those that finish each of them."""
        unit, recipe = self.site.new.units[host], RECIPES[type(self.site.new.units[host])]
        along = tuple(self.site.new.units[name] for name in members if name != host)
        site = self.site.with_members(along)
        main: Node | None = None
        previous: Node | None = None
        for count, draft in enumerate(self._drafts(unit, recipe.create(unit, site))):
            node = self._node(draft, unit, recipe, recipe.make, count, self._creation(unit, draft))
            node.needs = self._needs((*draft.needs, host))
            if main is None and (not draft.fields or isinstance(unit, ASPECTS)):
                main = node
                self._complete_making(node, unit, members, along)
            elif not draft.fields and previous is not None:
                node.after = (previous,)
            previous = node
            yield node
        for member in along:
            yield from self._finished(member, site)
        for one in (unit, *along):
            for count, draft in enumerate(self._drafts(one, grants.surplus(one, site))):
                node = self._node(draft, one, recipe, recipe.make, count, Added(real(one)))
                node.needs = self._needs((key(one),))
                yield node

    def _inherited(self) -> Iterator[Node]:
        """What a column that a parent hands down has beyond what the parent gives."""
        for name in sorted(self._making - self._own):
            column = self.site.new.units[name]
            if isinstance(column, Column):
                for count, draft in enumerate(self._drafts(column, tables.beyond_parent(column, self.site))):
                    node = self._node(draft, column, columns.COLUMN, Phase.RELATION, count, Added(column))
                    node.needs = self._needs((*draft.needs, name))
                    yield node

    def _complete_making(self, node: Node, unit: Unit, members: list[Key], along: tuple[Unit, ...]) -> None:
        """Let a node make all its members, and need all that they stand on."""
        used = (one for name in members for one in needed(self.site.new.units[name], self.site.new))
        node.makes = frozenset(members)
        node.needs = self._needs((*used, *self._children_first(unit))) - node.makes
        node.wishes = self.site.new.wishes(key(unit))
        node.body = isinstance(unit, Function) and unit.language == "sql"
        node.claims = node.claims.union(*(claims(one) | led_to(one) | self._in_the_way(one) for one in (unit, *along)))
        parts = tuple(one for one in along if not isinstance(one, ASPECTS))
        node.step = replace(node.step, parts=(*parts, *node.step.parts))

    def _children_first(self, unit: Unit) -> Iterator[Key]:
        """The indexes of partitions that a partitioned index takes over instead of making its own."""
        if isinstance(unit, Index):
            yield from self._partition_indexes.get(unit.identity, ())

    def _finished(self, member: Unit, site: Site) -> Iterator[Node]:
        """What a member has beyond its part in the statement: storage, comment, owner."""
        if isinstance(member, ASPECTS):
            return
        recipe = RECIPES[type(member)]
        for count, draft in enumerate(self._drafts(member, recipe.create(member, site))):
            if draft.fields:
                node = self._node(draft, member, recipe, recipe.make, count, Added(member))
                node.needs = self._needs((*draft.needs, key(member)))
                yield node

    def _dropped(self, host: Key, members: list[Key]) -> Iterator[Node]:
        """The statements that drop a unit and what goes along; a type that is replaced steps aside first."""
        unit, recipe = self.site.old.units[host], RECIPES[type(self.site.old.units[host])]
        along = tuple(self.site.old.units[name] for name in members if name != host)
        used = frozenset(one for name in members for one in self._until_gone(name))
        previous: tuple[Node, ...] = ()
        steps_aside = False
        drafts = list(self._drafts(unit, recipe.drop(unit, self.site.with_members(along))))
        for count, draft in enumerate(drafts):
            node = self._node(draft, unit, recipe, recipe.remove, count, self._removal(unit))
            node.after, previous = previous, (node,)
            names = claims(unit).union(*(claims(one) for one in along))
            if draft.aside:
                steps_aside = True
                node.place = (Phase.TYPE, *node.place[1:])
                node.ends, node.releases = frozenset({(_ASIDE, host[1])}), names
            elif count == len(drafts) - 1:
                parts = tuple(one for one in along if not isinstance(one, ASPECTS))
                node.step = replace(node.step, parts=(*parts, *node.step.parts))
                node.ends = frozenset(members)
                node.frees = used | (self._aside(used) if isinstance(unit, Function) else frozenset())
                node.releases = frozenset() if steps_aside else names.union(*(offered(one) for one in (unit, *along)))
                node.claims = self._detached_before(unit)
            else:
                node.step = replace(node.step, fields=("",))
            yield node

    def _until_gone(self, name: Key) -> frozenset[Key]:
        """What a unit stands on while it stands. A column may change its type while a sequence belongs to it."""
        used = stood_on(name, self.site.old, self._gone)
        if name[0] != Ownership.word:
            return used
        return frozenset(one for one in used if not self._is_retyped(one))

    def _detached_before(self, unit: Unit) -> frozenset[tuple[str, str]]:
        """An index that a partition has from its parent can be dropped when the partition is detached."""
        attachment = (Attachment.word, getattr(unit, "table", ""))
        gone = self.works.get(attachment)
        return frozenset({attachment}) if is_inherited(unit) and gone and gone.drops else frozenset()

    def _in_the_way(self, unit: Unit) -> frozenset[tuple[str, str]]:
        """Partitions that are taken away, or get other bounds, whose rows a partition is to take, or to which a new foreign key would lead;
        and those that are partitioned by columns that a new key lacks."""
        if isinstance(unit, Attachment):
            return frozenset(key(one) for one in self._leaving if overlap(unit.item, one.item))
        if isinstance(unit, Constraint) and unit.kind == "f":
            return frozenset(key(one) for one in self._leaving if self._lies_in(one, unit.references))
        if isinstance(unit, Constraint | Index) and is_key(unit):
            apart = (one for one in self._leaving if one.item.partition_by)
            return frozenset(key(one) for one in apart if self._lies_in(one, unit.table))
        return frozenset()

    def _lies_in(self, partition: Attachment, table: str) -> bool:
        return table in ancestors(partition.identity, self.site.old.schema)

    @cached_property
    def _leaving(self) -> tuple[Attachment, ...]:
        """The attachments that end, those among them that begin anew included."""
        gone = (work.before for work in self.works.values())
        return tuple(one for one in gone if isinstance(one, Attachment))

    def _aside(self, used: Iterable[Key]) -> frozenset[Key]:
        """A function's parameters are called by name when it is dropped, so this comes before they step aside."""
        return frozenset((_ASIDE, name[1]) for name in used if isinstance(self.site.old.units.get(name), TYPES))

    def _altered(self, name: Key, work: Work) -> Iterator[Node]:
        """A chain of statements that alter one unit in place."""
        before, after = work.before, work.after
        assert before is not None
        assert after is not None
        recipe = RECIPES[type(after)]
        previous: tuple[Node, ...] = ()
        for count, draft in enumerate(self._drafts(after, recipe.alter(before, after, work.fields, self.site))):
            change = self._alteration(before, after, draft.fields)
            node = self._node(draft, after, recipe, recipe.make, count, change)
            node.makes = node.ends = frozenset({name})
            node.firm = draft.retypes
            node.needs = self._needs((*self.site.new.of(name), *draft.needs)) - {name}
            node.frees = self._given_up(name).union(draft.frees)
            node.wishes = self.site.new.wishes(name)
            node.body = isinstance(after, Function) and after.language == "sql"
            node.after, previous = previous, (node,)
            if isinstance(after, Attachment) and count == 0:
                node.releases = frozenset({name})
            elif isinstance(after, Attachment):
                node.claims = self._in_the_way(after)
            yield node

    def _given_up(self, name: Key) -> frozenset[Key]:
        """What a unit that is altered in place no longer uses in its old form. Postgres takes it along with a column's new type."""
        return frozenset(one for one in self.site.old.of(name) if not self._is_retyped(one))

    def _is_retyped(self, name: Key) -> bool:
        work = self.works.get(name)
        return name[0] == Column.word and work is not None and bool({"type", "collation"} & set(work.fields))

    def _drafts(self, unit: Unit, drafts: Iterable[Draft | Refusal]) -> Iterator[Draft]:
        """The drafts; refusals are put among the residues."""
        for draft in drafts:
            if isinstance(draft, Draft):
                yield draft
            else:
                change = self._refused(unit, draft.fields)
                self.residues.append(Residue(change, draft.reason))

    def _refused(self, unit: Unit, fields: tuple[str, ...]) -> Change:
        work = self.works.get(key(unit))
        item = real(unit)
        if work and work.before is not None and work.after is not None:
            return Altered(real(work.before), real(work.after), fields)
        return Dropped(item) if work and work.after is None else Added(item)

    def _node(self, draft: Draft, unit: Unit, recipe: Recipe, phase: Phase, count: int, change: Change) -> Node:
        work = self.works.get(key(unit))
        is_new = self._is_new(unit)
        why = "; ".join(text for text in (work.why if work else "", "" if is_new else draft.why) if text)
        as_written = isinstance(unit, Function) or draft.fields == ("comment",)
        step = Step(
            sql=draft.sql if as_written else stable(draft.sql),
            change=change,
            parts=tuple(one for one in draft.settles),
            fields=draft.fields,
            destructive=draft.destructive,
            transactional=draft.transactional,
            lock="" if is_new else draft.lock,
            why=why,
        )
        node = Node(step, place(draft.phase if draft.phase is not None else phase, unit, recipe, count))
        node.asks = bool(draft.needs or draft.frees)
        node.claims = frozenset({("relation", draft.takes)}) if draft.takes else frozenset()
        node.releases = frozenset({("relation", draft.gives)}) if draft.gives else frozenset()
        return node

    def _is_new(self, unit: Unit) -> bool:
        """True when the unit hangs on a table that this plan makes: nobody else can wait for its locks."""
        return (Table.word, getattr(unit, "table", unit.identity)) in self._making

    def _creation(self, unit: Unit, draft: Draft) -> Change:
        """An aspect that is made on an object that stands already is a change of that object."""
        if isinstance(unit, ASPECTS) and (unit.item.word, unit.identity) not in self._making:
            return Altered(unit.bare, unit.item, type(unit).fields)
        return Added(real(unit))

    def _removal(self, unit: Unit) -> Change:
        if isinstance(unit, ASPECTS):
            work = self.works.get((unit.item.word, unit.identity))
            if work is None or not work.drops:
                return Altered(unit.item, unit.bare, type(unit).fields)
        return Dropped(real(unit))

    def _alteration(self, before: Unit, after: Unit, fields: tuple[str, ...]) -> Change:
        return Altered(real(before), real(after), fields)


def real(unit: Unit) -> SchemaObject:
    """The object that a unit is, or is an aspect of."""
    return unit.item if isinstance(unit, ASPECTS) else unit


def place(phase: Phase, unit: Unit, recipe: Recipe, count: int) -> tuple[object, ...]:
    """Where a statement stands among those that are free: by phase, relation, kind, position and name."""
    item = real(unit)
    relation = str(getattr(item, "table", item.identity))
    position = item.position if isinstance(item, Column) else 0
    return (phase, relation, recipe.order, position, unit.identity, unit.word, count)
