"""What an index is for, as far as its schema tells: the key that it carries, the foreign key that it serves, what it finds."""

from __future__ import annotations

from collections.abc import Sequence

from mcp_server.model.facts import serves
from mcp_server.model.schema import Column, Constraint, Index, Schema
from mcp_server.render.expression import short
from mcp_server.render.table_text import varchars_of

_METHODS = {
    "gin": "finds rows by what is inside of {keys} (elements, keys, words or trigrams)",
    "gist": "finds rows whose {keys} overlaps, contains or is near a value",
    "spgist": "finds rows by parts of {keys} (prefixes, points)",
    "brin": "narrows a scan by {keys} to some ranges of pages; only useful while rows lie in that order",
    "hash": "finds rows by {keys} with `=` alone",
    "hnsw": "finds the nearest neighbours of a vector in {keys}",
    "ivfflat": "finds near neighbours of a vector in {keys}",
}


def reason_of(index: Index, schema: Schema, purpose: str = "") -> str:
    """One sentence with code between back-ticks; the index's own comment first, or the purpose that a spec states."""
    said = (index.comment or purpose).strip().rstrip(".")
    said = said[:1].upper() + said[1:]
    varchars = varchars_of(schema.on(index.table, Column))
    keys = [short(key, varchars=varchars) for key in index.keys]
    derived = f"{_derived(index, keys, schema)}{_limits(index, short(index.predicate, varchars=varchars))}"
    derived = derived[:1].upper() + derived[1:]
    return f"{said}. {derived}." if said else f"{derived}."


def _derived(index: Index, keys: Sequence[str], schema: Schema) -> str:
    constraint = next((one for one in schema.on(index.table, Constraint) if one.name == index.constraint), None)
    if constraint is not None and constraint.kind == "x":
        return f"exclusion: `{constraint.definition.removeprefix('EXCLUDE USING ')}`"
    served = _served(index, keys, schema)
    if index.unique:
        is_key = constraint is not None and constraint.kind == "p"
        alone = f"primary key: tells rows apart by {_listed(keys)}" if is_key else f"no two rows share {_listed(keys)}"
        return f"{alone}; also serves {served}" if served else alone
    if served:
        return f"serves {served}"
    return _METHODS.get(index.method, "finds, or sorts, rows by {keys}").replace("{keys}", _listed(keys))


def _served(index: Index, keys: Sequence[str], schema: Schema) -> str:
    """The foreign keys whose rows it finds, and what it orders them by."""
    found = [one for one in schema.on(index.table, Constraint) if one.kind == "f" and serves(index, one.columns)]
    if not found:
        return ""
    shortest = min(found, key=lambda one: len(one.columns))
    rest = keys[len(shortest.columns) :]
    targets = " and ".join(sorted({f"`{one.references.removeprefix('public.')}`" for one in found}))
    ordered = f", in the order of {_listed(rest)}" if rest else ""
    return (
        f"the foreign key {_listed(shortest.columns)} to {targets}: joins and deletes there find the rows here{ordered}"
    )


def _limits(index: Index, predicate: str) -> str:
    """Which rows it holds, and what besides."""
    also = f"; carries {_listed(index.include)} so that the table need not be read" if index.include else ""
    only = f"; only rows where `{predicate}`" if predicate else ""
    return f"{also}{only}" + ("" if index.valid else "; INVALID: its build failed, no query uses it")


def _listed(names: Sequence[str]) -> str:
    return f"`({', '.join(names)})`"
