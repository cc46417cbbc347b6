"""A Schema as what the pages of its documentation say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from mcp_server.model.documented import (
    Decision,
    Declared,
    Documentation,
    DocumentedColumn,
    DocumentedIndex,
    DocumentedRelation,
    Line,
    Link,
    RelationKind,
)
from mcp_server.model.facts import Facts, primary_key, unserved
from mcp_server.model.neighbourhoods import neighbourhoods
from mcp_server.model.schema import (
    Column,
    Composite,
    Constraint,
    Domain,
    Enum,
    Function,
    Index,
    Policy,
    Range,
    Table,
    Trigger,
    View,
)
from mcp_server.render.expression import short
from mcp_server.render.index_reason import reason_of
from mcp_server.render.key_text import constraint_text, index_tail, trigger_text
from mcp_server.render.mermaid import is_unique
from mcp_server.render.object_text import function_line, type_lines
from mcp_server.render.table_text import partition_lines, policy_text, varchars_of
from mcp_server.render.text import top_relations
from mcp_server.render.words import clean, commas, short_type

LONGEST_PAGE = 80  # characters of a page's name
# No file of Windows may be called so: https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.I)
_KINDS: Mapping[str, RelationKind] = {
    "table": "table",
    "partitioned": "partitioned table",
    "foreign": "foreign table",
}


def document(
    facts: Facts,
    source: str,
    declared: Mapping[str, tuple[Declared, ...]] | None = None,
    doubts: Mapping[str, str] | None = None,
    decisions: tuple[Decision, ...] = (),
    purposes: Mapping[str, str] | None = None,
) -> Documentation:
    """All that the pages say. declared: by a relation's identity. doubts, purposes: by an index's identity, what speaks against
    it, and what it is stated to be for."""
    relations = top_relations(facts)
    pages = _pages([one.identity for one in relations])
    links = {one.identity: _links(one, facts) for one in relations}
    incoming: dict[str, list[Link]] = {}
    for link in (link for found in links.values() for link in found):
        incoming.setdefault(link.parent, []).append(link)
    documented = tuple(
        _relation(
            one, facts, pages[one.identity], links[one.identity], tuple(incoming.get(one.identity, ())),
            (declared or {}).get(one.identity, ()), doubts or {}, purposes or {},
        )
        for one in relations
    )  # fmt: skip
    tables = [one.identity for one in relations if isinstance(one, Table)]
    groups, alone = neighbourhoods(tables, (link for found in links.values() for link in found))
    kinds = tuple(item for kind in (Enum, Domain, Composite, Range) for item in facts.schema.all(kind))
    return Documentation(
        source=source,
        relations=documented,
        neighbourhoods=groups,
        alone=alone,
        types=tuple(sorted(type_lines(kinds))),
        functions=tuple(sorted(function_line(one) for one in facts.schema.all(Function))),
        decisions=decisions,
    )


def _pages(identities: Sequence[str]) -> dict[str, str]:
    """A page's name for each relation that any file system takes, and that no other has, whatever the case."""
    plain = {identity: _slug(identity.removeprefix("public.")) for identity in identities}
    taken = [name.lower() for name in plain.values()]
    return {
        identity: name if taken.count(name.lower()) == 1 else f"{name}-{sha256(identity.encode()).hexdigest()[:6]}"
        for identity, name in plain.items()
    }


def _slug(name: str) -> str:
    kept = "".join(
        letter if unicodedata.category(letter)[0] in "LN" or letter in "_-." else "-" for letter in clean(name)
    )
    slug = re.sub(r"-{2,}", "-", kept).strip("-.")[:LONGEST_PAGE] or "table"
    return f"{slug}_" if _DEVICE.match(slug) else slug


def _links(relation: Table | View, facts: Facts) -> tuple[Link, ...]:
    nullable = {one.name for one in facts.schema.on(relation.identity, Column) if one.nullable}
    without_index = unserved(facts.schema, relation.identity)
    return tuple(
        Link(
            relation.identity,
            key.references,
            key.columns,
            key.on_delete.lower() or "no action",
            bool(nullable.intersection(key.columns)),
            is_unique(relation, key, facts),
            key not in without_index,
        )
        for key in facts.schema.on(relation.identity, Constraint)
        if key.kind == "f"
    )


