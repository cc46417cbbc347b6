"""Whether two readings of spec documents mean the same: every fact of the one is one of the other, and folded they say one thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from mcp_server.model.described_spec import describe_spec
from mcp_server.model.orm import Place
from mcp_server.model.spec import Document, Reference, SpecType, StatedColumn, StatedTable, alike
from mcp_server.model.spec_fold import fold

Fact = tuple[str, str, str]  # its kind, what it is about, what is said
_WORDING = frozenset({"place", "form", "strength", "written"})


def difference(before: Iterable[Document], after: Iterable[Document]) -> str:
    """The first thing in which documents differ in meaning, in words; "" when they mean the same.

    Where a fact stands, in which form and in which words is no part of its meaning; what it comes to when all is folded is.
    """
    one, other = tuple(before), tuple(after)
    for mine, theirs in zip(one, other, strict=True):
        told = _facts(mine, theirs)
        if told:
            return told
    return _folded(one, other)


def _facts(one: Document, other: Document) -> str:
    mine, theirs = Counter(_stated(one)), Counter(_stated(other))
    lost, added = sorted((mine - theirs).elements()), sorted((theirs - mine).elements())
    if lost or added:
        return _worded(lost, added)
    if len(other.unread) > len(one.unread):
        return f"a line could no longer be read: {other.unread[-1].text}"
    if len(other.unread) < len(one.unread):
        told = Counter(part.text for part in one.unread) - Counter(part.text for part in other.unread)
        return f"a line that is not understood would no longer be told of: {next(iter(told), '')}"
    return ""


def _stated(document: Document) -> Iterator[Fact]:
    """Every fact of a document."""
    for table in document.tables:
        yield ("table", table.name, repr((table.kind, table.key, table.external, table.adds)))
        for column in table.columns:
            yield from _column(table, column)
    listed = {"index": document.indexes, "check": document.checks, "key": document.keys}
    for kind, parts in listed.items():
        yield from ((kind, part.table, repr(meaning(part))) for part in parts)  # type: ignore[attr-defined]
    for change in document.changes:
        yield ("change", change.table, f"{change.column} {change.new}")
    for one in document.owned:
        yield ("owner", one.name, one.owner)


def _column(table: StatedTable, column: StatedColumn) -> Iterator[Fact]:
    subject = f"{alike(table.name)}.{column.name.lower()}"
    for each in fields(column):
        if each.name not in _WORDING:
            yield (each.name, subject, _said(getattr(column, each.name)))


def _said(value: object) -> str:
    """What is said of a column, for people."""
    if isinstance(value, SpecType):
        marks = (
            " without bound" * value.unbounded,
            " numbered by the database" * value.automatic,
            "[]" * value.is_array,
        )
        size = f"({value.length or value.arguments})" if value.length or value.arguments else ""
        values = f" of {', '.join(value.values)}" if value.values else ""
        return " or ".join(value.fits) + size + values + "".join(marks)
    if isinstance(value, Reference):
        rule = f" on delete {value.on_delete}" if value.on_delete else ""
        return f"{value.table or '?'}.{value.column or '?'}{rule}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not said" if value in (None, "") else str(value)


def _worded(lost: Sequence[Fact], added: Sequence[Fact]) -> str:
    kind, subject, said = (lost or added)[0]
    names = [fact for fact in (*lost, *added) if fact[0] in ("name", "table")]
    if names:
        kind, subject, said = names[0]
        what = "column" if kind == "name" else "table"
        return f"`{subject}` would {'no longer be stated' if names[0] in lost else 'be stated anew'} as a {what}"
    theirs = next((fact[2] for fact in added if fact[:2] == (kind, subject)), "not said")
    if kind in ("index", "check", "key", "owner", "change"):
        return f"{'an' if kind in ('index', 'owner') else 'a'} {kind} of `{subject}` would be {'lost' if lost else 'added'}"
    return f"`{subject}`: its {kind.replace('_', ' ')} is {said} and would be {theirs}"


def _folded(one: tuple[Document, ...], other: tuple[Document, ...]) -> str:
    mine, theirs = (describe_spec(fold(documents)) for documents in (one, other))
    if meaning(mine) == meaning(theirs):
        return ""
    for left, right in zip(mine.tables, theirs.tables, strict=False):
        for column, theirs_too in zip(left.columns, right.columns, strict=False):
            names = _differing(column, theirs_too)
            if names:
                return (
                    f"`{left.name}.{column.name}` is stated elsewhere, too, and in another way ({', '.join(names)}): "
                    "in canonical form this statement would outweigh that one; settle first which is meant"
                )
        if meaning(left) != meaning(right):
            return f"`{left.name}` would come to something else ({', '.join(_differing(left, right))}) beside what is stated elsewhere"
    return "the tables would come to something else"


def _differing(one: Any, other: Any) -> list[str]:
    """The fields in which two values of a class differ."""
    names = [each.name for each in fields(one) if each.name not in _WORDING]
    return [name.replace("_", " ") for name in names if meaning(getattr(one, name)) != meaning(getattr(other, name))]


def meaning(value: Any) -> Any:
    """A value without places and wording, as nested tuples."""
    if isinstance(value, Place):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(
            (each.name, meaning(getattr(value, each.name))) for each in fields(value) if each.name not in _WORDING
        )
    if isinstance(value, tuple | list):
        return tuple(meaning(one) for one in value)
    return sorted(value) if isinstance(value, frozenset) else value
