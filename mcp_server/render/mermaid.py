"""A Schema as a Mermaid erDiagram that Mermaid's own parser accepts, whatever the names are.

Entity names stand in quotes, where Mermaid refuses `"`, `%` and backslash; names of attributes and types may hold letters,
digits and `_-[]()` alone. What must be altered keeps its true name as the attribute's comment.
Grammar: https://github.com/mermaid-js/mermaid/blob/develop/packages/mermaid/src/diagrams/er/parser/erDiagram.jison
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mcp_server.model.facts import Facts, primary_key
from mcp_server.model.names import split
from mcp_server.model.schema import Column, Constraint, Index, Table, View
from mcp_server.render.text import Text
from mcp_server.render.words import clean, commas, count, one_line, short_type

# Mermaid draws no diagram beyond these (maxTextSize, maxEdges), so a larger schema is cut.
CHARACTERS, RELATIONSHIPS = 40_000, 450
_LOOKALIKES = str.maketrans({'"': "'", "%": "％", "\\": "＼", "\n": " "})
_WORD = re.compile(r"[A-Za-z_\u00c0-\uffff][A-Za-z0-9_\-\[\]()\u00c0-\uffff]*\Z")
_NOT_IN_WORD = re.compile(r"[^A-Za-z0-9_\-\[\]()\u00c0-\uffff]+")
_KEYS = frozenset({"PK", "FK", "UK"})


def render(facts: Facts, tables: Sequence[Table] | None = None, limit: int = CHARACTERS) -> Text:
    """Tables with their columns, keys and relationships; partitions are part of their parent.

    tables: those to draw, None for all. limit: characters. Relationships are drawn between drawn tables only.
    """
    chosen = tables if tables is not None else [table for table in facts.schema.all(Table) if not table.partition_of]
    entities = entity_names(table.identity for table in chosen)
    blocks = {table.identity: "\n".join(_entity(table, facts, entities)) for table in chosen}
    edges = [edge for table in chosen for edge in _relationships(table, facts, entities)]
    whole = _diagram(blocks.values(), [text for _, _, text in edges], "")
    if len(whole) <= limit and len(edges) <= RELATIONSHIPS:
        return Text(whole, len(blocks), len(blocks), whole)
    return _cut(blocks, edges, limit, whole)


def _diagram(blocks: Iterable[str], edges: Iterable[str], note: str) -> str:
    return "\n".join(["erDiagram", *([f"  %% {note}"] if note else []), *blocks, *edges])


def _cut(blocks: Mapping[str, str], edges: Sequence[tuple[str, str, str]], limit: int, whole: str) -> Text:
    """As many tables as fit with the relationships between them."""
    room, drawn, kept = limit - 200, set[str](), list[str]()
    for name, block in blocks.items():
        near = [text for child, parent, text in edges if name in (child, parent) and {child, parent} <= drawn | {name}]
        cost = len(block) + 1 + sum(len(text) + 1 for text in near)
        if cost > room or len(kept) + len(near) > RELATIONSHIPS:
            break
        room -= cost
        drawn.add(name)
        kept += near
    note = f"Showing {len(drawn)} of {count(len(blocks), 'table')}"
    text = _diagram([block for name, block in blocks.items() if name in drawn], kept, note)
    return Text(text, len(drawn), len(blocks), whole)


def entity_names(identities: Iterable[str]) -> dict[str, str]:
    """A name that Mermaid accepts for each table, and that no other table has."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for identity in identities:
        schema, *rest = split(identity)
        name = quotable(".".join(rest if schema == "public" else (schema, *rest))) or "_"
        while name in taken:
            name += "_"
        taken.add(name)
        names[identity] = name
    return names


def quotable(text: str) -> str:
    """Text that may stand in Mermaid's double quotes."""
    return clean(text).translate(_LOOKALIKES)


def _entity(table: Table, facts: Facts, entities: Mapping[str, str]) -> Iterator[str]:
    columns = facts.schema.on(table.identity, Column)
    if not columns:
        yield f'  "{entities[table.identity]}"'
        return
    keys = _keys(table, facts)
    yield f'  "{entities[table.identity]}" {{'
    for column in columns:
        name, kind = attribute_word(column.name), attribute_word(short_type(column.type))
        note = f' "{quotable(one_line(column.name, 80))}"' if name != column.name else ""
        marks = f" {commas(keys[column.name])}" if column.name in keys else ""
        yield f"    {kind} {name}{marks}{note}"
    yield "  }"


def attribute_word(text: str) -> str:
    """A name of an attribute or a type that Mermaid accepts."""
    word = _NOT_IN_WORD.sub("_", text)
    return word if _WORD.match(word) and word.upper() not in _KEYS else f"_{word}"


def _keys(table: Table, facts: Facts) -> dict[str, list[str]]:
    """PK, FK and UK by column; UK where the column alone is unique."""
    found: dict[str, list[str]] = {}
    keys = facts.schema.on(table.identity, Constraint)
    for mark, kind in (("PK", "p"), ("FK", "f"), ("UK", "u")):
        for key in keys:
            if key.kind == kind and (kind != "u" or len(key.columns) == 1):
                for column in key.columns:
                    marks = found.setdefault(column, [])
                    marks += [mark] if mark not in marks else []
    return found


def _relationships(table: Table, facts: Facts, entities: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(child, parent, line) of each foreign key to a table that is drawn."""
    nullable = {column.name for column in facts.schema.on(table.identity, Column) if column.nullable}
    key_columns = set(primary_key(facts.schema, table.identity))
    for key in facts.schema.on(table.identity, Constraint):
        if key.kind != "f" or key.references not in entities:
            continue
        many = "|o" if is_unique(table, key, facts) else "}o"
        one = "o|" if nullable.intersection(key.columns) else "||"
        line = "--" if key_columns.issuperset(key.columns) else ".."
        label = quotable(one_line(commas(key.columns), 120))
        ends = f'"{entities[table.identity]}" {many}{line}{one} "{entities[key.references]}"'
        yield table.identity, key.references, f'  {ends} : "{label}"'


def is_unique(table: Table | View, key: Constraint, facts: Facts) -> bool:
    """Whether at most one row of the table can point at a row."""
    return any(
        index.unique and not index.predicate and set(index.columns) <= set(key.columns)
        for index in facts.schema.on(table.identity, Index)
    )