def _relation(
    relation: Table | View,
    facts: Facts,
    page: str,
    outgoing: tuple[Link, ...],
    incoming: tuple[Link, ...],
    declared: tuple[Declared, ...],
    doubts: Mapping[str, str],
    purposes: Mapping[str, str],
) -> DocumentedRelation:
    name = relation.identity
    columns = facts.schema.on(name, Column)
    varchars = varchars_of(columns)
    return DocumentedRelation(
        identity=name,
        page=page,
        kind=_kind(relation),
        comment=clean(relation.comment),
        columns=_columns(relation, facts),
        constraints=tuple(_constraints(name, facts, varchars)),
        indexes=tuple(_index(one, facts, varchars, doubts, purposes) for one in facts.schema.on(name, Index)),
        outgoing=outgoing,
        incoming=incoming,
        policies=tuple(Line(one.name, policy_text(one, False), one.comment) for one in facts.schema.on(name, Policy)),
        triggers=tuple(_trigger(one, name) for one in facts.schema.on(name, Trigger) if not one.inherited),
        row_security=_row_security(relation, facts),
        partitions="; ".join(partition_lines(relation, facts)) if isinstance(relation, Table) else "",
        definition=clean(relation.definition) if isinstance(relation, View) else "",
        read_by=facts.dependents.get(name, ()),
        declared=declared,
    )


def _kind(relation: Table | View) -> RelationKind:
    if isinstance(relation, View):
        return "materialized view" if relation.materialized else "view"
    return _KINDS[relation.kind]


def _columns(relation: Table | View, facts: Facts) -> tuple[DocumentedColumn, ...]:
    if isinstance(relation, View):
        return tuple(
            DocumentedColumn(one.name, short_type(one.type), True, note=one.comment) for one in relation.columns
        )
    keys = _keys(relation.identity, facts)
    return tuple(
        DocumentedColumn(
            one.name, short_type(one.type), one.nullable, _default(one, facts), keys.get(one.name, ()), clean(one.comment)
        )
        for one in facts.schema.on(relation.identity, Column)
    )  # fmt: skip


def _keys(table: str, facts: Facts) -> dict[str, tuple[str, ...]]:
    """PK, FK and UK by column; UK where the column alone is unique."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys(primary_key(facts.schema, table), ("PK",))
    alone = {
        one.columns[0]
        for one in facts.schema.on(table, Index)
        if one.unique and len(one.columns) == 1 and not one.predicate
    }
    led = {name for one in facts.schema.on(table, Constraint) if one.kind == "f" for name in one.columns}
    for name in sorted(led | alone):
        marks = found.get(name, ())
        found[name] = (*marks, *(("FK",) if name in led else ()), *(("UK",) if name in alone and not marks else ()))
    return found


def _default(column: Column, facts: Facts) -> str:
    if column.identity_kind:
        return f"identity{'' if column.identity_kind == 'always' else ' (by default)'}"
    if column.generated is not None:
        return f"generated: {short(column.generated, column.type)}"
    if column.identity in facts.sequences:
        return "sequence"
    return short(column.default, column.type) if column.default is not None else ""


def _constraints(table: str, facts: Facts, varchars: frozenset[str]) -> Iterable[Line]:
    order = sorted(facts.schema.on(table, Constraint), key=lambda one: ("pufcxn".index(one.kind), one.name))
    for one in order:
        yield Line(one.name, constraint_text(one, facts, varchars, False), clean(one.comment))


def _index(
    index: Index, facts: Facts, varchars: frozenset[str], doubts: Mapping[str, str], purposes: Mapping[str, str]
) -> DocumentedIndex:
    method = "" if index.method == "btree" else f"{index.method} "
    unique = "unique " if index.unique else ""
    keys = commas(short(key, varchars=varchars) for key in index.keys)
    text = " ".join((f"{unique}{method}({keys})", *index_tail(index, varchars)))
    reason = clean(reason_of(index, facts.schema, purposes.get(index.identity, "")))
    return DocumentedIndex(index.name, index.table, text, reason, doubts.get(index.identity, ""))


def _trigger(trigger: Trigger, table: str) -> Line:
    state = "" if trigger.enabled == "origin" else f" ({trigger.enabled})"
    return Line(
        trigger.name, trigger_text(trigger.definition, table, trigger.name, False) + state, clean(trigger.comment)
    )


def _row_security(relation: Table | View, facts: Facts) -> str:
    if isinstance(relation, View):
        return ""
    if relation.row_security:
        return "on, also for the table's owner" if relation.force_row_security else "on, but not for the table's owner"
    return "off: its policies do nothing" if facts.schema.on(relation.identity, Policy) else ""
