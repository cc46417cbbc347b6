"""Constraints and indexes as abridged SQL."""

from __future__ import annotations

import re

from mcp_server.model.facts import Facts, primary_key
from mcp_server.model.names import quote
from mcp_server.model.schema import Constraint, Index
from mcp_server.render.expression import short
from mcp_server.render.words import commas, relative, shorten_types

UNSERVED = "NO INDEX"


def constraint_text(key: Constraint, facts: Facts, varchars: frozenset[str], unserved: bool) -> str:
    """A constraint without its name, as a line of its table."""
    match key.kind:
        case "c":
            return f"CHECK ({short(key.expression, varchars=varchars)}){_marks(key)}"
        case "f":
            return f"FOREIGN KEY ({_columns(key)}) {reference_text(key, facts, unserved)}"
        case "x":
            return short(key.definition, varchars=varchars)
    return key.definition


def inline_text(key: Constraint, facts: Facts, varchars: frozenset[str], unserved: bool) -> str:
    """A constraint of a single column, as words behind that column."""
    if key.kind == "f":
        return reference_text(key, facts, unserved)
    text = constraint_text(key, facts, varchars, unserved)
    return text if key.kind == "c" else text.replace(f" ({_columns(key)})", "", 1)


def is_inline(key: Constraint) -> bool:
    """Whether a constraint can stand behind its column: one column, and nothing that needs a list."""
    return len(key.columns) == 1 and key.kind in "pufc" and not key.temporal


def reference_text(key: Constraint, facts: Facts, unserved: bool) -> str:
    """`REFERENCES table ON DELETE CASCADE`; the referenced columns are left out when they are the primary key."""
    _, _, target = key.definition.partition(" REFERENCES ")
    listed = f"({commas(quote(name) for name in key.referenced_columns)})"
    rest = target.removeprefix(key.references)
    if key.referenced_columns == primary_key(facts.schema, key.references):
        rest = rest.removeprefix(listed)
    return f"REFERENCES {relative(key.references)}{rest}" + (f" {UNSERVED}" if unserved else "")


def index_text(index: Index, varchars: frozenset[str]) -> str:
    """`INDEX (a, b DESC) INCLUDE (c) WHERE d`, with what is not the default."""
    words = ["UNIQUE INDEX" if index.unique else "INDEX"]
    if index.method != "btree":
        words.append(f"USING {index.method}")
    words.append(f"({commas(short(key, varchars=varchars) for key in index.keys)})")
    words += index_tail(index, varchars)
    return " ".join(words)


def index_tail(index: Index, varchars: frozenset[str]) -> list[str]:
    """What may follow the keys of an index."""
    words: list[str] = []
    if index.include:
        words.append(f"INCLUDE ({commas(quote(name) for name in index.include)})")
    if index.nulls_not_distinct:
        words.append("NULLS NOT DISTINCT")
    if index.options:
        words.append(f"WITH ({commas(index.options)})")
    if index.predicate:
        words.append(f"WHERE {short(index.predicate, varchars=varchars)}")
    if not index.valid:
        words.append("INVALID")
    return words


def is_plain(index: Index) -> bool:
    """Whether an index is on one bare column and nothing else is to be said of it."""
    return (
        len(index.keys) == 1
        and index.keys[0] == quote(index.columns[0])
        and index.method == "btree"
        and not (index.include or index.nulls_not_distinct or index.options or index.predicate)
    )


def inline_index(index: Index) -> str:
    """A plain index, as words behind its column."""
    return ("UNIQUE INDEX" if index.unique else "INDEX") + ("" if index.valid else " INVALID")


_TRIGGER = re.compile(r"^CREATE (CONSTRAINT )?TRIGGER ")


def trigger_text(definition: str, table: str, name: str, with_name: bool) -> str:
    """A trigger without what its place says already: `TRIGGER BEFORE UPDATE EXECUTE touch()`."""
    start = _TRIGGER.match(definition)
    kind = f"{start[1] or ''}TRIGGER " if start else ""
    rest = definition[start.end() :] if start else definition
    rest = rest.removeprefix(f"{quote(name)} ").replace(f" ON {table} ", " ", 1).replace(" FOR EACH ROW", "", 1)
    rest = rest.replace(" EXECUTE FUNCTION ", " EXECUTE ", 1).replace(" EXECUTE public.", " EXECUTE ", 1)
    return f"{kind}{quote(name) + ' ' if with_name else ''}{shorten_types(rest)}"


def _columns(key: Constraint) -> str:
    return commas(quote(name) for name in key.columns)


def _marks(key: Constraint) -> str:
    """The suffix of a check, as in its definition."""
    text = " NO INHERIT" if key.no_inherit else ""
    return text + (" NOT ENFORCED" if not key.enforced else "" if key.validated else " NOT VALID")
