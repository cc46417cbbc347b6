"""Some documented tables as a Mermaid erDiagram, fenced for Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mcp_server.model.documented import Documentation, DocumentedRelation, Link
from mcp_server.render.mermaid import attribute_word, entity_names, quotable
from mcp_server.render.words import commas, one_line

FEW = 12  # tables up to which a diagram of all shows every column


def fenced(told: Documentation, tables: Sequence[str], beyond: Sequence[str], *, keys_only: bool) -> str:
    """Tables with their columns, and those beyond as bare boxes; every key between them but those between bare boxes."""
    drawn = entity_names((*tables, *beyond))
    lines = ["```mermaid", "erDiagram"]
    for identity, name in drawn.items():
        found = told.relation(identity)
        if found is not None:
            lines += _entity(found, name, bare=identity not in tables, keys_only=keys_only)
    for one in told.links:
        if one.child in drawn and one.parent in drawn and {one.child, one.parent} & {*tables}:
            lines.append(_relationship(one, told, drawn))
    return "\n".join([*lines, "```"])


def _entity(one: DocumentedRelation, name: str, *, bare: bool, keys_only: bool) -> Iterator[str]:
    shown = [each for each in one.columns if each.keys or not keys_only]
    if bare or not shown:
        yield f'  "{name}"'
        return
    yield f'  "{name}" {{'
    for each in shown:
        word = attribute_word(each.name)
        note = f' "{quotable(one_line(each.name, 80))}"' if word != each.name else ""
        keys = f" {commas(each.keys)}" if each.keys else ""
        yield f"    {attribute_word(each.type)} {word}{keys}{note}"
    yield "  }"


def _relationship(one: Link, told: Documentation, names: Mapping[str, str]) -> str:
    child = told.relation(one.child)
    key = {each.name for each in child.columns if "PK" in each.keys} if child else set()
    many, parent = "|o" if one.one else "}o", "o|" if one.optional else "||"
    line = "--" if key.issuperset(one.columns) else ".."
    label = quotable(one_line(commas(one.columns), 120))
    return f'  "{names[one.child]}" {many}{line}{parent} "{names[one.parent]}" : "{label}"'
