"""Which names a text mentions.

Postgres deparses with `search_path = pg_catalog`, so every object of the user's stands with its schema: `public.task`.
Only the bodies of functions are the user's own text, where a name may stand alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Range, Schema, SchemaObject
from mcp_server.planning.units import Key, key

_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_QUALIFIED = re.compile(rf"(?<![\w\"$.])({_NAME})\s*\.\s*({_NAME})")
_MULTIRANGE = re.compile(r"MULTIRANGE_TYPE_NAME = (.+)$")
_WORD = re.compile(_NAME)
_NAMED_WORDS = frozenset(
    {"table", "view", "sequence", "function", "enum", "domain", "composite type", "range type", "index"}
)


def words(text: str) -> frozenset[str]:
    """Every identifier in a text, as it stands there."""
    return frozenset(_WORD.findall(text))


class Names:
    """The objects of a Schema by the names that a text can mention."""

    def __init__(self, schema: Schema) -> None:
        self._qualified: dict[str, list[Key]] = {}
        self._plain: dict[str, list[Key]] = {}
        self._columns: dict[str, dict[str, Key]] = {}
        for item in schema:
            if isinstance(item, Column):
                self._columns.setdefault(item.table, {})[quote(item.name)] = key(item)
            elif item.word in _NAMED_WORDS:
                self._add(item)

    def _add(self, item: SchemaObject) -> None:
        schema, name = quote(getattr(item, "schema", "")), quote(getattr(item, "name", ""))
        self._qualified.setdefault(f"{schema}.{name}", []).append(key(item))
        self._plain.setdefault(name, []).append(key(item))
        if isinstance(item, Range) and (multirange := _MULTIRANGE.search(item.definition)):
            self._qualified.setdefault(multirange[1], []).append(key(item))

    def mentioned(self, *texts: str) -> Iterator[Key]:
        """The objects whose qualified name stands in a text; every overload of a function."""
        for text in texts:
            for match in _QUALIFIED.finditer(text):
                yield from self._qualified.get(f"{match[1]}.{match[2]}", ())

    def mentioned_plainly(self, text: str, schemas: Iterable[str]) -> Iterator[Key]:
        """The objects of some schemas whose name stands in a text without a schema, in any case."""
        starts = tuple(f"{quote(name)}." for name in schemas)
        for word in words(text):
            for found in self._plain.get(word, ()) or self._plain.get(word.lower(), ()):
                if found[1].startswith(starts):
                    yield found

    def columns(self, relation: str, *texts: str) -> Iterator[Key]:
        """The columns of a relation whose name stands in a text."""
        columns = self._columns.get(relation)
        if columns:
            for text in texts:
                for word in words(text) & columns.keys():
                    yield columns[word]

    def in_query(self, *texts: str) -> Iterator[Key]:
        """What a query mentions: objects, and the columns of the relations among them."""
        for text in texts:
            found = frozenset(self.mentioned(text))
            yield from found
            for word, identity in found:
                if word == "table":
                    yield from self.columns(identity, text)
