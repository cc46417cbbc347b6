"""What a search found, a line each."""

from __future__ import annotations

from collections.abc import Sequence

from mcp_server.model.facts import Facts
from mcp_server.model.schema import Table, View
from mcp_server.model.search import Hit
from mcp_server.render.table_text import usage_words
from mcp_server.render.text import joined, title
from mcp_server.render.words import commas, count, one_line, relative

SHOWN, WHERE, COMMENT = 40, 6, 100


def render_hits(hits: Sequence[Hit], facts: Facts, source: str, words: Sequence[str]) -> str:
    """The best hits and where they matched; how many more there are."""
    lines = [title(facts, source), _verdict(hits, words)]
    return joined([*lines, *(_line(hit, facts) for hit in hits[:SHOWN])])


def _verdict(hits: Sequence[Hit], words: Sequence[str]) -> str:
    asked = " ".join(words)
    if len(hits) <= SHOWN:
        return f"{count(len(hits), 'object')} for search={asked!r}, the best first."
    return (
        f"Showing {SHOWN} of {count(len(hits), 'object')} for search={asked!r}, the best first; narrow with more words."
    )


def _line(hit: Hit, facts: Facts) -> str:
    item = hit.item
    size = usage_words(facts.usage_of(item)) if isinstance(item, Table | View) else ()
    where = [one_line(text, COMMENT) for text in hit.where[:WHERE]]
    more = [f"and {len(hit.where) - WHERE} more"] if len(hit.where) > WHERE else []
    said = commas([*where, *more])
    return f"{item.word} {relative(item.identity)}{f' ({size[0]})' if size and size[0] else ''}{f': {said}' if said else ''}"
