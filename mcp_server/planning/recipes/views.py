"""Views and materialised views."""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.names import quote
from mcp_server.model.schema import View
from mcp_server.planning.draft import (
    ACCESS_EXCLUSIVE,
    Draft,
    Drafts,
    Phase,
    Recipe,
    Site,
    comment,
    differing,
    options,
    owner,
    set_options,
)


def _word(view: View) -> str:
    return "MATERIALIZED VIEW" if view.materialized else "VIEW"


def _query(view: View) -> str:
    return view.definition.strip().removesuffix(";")


def create(view: View, site: Site) -> Drafts:
    """CREATE VIEW or CREATE MATERIALIZED VIEW."""
    words = [f"CREATE {_word(view)} {view.identity}"]
    if view.materialized:
        words += [f"USING {quote(view.access_method)}"] if view.access_method not in ("", "heap") else []
    words += [f"WITH ({options(view.options)})"] if view.options else []
    words += [f"TABLESPACE {quote(view.tablespace)}"] if view.tablespace else []
    tail = "" if view.populated or not view.materialized else "\nWITH NO DATA"
    yield Draft(f"{' '.join(words)} AS\n{_query(view)}{tail}")
    bare = tuple(replace(column, default="", comment="") for column in view.columns)
    plain = replace(view, columns=bare, owner="", comment="")
    yield from alter(plain, view, differing(plain, view), site)


def drop(view: View, site: Site) -> Drafts:
    """DROP VIEW; a materialised view's rows can be computed again."""
    yield Draft(f"DROP {_word(view)} {view.identity}", lock=ACCESS_EXCLUSIVE)


def replaces(before: View, after: View, fields: tuple[str, ...], site: Site) -> bool:
    """True when CREATE OR REPLACE VIEW would refuse: a column gone, renamed or of another type, a materialised view."""
    if "materialized" in fields:
        return True
    if after.materialized:
        return "definition" in fields or _shape(before) != _shape(after)
    return _shape(after)[: len(before.columns)] != _shape(before)


def _shape(view: View) -> tuple[tuple[str, str], ...]:
    return tuple((column.name, column.type) for column in view.columns)


def alter(before: View, after: View, fields: tuple[str, ...], site: Site) -> Drafts:
    """CREATE OR REPLACE VIEW, ALTER VIEW, REFRESH, COMMENT."""
    name = f"{_word(after)} {after.identity}"
    if "definition" in fields:
        with_options = f" WITH ({options(after.options)})" if after.options else ""
        sql = f"CREATE OR REPLACE VIEW {after.identity}{with_options} AS\n{_query(after)}"
        yield Draft(sql, ("definition", "options", "columns"), lock=ACCESS_EXCLUSIVE)
    elif "options" in fields:
        yield from set_options(f"ALTER {name}", before.options, after.options, ACCESS_EXCLUSIVE)
    yield from _alter_columns(before, after)
    yield from _alter_storage(name, after, fields)
    if "comment" in fields:
        yield comment(name, after.comment)
    if "owner" in fields:
        yield owner(name, after.owner, ACCESS_EXCLUSIVE)


def _alter_columns(before: View, after: View) -> Drafts:
    old = {column.name: column for column in before.columns}
    for column in after.columns:
        had = old.get(column.name)
        prefix = f"ALTER VIEW {after.identity} ALTER COLUMN {quote(column.name)}"
        if column.default != (had.default if had else ""):
            value = f"SET DEFAULT {column.default}" if column.default else "DROP DEFAULT"
            yield Draft(f"{prefix} {value}", ("columns",), lock=ACCESS_EXCLUSIVE)
        if column.comment != (had.comment if had else ""):
            target = f"COLUMN {after.identity}.{quote(column.name)}"
            yield replace(comment(target, column.comment), fields=("columns",))


def _alter_storage(name: str, after: View, fields: tuple[str, ...]) -> Drafts:
    if "populated" in fields:
        tail = "" if after.populated else " WITH NO DATA"
        yield Draft(f"REFRESH {name}{tail}", ("populated",), lock=ACCESS_EXCLUSIVE)
    if "access_method" in fields:
        sql = f"ALTER {name} SET ACCESS METHOD {quote(after.access_method)}"
        yield Draft(sql, ("access_method",), lock=ACCESS_EXCLUSIVE)
    if "tablespace" in fields:
        sql = f"ALTER {name} SET TABLESPACE {quote(after.tablespace or 'pg_default')}"
        yield Draft(sql, ("tablespace",), lock=ACCESS_EXCLUSIVE)


VIEW = Recipe(create, drop, alter, replaces, Phase.VIEW, Phase.UNDO)
