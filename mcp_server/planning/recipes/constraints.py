"""Constraints of tables."""

from __future__ import annotations

import re
from dataclasses import replace

from mcp_server.model.names import object_name, quote, split
from mcp_server.model.schema import Column, Constraint, Index, Table
from mcp_server.planning.draft import (
    ACCESS_EXCLUSIVE,
    SHARE_ROW_EXCLUSIVE,
    SHARE_UPDATE_EXCLUSIVE,
    Draft,
    Drafts,
    Phase,
    Recipe,
    Site,
    comment,
)
from mcp_server.planning.partitions import index_of, is_only
from mcp_server.planning.recipes.indexes import former_part, later_part

_STORAGE = re.compile(r" WITH \([^)]*\)")
_TIMING = frozenset({"deferrable", "deferred", "definition"})
_FAILS = {
    "p": "fails when rows hold the same key or NULL",
    "u": "fails when rows hold the same values",
    "x": "fails when rows conflict",
    "c": "fails when a row does not satisfy it",
    "f": "fails when a row refers to none",
    "n": "fails when a row holds NULL",
}


def create(constraint: Constraint, site: Site) -> Drafts:
    """ADD CONSTRAINT."""
    if constraint.kind == "n":
        if _comes_with_attachment(constraint, site):
            return
        yield from _create_not_null(constraint, site)
    elif (index := index_of(constraint, site.new.schema)) and (old := former_part(index, site)):
        yield from _renamed(old, constraint, site)
        return
    else:
        only = is_only(index_of(constraint, site.new.schema), site.new.schema)
        yield _add(constraint, "ONLY " if only else "")
    if constraint.comment:
        yield from _comment(constraint)


def _renamed(old: Index, constraint: Constraint, site: Site) -> Drafts:
    """RENAME CONSTRAINT: a partition's part of a key can be neither dropped nor joined by another while the parent's stays."""
    before = site.old.schema.get(Constraint, f"{old.table}.{quote(old.constraint)}")
    settles = (old, before) if before else (old,)
    sql = f"ALTER TABLE {old.table} RENAME CONSTRAINT {quote(old.constraint)} TO {quote(constraint.name)}"
    yield Draft(sql, settles=settles, lock=ACCESS_EXCLUSIVE, gives=old.identity)
    if before and before.comment != constraint.comment:
        yield from _comment(constraint)


def _add(constraint: Constraint, only: str = "") -> Draft:
    checked = constraint.validated and constraint.enforced
    return Draft(
        f"ALTER TABLE {only}{constraint.table} ADD CONSTRAINT {quote(constraint.name)} {constraint.definition}",
        lock=SHARE_ROW_EXCLUSIVE if constraint.kind == "f" else ACCESS_EXCLUSIVE,
        why=_FAILS[constraint.kind] if checked else "",
    )


def _columns(constraint: Constraint, site: Site) -> tuple[Column | None, Column | None]:
    identity = f"{constraint.table}.{quote(constraint.columns[0])}"
    return site.old.schema.get(Column, identity), site.new.schema.get(Column, identity)


def _comes_with_attachment(constraint: Constraint, site: Site) -> bool:
    """True when the column begins or ceases to be a parent's: the NOT NULL stays, under the name that it has."""
    before, after = _columns(constraint, site)
    return bool(before and after and before.inherited != after.inherited)


def _usual_name(constraint: Constraint) -> str:
    return object_name(split(constraint.table)[1], constraint.columns[0], "not_null")


def _create_not_null(constraint: Constraint, site: Site) -> Drafts:
    """A NOT NULL that says more than the column does: a name of its own, NOT VALID, NO INHERIT."""
    before, after = _columns(constraint, site)
    settles = (after,) if after else ()
    prefix = f"ALTER TABLE {constraint.table}"
    if before is None or before.nullable:
        yield replace(_add(constraint), settles=settles)
        return
    if not constraint.validated or constraint.no_inherit:
        yield Draft(f"{prefix} DROP CONSTRAINT {quote(_usual_name(constraint))}", lock=ACCESS_EXCLUSIVE)
        yield replace(_add(constraint), settles=settles)
    elif constraint.name != _usual_name(constraint):
        names = f"{quote(_usual_name(constraint))} TO {quote(constraint.name)}"
        yield Draft(f"{prefix} RENAME CONSTRAINT {names}", settles=settles, lock=ACCESS_EXCLUSIVE)


