"""What stands on what: the dependencies between the units of one Schema.

`of` are those that Postgres keeps itself (pg_depend): what is used cannot be dropped before its users. They are found
in the values and in the texts that Postgres deparsed, where a name is a mention; a mention too many only costs an
order that was not needed. `wishes` are those that Postgres does not keep: what the body of a function speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from mcp_server.model.names import quote
from mcp_server.model.schema import (
    Column,
    Composite,
    Constraint,
    DefaultPrivilege,
    Domain,
    Enum,
    EventTrigger,
    Extension,
    Function,
    Grant,
    Index,
    Namespace,
    Policy,
    Publication,
    Range,
    RewriteRule,
    Schema,
    Sequence,
    Statistics,
    Table,
    Trigger,
    View,
)
from mcp_server.planning.bodies import has_parsed_body, header
from mcp_server.planning.mentions import Names
from mcp_server.planning.partitions import descendants, is_made_by
from mcp_server.planning.units import Attachment, Default, Key, Ownership, Unit, is_inherited, key, units

_TRIGGER_COLUMNS = re.compile(r" UPDATE OF (.+?) ON | WHEN \((.+)\) EXECUTE ")
_QUOTES = re.compile(r"\$\w*\$")  # a dollar may belong to a name: `task$function$` would be one word
_GRANT_TARGETS = {
    "table": ("table", "view"),
    "type": ("enum", "domain", "composite type", "range type"),
    "procedure": ("function",),
}


class Dependencies:
    """Dependencies of one Schema, found when they are asked for."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.units: dict[Key, Unit] = {key(unit): unit for item in schema for unit in units(item)}
        self._of: dict[Key, frozenset[Key]] = {}

    @cached_property
    def _names(self) -> Names:
        return Names(self.schema)

    def of(self, name: Key) -> frozenset[Key]:
        """The units that one unit stands on; empty for an unknown one."""
        found = self._of.get(name)
        if found is None:
            unit = self.units.get(name)
            used = frozenset(_FINDERS[type(unit)](self, unit)) if type(unit) in _FINDERS else frozenset()
            found = self._of[name] = frozenset(one for one in used if one in self.units and one != name)
        return found

    def wishes(self, name: Key) -> frozenset[Key]:
        """What the body of a function speaks of."""
        unit = self.units.get(name)
        if not isinstance(unit, Function) or has_parsed_body(unit):
            return frozenset()
        body = _QUOTES.sub(" ", unit.definition[len(header(unit)) :])
        found = set(self._names.in_query(body))
        plain = set(self._names.mentioned_plainly(body, (unit.schema, "public")))
        columns = (self._names.columns(identity, body) for word, identity in plain if word == "table")
        return frozenset(found.union(plain, *columns)) - {name}

    @cached_property
    def default_privileges(self) -> tuple[DefaultPrivilege, ...]:
        """What future objects will grant."""
        return tuple(unit for unit in self.units.values() if isinstance(unit, DefaultPrivilege))

    @cached_property
    def owned(self) -> dict[str, Sequence]:
        """The sequence that belongs to a column, by the column."""
        sequences = (unit for unit in self.units.values() if isinstance(unit, Sequence))
        return {sequence.owned_by: sequence for sequence in sequences if sequence.owned_by}

    @cached_property
    def referring(self) -> dict[str, tuple[Key, ...]]:
        """The foreign keys that lead to each table, without what Postgres makes of them for partitions."""
        found: dict[str, tuple[Key, ...]] = {}
        for one in self.schema.all(Constraint):
            if one.kind == "f" and not one.inherited:
                found[one.references] = (*found.get(one.references, ()), key(one))
        return found

    @cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        """The children of each table that has some."""
        return descendants(self.schema)

    @cached_property
    def _users(self) -> dict[Key, set[Key]]:
        users: dict[Key, set[Key]] = {}
        for name in self.units:
            for used in self.of(name):
                users.setdefault(used, set()).add(name)
        return users

    def users(self, name: Key) -> frozenset[Key]:
        """The units that stand on one."""
        return frozenset(self._users.get(name, ()))

    def bringers(self, name: Key) -> tuple[Key, ...]:
        """What a parent has that makes an inherited unit along; () for any other."""
        unit = self.units.get(name)
        if unit is None or not is_inherited(unit):
            return ()
        if isinstance(unit, Index):
            return ((Index.word, unit.parent),)
        return tuple(self._inherited(unit, getattr(unit, "table", "")))

    def _inherited(self, unit: Unit, table: str) -> Iterator[Key]:
        """The parent's units that make an inherited one."""
        own = self.schema.get(Table, table)
        parents = (own.partition_of, *own.inherits) if own else ()
        for parent in (*parents, table):
            for other in self.schema.on(parent, type(unit)) if parent else ():
                if other is not unit and not (parent == table and is_inherited(other)) and is_made_by(unit, other):
                    yield key(other)

    def _namespace(self, schema: str) -> Key:
        return (Namespace.word, quote(schema))

    def _relation(self, identity: str) -> Iterator[Key]:
        yield from ((Table.word, identity), (View.word, identity))

    def _table(self, table: Table) -> Iterator[Key]:
        yield self._namespace(table.schema)
        yield from ((Table.word, parent) for parent in table.inherits)
        yield from self._names.mentioned(table.of_type, table.partition_by)

    def _attachment(self, attachment: Attachment) -> Iterator[Key]:
        yield (Table.word, attachment.identity)
        yield (Table.word, attachment.item.partition_of)

    def _column(self, column: Column) -> Iterator[Key]:
        yield (Table.word, column.table)
        yield from self._names.mentioned(column.type, column.collation)
        if column.generated is not None:
            yield from self._names.mentioned(column.generated)
            yield from self._names.columns(column.table, column.generated)
        if column.inherited:
            yield from self._inherited(column, column.table)
            yield from self._names.mentioned(column.default or "")

    def _default(self, default: Default) -> Iterator[Key]:
        yield (Column.word, default.identity)
        yield from self._names.mentioned(default.item.default or "", default.item.type)

    def _constraint(self, constraint: Constraint) -> Iterator[Key]:
        yield (Table.word, constraint.table)
        yield from ((Column.word, f"{constraint.table}.{quote(name)}") for name in constraint.columns)
        if constraint.inherited:
            yield from self._inherited(constraint, constraint.table)
        if constraint.kind == "f":
            yield from self._foreign(constraint)
        else:
            yield from self._names.mentioned(constraint.definition)
            yield from self._names.columns(constraint.table, constraint.expression)

    def _foreign(self, constraint: Constraint) -> Iterator[Key]:
        yield (Table.word, constraint.references)
        columns = set(constraint.referenced_columns)
        yield from ((Column.word, f"{constraint.references}.{quote(name)}") for name in columns)
        for other in self.schema.on(constraint.references, Constraint):
            if other.kind in "pu" and set(other.columns) == columns:
                yield key(other)
        for index in self.schema.on(constraint.references, Index):
            if index.unique and not index.constraint and set(index.columns) == columns:
                yield key(index)

    def _index(self, index: Index) -> Iterator[Key]:
        yield from self._relation(index.table)
        yield from ((Column.word, f"{index.table}.{quote(name)}") for name in (*index.columns, *index.include) if name)
        yield from self._names.mentioned(*index.keys, index.predicate)
        yield from self._names.columns(index.table, *index.keys, index.predicate)
        if index.constraint:
            yield (Constraint.word, f"{index.table}.{quote(index.constraint)}")
        if index.parent:
            yield (Index.word, index.parent)

    def _view(self, view: View) -> Iterator[Key]:
        yield self._namespace(view.schema)
        yield from self._names.in_query(view.definition)
        yield from self._names.mentioned(*(column.default for column in view.columns))
        if "GROUP BY" in view.definition:  # columns outside of GROUP BY may rest on a primary key
            for word, identity in frozenset(self._names.mentioned(view.definition)):
                if word == Table.word:
                    yield from (key(one) for one in self.schema.on(identity, Constraint) if one.kind == "p")

    def _function(self, function: Function) -> Iterator[Key]:
        yield self._namespace(function.schema)
        if has_parsed_body(function):
            yield from self._names.in_query(function.definition.partition("(")[2])
        else:
            yield from self._names.mentioned(header(function).partition("(")[2])

    def _trigger(self, trigger: Trigger) -> Iterator[Key]:
        yield from self._relation(trigger.table)
        yield from self._names.mentioned(trigger.definition)
        for of, when in _TRIGGER_COLUMNS.findall(trigger.definition):
            yield from self._names.columns(trigger.table, of, when)
        if trigger.inherited:
            yield from self._inherited(trigger, trigger.table)

    def _rule(self, rule: RewriteRule) -> Iterator[Key]:
        yield from self._relation(rule.table)
        yield from self._names.in_query(rule.definition)

    def _policy(self, policy: Policy) -> Iterator[Key]:
        yield (Table.word, policy.table)
        yield from self._names.in_query(policy.using, policy.check)
        yield from self._names.columns(policy.table, policy.using, policy.check)

    def _statistics(self, statistics: Statistics) -> Iterator[Key]:
        yield self._namespace(statistics.schema)
        yield from self._relation(statistics.table)
        yield from self._names.in_query(statistics.definition)

    def _publication(self, publication: Publication) -> Iterator[Key]:
        yield from (self._namespace(name) for name in publication.schemas)
        for table in publication.tables:
            yield from self._names.in_query(table)

    def _event_trigger(self, trigger: EventTrigger) -> Iterator[Key]:
        yield from self._names.mentioned(trigger.function)

    def _domain(self, domain: Domain) -> Iterator[Key]:
        yield self._namespace(domain.schema)
        checks = (check.definition for check in domain.constraints)
        yield from self._names.mentioned(domain.type, domain.default or "", domain.collation, *checks)

    def _composite(self, composite: Composite) -> Iterator[Key]:
        yield self._namespace(composite.schema)
        yield from self._names.mentioned(*(attribute.type for attribute in composite.attributes))

    def _range(self, range_: Range) -> Iterator[Key]:
        yield self._namespace(range_.schema)
        definition = re.sub(r"MULTIRANGE_TYPE_NAME = .*", "", range_.definition)
        yield from self._names.mentioned(definition)

    def _ownership(self, ownership: Ownership) -> Iterator[Key]:
        yield (Sequence.word, ownership.identity)
        yield (Column.word, ownership.item.owned_by)

    def _grant(self, grant: Grant) -> Iterator[Key]:
        yield from ((word, grant.target) for word in _GRANT_TARGETS.get(grant.target_word, (grant.target_word,)))

    def _default_privilege(self, privilege: DefaultPrivilege) -> Iterator[Key]:
        yield self._namespace(privilege.schema)

    def _in_namespace(self, item: Enum | Sequence | Extension) -> Iterator[Key]:
        yield self._namespace(item.schema)


_FINDERS: dict[type, Callable[[Dependencies, Any], Iterator[Key]]] = {
    Table: Dependencies._table,
    Attachment: Dependencies._attachment,
    Column: Dependencies._column,
    Default: Dependencies._default,
    Constraint: Dependencies._constraint,
    Index: Dependencies._index,
    View: Dependencies._view,
    Function: Dependencies._function,
    Trigger: Dependencies._trigger,
    RewriteRule: Dependencies._rule,
    Policy: Dependencies._policy,
    Statistics: Dependencies._statistics,
    Publication: Dependencies._publication,
    EventTrigger: Dependencies._event_trigger,
    Domain: Dependencies._domain,
    Composite: Dependencies._composite,
    Range: Dependencies._range,
    Sequence: Dependencies._in_namespace,
    Enum: Dependencies._in_namespace,
    Extension: Dependencies._in_namespace,
    Ownership: Dependencies._ownership,
    Grant: Dependencies._grant,
    DefaultPrivilege: Dependencies._default_privilege,
}
