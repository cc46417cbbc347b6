"""Objects of a Schema by name, by pattern, or by words."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mcp_server.model.names import split
from mcp_server.model.schema import (
    Column,
    Composite,
    Domain,
    Enum,
    Function,
    Namespace,
    Range,
    Schema,
    Table,
    View,
)
from mcp_server.model.schema import Sequence as NumberSequence

Named = Table | View | Function | Enum | Domain | Composite | Range | NumberSequence
_GLOB = re.compile(r"[*?\[]")
_TYPOS = 0.6


def named_objects(schema: Schema) -> Iterator[Named]:
    """Everything that can be asked for by name."""
    return (item for item in schema if isinstance(item, Named))


def is_pattern(name: str) -> bool:
    """Whether a name is a pattern with `*`, `?` or `[...]`."""
    return _GLOB.search(name) is not None and '"' not in name


def find(schema: Schema, asked: str) -> tuple[Named, ...]:
    """The objects of a name or pattern, with or without schema; () when there is none.

    In order of trust: the exact identity, the exact name (schema public before others), the same without regard to case, a
    schema's name for all that is in it. A function's arguments may be given or left out.
    """
    objects = tuple(named_objects(schema))
    if is_pattern(asked):
        return tuple(item for item in objects if _matches(item, asked))
    exact = tuple(item for item in objects if item.identity == asked or _without_arguments(item.identity) == asked)
    parts = split(asked.partition("(")[0])
    found = exact or _by_parts(objects, parts, fold=False) or _by_parts(objects, parts, fold=True)
    if found or len(parts) > 1:
        return found
    inside = {space.name for space in schema.all(Namespace)}
    return tuple(item for item in objects if item.schema == asked and asked in inside)


def _matches(item: Named, pattern: str) -> bool:
    name = f"{item.schema}.{item.name}" if "." in pattern else item.name
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name.lower(), pattern.lower())


def _without_arguments(identity: str) -> str:
    return identity.partition("(")[0]


def _by_parts(objects: Iterable[Named], parts: tuple[str, ...], *, fold: bool) -> tuple[Named, ...]:
    """Objects whose name, or schema and name, are these; of several schemas public alone when it has one."""

    def plain(text: str) -> str:
        return text.lower() if fold else text

    wanted = tuple(plain(part) for part in parts)
    found = [item for item in objects if (plain(item.schema), plain(item.name))[-len(wanted) :] == wanted]
    public = [item for item in found if item.schema == "public"]
    return tuple(public if len(wanted) == 1 and public else found)


def near(schema: Schema, asked: str, limit: int = 5) -> tuple[str, ...]:
    """Names that look like one that does not exist, the likeliest first."""
    names: dict[str, str] = {}
    for item in named_objects(schema):
        names.setdefault(item.name.lower(), item.identity)
    wanted = split(asked.partition("(")[0].lower())[-1:] or (asked.lower(),)
    close = difflib.get_close_matches(wanted[0], names, limit, _TYPOS)
    inside = sorted((name for name in names if wanted[0] in name and name not in close), key=len)
    return tuple(names[name] for name in [*close, *inside][:limit])


@dataclass(frozen=True, slots=True)
class Hit:
    """An object that has all the words. where: what matched the words that its name does not have, most telling first."""

    item: Named
    where: tuple[str, ...]
    rank: int


def search(schema: Schema, words: Sequence[str]) -> tuple[Hit, ...]:
    """The objects that have every word somewhere in name, columns, labels or comments; the best first."""
    wanted = [word.lower() for word in words]
    hits = (hit for item in named_objects(schema) if (hit := _hit(schema, item, wanted)))
    return tuple(sorted(hits, key=lambda hit: (-hit.rank, hit.item.identity)))


def _hit(schema: Schema, item: Named, wanted: Sequence[str]) -> Hit | None:
    if isinstance(item, Table) and item.partition_of:
        return None
    name = item.name.lower()
    texts = [(weight, label, text.lower()) for weight, label, text in _texts(schema, item) if text]
    best = [max((weight for weight, _, text in texts if word in text), default=0) for word in wanted]
    if not all(best):
        return None
    rank = sum(best) + 100 * (name == "_".join(wanted))
    open_words = [word for word in wanted if word not in name]
    found = [(weight, label) for weight, label, text in texts if any(word in text for word in open_words)]
    return Hit(item, _telling(sorted(found, key=lambda pair: -pair[0])), rank)


def _telling(found: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    """The labels, each column or comment once."""
    labels: dict[str, str] = {}
    for _, label in found:
        if label:
            labels.setdefault(label.partition(":")[0], label)
    return tuple(labels.values())


def _texts(schema: Schema, item: Named) -> Iterator[tuple[int, str, str]]:
    """(weight, what to show when it matches, the text) of all that can be searched of an object."""
    yield 10, "", item.name
    yield 6, "", item.schema
    yield 3, f"comment: {item.comment}", item.comment
    match item:
        case Table():
            for column in schema.on(item.identity, Column):
                yield 5, f"column {column.name}", column.name
                yield 2, f"column {column.name}: {column.comment}", column.comment
                yield 1, f"column {column.name} of type {column.type}", column.type
        case View():
            for field in item.columns:
                yield 5, f"column {field.name}", field.name
                yield 2, f"column {field.name}: {field.comment}", field.comment
        case Enum():
            for label in item.values:
                yield 4, f"label {label}", label
        case Composite():
            for attribute in item.attributes:
                yield 5, f"attribute {attribute.name}", attribute.name
        case Function():
            yield 2, f"arguments {item.arguments}", item.arguments