def _comment(constraint: Constraint) -> Drafts:
    yield comment(
        f"CONSTRAINT {quote(constraint.name)} ON {constraint.table}", constraint.comment, SHARE_UPDATE_EXCLUSIVE
    )


def drop(constraint: Constraint, site: Site) -> Drafts:
    """DROP CONSTRAINT; a NOT NULL that stays under its usual name is renamed instead."""
    prefix = f"ALTER TABLE {constraint.table}"
    if constraint.kind == "n":
        if _comes_with_attachment(constraint, site):
            return
        _, after = _columns(constraint, site)
        if after is not None and not after.nullable:
            if constraint.comment:
                yield comment(f"CONSTRAINT {quote(constraint.name)} ON {constraint.table}", "")
            if not constraint.validated:
                yield Draft(f"{prefix} VALIDATE CONSTRAINT {quote(constraint.name)}", lock=SHARE_UPDATE_EXCLUSIVE)
            if constraint.no_inherit:
                yield Draft(f"{prefix} ALTER CONSTRAINT {quote(constraint.name)} INHERIT", lock=ACCESS_EXCLUSIVE)
            if constraint.name != _usual_name(constraint):
                names = f"{quote(constraint.name)} TO {quote(_usual_name(constraint))}"
                yield Draft(f"{prefix} RENAME CONSTRAINT {names}", lock=ACCESS_EXCLUSIVE)
            return
    index = index_of(constraint, site.old.schema)
    if index is None or later_part(index, site) is None:
        yield Draft(f"{prefix} DROP CONSTRAINT {quote(constraint.name)}", lock=ACCESS_EXCLUSIVE)


def replaces(before: Constraint, after: Constraint, fields: tuple[str, ...], site: Site) -> bool:
    """True unless Postgres has an ALTER for just these fields."""
    table = site.new.schema.get(Table, after.table)
    if before.inherited and not after.inherited and table and _keeps_parents(table, site):
        return True  # the parent's own is dropped, and takes this one along
    changed = set(fields) - {"comment", "inherited"}
    if not changed or _is_storage_only(before, after, changed):
        return False
    if "validated" in changed and changed <= {"validated", "definition"} and after.validated and after.enforced:
        return False
    if after.kind == "f" and changed <= {*_TIMING, "enforced", "validated"}:
        return not ("validated" not in changed or after.validated or not after.enforced)
    return not (after.kind == "n" and changed <= {"no_inherit", "definition"})


def _keeps_parents(table: Table, site: Site) -> bool:
    before = site.old.schema.get(Table, table.identity)
    return before is not None and (before.partition_of, before.inherits) == (table.partition_of, table.inherits)


def _is_storage_only(before: Constraint, after: Constraint, changed: set[str]) -> bool:
    """True when only the storage parameters of the index differ, which the index's own change settles."""
    return changed == {"definition"} and _STORAGE.sub("", before.definition) == _STORAGE.sub("", after.definition)


def alter(before: Constraint, after: Constraint, fields: tuple[str, ...], site: Site) -> Drafts:
    """VALIDATE, ALTER CONSTRAINT, COMMENT."""
    prefix = f"ALTER TABLE {after.table}"
    name = quote(after.name)
    if {"deferrable", "deferred"} & set(fields):
        timing = "DEFERRABLE" if after.deferrable else "NOT DEFERRABLE"
        timing += " INITIALLY DEFERRED" if after.deferred else " INITIALLY IMMEDIATE" if after.deferrable else ""
        yield Draft(f"{prefix} ALTER CONSTRAINT {name} {timing}", tuple(_TIMING), lock=ACCESS_EXCLUSIVE)
    if "enforced" in fields:
        word = "ENFORCED" if after.enforced else "NOT ENFORCED"
        settled = ("enforced", "validated", "definition")
        yield Draft(f"{prefix} ALTER CONSTRAINT {name} {word}", settled, lock=ACCESS_EXCLUSIVE)
    elif "validated" in fields:
        sql = f"{prefix} VALIDATE CONSTRAINT {name}"
        yield Draft(sql, ("validated", "definition"), lock=SHARE_UPDATE_EXCLUSIVE, why=_FAILS[after.kind])
    if "no_inherit" in fields:
        word = "NO INHERIT" if after.no_inherit else "INHERIT"
        yield Draft(f"{prefix} ALTER CONSTRAINT {name} {word}", ("no_inherit", "definition"), lock=ACCESS_EXCLUSIVE)
    if "comment" in fields:
        yield from _comment(after)


CONSTRAINT = Recipe(create, drop, alter, replaces, Phase.RELATION, Phase.UNDO, 3)
