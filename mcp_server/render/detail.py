"""Everything about one object: names, bodies, who points at it, who may use it, how it is used."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.facts import Facts, unserved
from mcp_server.model.names import quote
from mcp_server.model.schema import (
    Column,
    Composite,
    Constraint,
    Domain,
    Enum,
    Function,
    Grant,
    Index,
    SchemaObject,
    Sequence,
    Statistics,
    Table,
    Trigger,
    View,
)
from mcp_server.model.usage import RelationUsage
from mcp_server.render.expression import short
from mcp_server.render.key_text import constraint_text, index_text
from mcp_server.render.object_text import function_line, sequence_line, type_lines
from mcp_server.render.table_text import (
    column_text,
    grant_text,
    hanging,
    head,
    natural,
    remark,
    statistics_text,
    usage_words,
    varchars_of,
    view_head,
)
from mcp_server.render.words import bare, commas, count, indented, relative, short_type, size

COMMENT_LIMIT = 2_000
PARTITIONS = 100


def detail_lines(item: SchemaObject, facts: Facts, said: frozenset[str] = frozenset()) -> list[str]:
    """All that is known of an object. said: identities of objects that are said besides, and so not said again here."""
    match item:
        case Table():
            return _table(item, facts, said)
        case View():
            return _view(item, facts)
        case Function():
            return [function_line(item), *indented(item.definition), *_other_grants(item, "function", facts)]
        case Enum() | Domain() | Composite():
            return [*type_lines([item]), *_users(item.identity, facts), *_other_grants(item, "type", facts)]
        case Sequence():
            owner = f" OWNED BY {relative(item.owned_by)}" if item.owned_by else ""
            return [f"{sequence_line(item)}{owner}", *_other_grants(item, "sequence", facts)]
    return [*type_lines([item])] or [f"{item.word.upper()} {relative(item.identity)}"]


def _table(table: Table, facts: Facts, said: frozenset[str]) -> list[str]:
    name = table.identity
    columns = facts.schema.on(name, Column)
    usage = facts.usage_of(table)
    lines = [f"{head(table, facts)}{_remark(*usage_words(usage), table.comment)}"]
    lines += [f" {column_text(column, facts)}{_remark(column.comment)}" for column in columns]
    lines += [f" {text}" for text in _constraints(table, facts, varchars_of(columns))]
    lines += [f" {text}" for text in _indexes(name, facts, varchars_of(columns))]
    lines += [f" STATISTICS {item.identity} {statistics_text(item)}" for item in facts.schema.on(name, Statistics)]
    lines += [f" {text}" for text in hanging(name, facts, with_names=True)]
    lines += [f" {text}" for text in _partitions(table, facts)]
    lines += [f" {text}" for text in _neighbours(name, facts)]
    lines += [f" {grant_text(grant)}{_on_column(grant)}" for grant in _grants(name, facts)]
    if usage is not None and facts.usage is not None:
        lines.append(f" -- {_used(usage, facts.usage.since)}")
    return lines + _types_of(columns, facts, said) + _bodies(name, facts, said)


def _view(view: View, facts: Facts) -> list[str]:
    name = view.identity
    usage = facts.usage_of(view) if view.materialized else None
    lines = [f"{view_head(view)}{_remark(*usage_words(usage), view.comment)}"]
    for column in view.columns:
        default = f" DEFAULT {short(column.default, column.type)}" if column.default else ""
        lines.append(f" {quote(column.name)} {short_type(column.type)}{default}{_remark(column.comment)}")
    lines += [" AS", *indented(view.definition)]
    lines += [f" {text}" for text in _indexes(name, facts, frozenset())]
    lines += [f" {text}" for text in hanging(name, facts, with_names=True)]
    lines += [f" {text}" for text in _neighbours(name, facts)]
    return lines + [f" {grant_text(grant)}{_on_column(grant)}" for grant in _grants(name, facts)]


def _constraints(table: Table, facts: Facts, varchars: frozenset[str]) -> Iterator[str]:
    without_index = unserved(facts.schema, table.identity)
    keys = facts.schema.on(table.identity, Constraint)
    for key in sorted(keys, key=lambda key: "pufcxn".index(key.kind)):
        text = constraint_text(key, facts, varchars, key in without_index)
        yield f"CONSTRAINT {quote(key.name)} {text}{' INHERITED' if key.inherited else ''}{_remark(key.comment)}"


def _indexes(relation: str, facts: Facts, varchars: frozenset[str]) -> Iterator[str]:
    for index in facts.schema.on(relation, Index):
        text = index_text(index, varchars).replace("INDEX", f"INDEX {quote(index.name)}", 1)
        words = [text, *(["CLUSTER"] if index.clustered else [])]
        words += [f"TABLESPACE {quote(index.tablespace)}"] if index.tablespace else []
        words += [f"PARTITION OF {relative(index.parent)}"] if index.parent else []
        usage = facts.usage.indexes.get(index.identity) if facts.usage else None
        notes = [f"{count(usage.scans, 'scan')}"] if usage else []
        notes += [size(usage.size)] if usage and usage.size is not None else []
        notes += [f"of constraint {quote(index.constraint)}"] if index.constraint not in ("", index.name) else []
        yield f"{' '.join(words)}{_remark(', '.join(notes), index.comment)}"


def _partitions(table: Table, facts: Facts) -> Iterator[str]:
    parts = sorted(facts.partitions.get(table.identity, ()), key=natural)
    for part in parts[:PARTITIONS]:
        key = f" PARTITION BY {part.partition_by}" if part.partition_by else ""
        yield f"PARTITION {relative(part.identity)} {part.partition_bound}{key}{_remark(*usage_words(facts.usage_of(part)))}"
    if len(parts) > PARTITIONS:
        yield f"-- and {count(len(parts) - PARTITIONS, 'more partition')}"


def _neighbours(relation: str, facts: Facts) -> Iterator[str]:
    """Who points here: foreign keys of other tables, and views."""
    for key in sorted(facts.incoming.get(relation, ()), key=lambda key: key.identity):
        action = key.definition.partition(" REFERENCES ")[2].partition(")")[2]
        yield f"REFERENCED BY {relative(key.table)} ({commas(map(quote, key.columns))}){action}"
    views = facts.dependents.get(relation, ())
    if views:
        yield f"READ BY {commas(map(relative, views))}"


def _grants(relation: str, facts: Facts) -> list[Grant]:
    """What is granted on a relation and on its columns."""
    columns = (grant for grant in facts.schema.group(Grant.word) if isinstance(grant, Grant))
    apart = [g for g in columns if g.target_word == "column" and g.target.startswith(f"{relation}.")]
    return [*facts.schema.on(relation, Grant), *apart]


def _on_column(grant: Grant) -> str:
    return f" ON COLUMN {quote(bare(grant.target))}" if grant.target_word == "column" else ""


def _other_grants(item: SchemaObject, word: str, facts: Facts) -> list[str]:
    words = (word, "procedure") if word == "function" else (word,)
    grants = (grant for grant in facts.schema.group(Grant.word) if isinstance(grant, Grant))
    return [f" {grant_text(g)}" for g in grants if g.target_word in words and g.target == item.identity]


def _used(usage: RelationUsage, since: str) -> str:
    """The counters of a table in one line."""
    figures = (
        (usage.scans, "sequential scan"),
        (usage.index_scans, "index scan"),
        (usage.inserted, "row inserted", "rows inserted"),
        (usage.updated, "updated", "updated"),
        (usage.deleted, "deleted", "deleted"),
        (usage.dead_rows, "dead row"),
    )
    said = [count(number, *words) for number, *words in figures]
    indexes = f"; indexes {size(usage.index_size)}" if usage.index_size is not None else ""
    dates = f"; analyzed {usage.analyzed or 'never'}, vacuumed {usage.vacuumed or 'never'}"
    return f"use since {since or 'the start'}: {commas(said)}{indexes}{dates}"


def _types_of(columns: tuple[Column, ...], facts: Facts, said: frozenset[str]) -> list[str]:
    """The user's own types that the columns have."""
    used = {column.type.removesuffix("[]") for column in columns} - said
    known = [item for kind in (Enum, Domain, Composite) for item in facts.schema.all(kind) if item.identity in used]
    return type_lines(known)


def _bodies(relation: str, facts: Facts, said: frozenset[str]) -> list[str]:
    """The functions that the triggers of a relation call."""
    triggers = facts.schema.on(relation, Trigger)
    called = {trigger.definition.partition(" EXECUTE FUNCTION ")[2].partition("(")[0] for trigger in triggers}
    lines: list[str] = []
    for item in facts.schema.all(Function):
        if item.identity.partition("(")[0] in called and item.returns == "trigger" and item.identity not in said:
            lines += [function_line(item), *indented(item.definition)]
    return lines


def _users(type_name: str, facts: Facts) -> list[str]:
    """The columns that have a type."""
    found = [column.identity for column in facts.schema.all(Column) if column.type.removesuffix("[]") == type_name]
    shown = commas(map(relative, found[:40]))
    return [f" USED BY {shown}" + (f" and {len(found) - 40} more" if found[40:] else "")] if found else []


def _remark(*notes: str) -> str:
    return remark(*notes, limit=COMMENT_LIMIT)
