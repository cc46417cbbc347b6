"""Grants and default privileges."""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.names import quote, split
from mcp_server.model.schema import (
    Column,
    Composite,
    DefaultPrivilege,
    Domain,
    Enum,
    Function,
    Grant,
    Namespace,
    Range,
    SchemaObject,
    Sequence,
    Table,
    View,
)
from mcp_server.planning.draft import Draft, Drafts, Phase, Recipe, Site, role
from mcp_server.planning.units import key

_OPTION = " with grant option"
_TARGETS: dict[type, tuple[str, str]] = {
    Table: ("table", "tables"),
    View: ("table", "tables"),
    Sequence: ("sequence", "sequences"),
    Function: ("function", "functions"),
    Namespace: ("schema", "schemas"),
    **dict.fromkeys((Enum, Domain, Composite, Range), ("type", "types")),
}
_FIELDS = ("privileges", "revoked")
Given = Grant | DefaultPrivilege


def _empty(given: Given) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(), frozenset()


def _holds(given: Given) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(given.privileges), frozenset(given.revoked)


def create(given: Given, site: Site) -> Drafts:
    """GRANT what is beyond the default, REVOKE what is short of it."""
    yield from _steps(given, _empty(given), _holds(given), ())


def drop(given: Given, site: Site) -> Drafts:
    """Back to the default: REVOKE what was granted, GRANT what was taken away."""
    yield from _steps(given, _holds(given), _empty(given), (), site)


def alter(before: Given, after: Given, fields: tuple[str, ...], site: Site) -> Drafts:
    """From one set of privileges to another."""
    yield from _steps(after, _holds(before), _holds(after), _FIELDS, site)


def surplus(item: SchemaObject, site: Site) -> Drafts:
    """What default privileges give to a new object, or keep from it, and it is not to have."""
    word, plural = _TARGETS.get(type(item), ("", ""))
    if isinstance(item, Function) and item.kind == "procedure":
        word = "procedure"
    for given in site.old.default_privileges if word else ():
        if given.target_word != plural or given.role or given.schema not in ("", getattr(item, "schema", "")):
            continue
        if key(given) not in site.new.units:
            continue
        wanted = site.new.schema.get(Grant, Grant(word, item.identity, given.grantee).identity)
        target = wanted or Grant(word, item.identity, given.grantee)
        keeps = (_holds(given)[0] & _holds(target)[0], _holds(given)[1] & _holds(target)[1])
        for draft in _steps(target, _holds(given), keeps, _FIELDS):
            yield replace(draft, phase=Phase.OWNER) if isinstance(draft, Draft) else draft


def _steps(
    given: Given,
    old: tuple[frozenset[str], frozenset[str]],
    new: tuple[frozenset[str], frozenset[str]],
    fields: tuple[str, ...],
    site: Site | None = None,
) -> Drafts:
    """REVOKE, then GRANT, so that a privilege can lose or gain its grant option.

    site: where columns are looked for that keep what is taken from their table.
    """
    taken = (old[0] - new[0]) | (new[1] - old[1])
    gained = (new[0] - old[0]) | (old[1] - new[1])
    lost = sorted({privilege.removesuffix(_OPTION) for privilege in taken})
    if lost:
        yield Draft(_statement(given, "REVOKE", lost, ""), fields)
        yield from _kept_by_columns(given, lost, fields, site)
    again = {privilege for privilege in new[0] & old[0] if privilege.removesuffix(_OPTION) in lost}
    for option in ("", _OPTION):
        names = sorted(one.removesuffix(_OPTION) for one in gained | again if one.endswith(_OPTION) == bool(option))
        if names:
            yield Draft(_statement(given, "GRANT", names, option), fields)


def _kept_by_columns(given: Given, lost: list[str], fields: tuple[str, ...], site: Site | None) -> Drafts:
    """A privilege that is taken from a table is taken from its columns too: those that have it themselves get it back.

    https://www.postgresql.org/docs/current/sql-revoke.html
    """
    if site is None or not isinstance(given, Grant) or given.target_word != "table":
        return
    for other in site.new.schema.all(Grant):
        column = (Column.word, other.target)
        is_here = other.target_word == "column" and other.grantee == given.grantee and column in site.old.units
        if not is_here or split(other.target)[:-1] != split(given.target) or column in site.made:
            continue
        for option in ("", _OPTION):
            held = (one.removesuffix(_OPTION) for one in other.privileges if one.endswith(_OPTION) == bool(option))
            if names := sorted(set(held) & set(lost)):
                yield Draft(_statement(other, "GRANT", names, option), fields)


def _statement(given: Given, verb: str, privileges: list[str], option: str) -> str:
    to = "TO" if verb == "GRANT" else "FROM"
    grantee = "PUBLIC" if given.grantee == "public" else role(given.grantee)
    words = ", ".join(name.upper() for name in privileges)
    tail = option.upper() if verb == "GRANT" else ""
    if isinstance(given, DefaultPrivilege):
        where = f" IN SCHEMA {quote(given.schema)}" if given.schema else ""
        who = f" FOR ROLE {quote(given.role)}" if given.role else ""
        target = given.target_word.upper()
        return f"ALTER DEFAULT PRIVILEGES{who}{where} {verb} {words} ON {target} {to} {grantee}{tail}"
    if given.target_word == "column":
        *table, column = split(given.target)
        words = ", ".join(f"{name.upper()} ({quote(column)})" for name in privileges)
        return f"{verb} {words} ON TABLE {'.'.join(map(quote, table))} {to} {grantee}{tail}"
    return f"{verb} {words} ON {given.target_word.upper()} {given.target} {to} {grantee}{tail}"


GRANT = Recipe(create, drop, alter, make=Phase.GRANT, remove=Phase.UNDO)
DEFAULT_PRIVILEGE = Recipe(create, drop, alter, make=Phase.LAST, remove=Phase.UNDO)
