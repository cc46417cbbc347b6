"""What env.py's include_name and include_object say of tables and their parts, asked as Alembic's autogenerate asks them."""

from __future__ import annotations

from typing import Any

from . import alembic_environment as alembics
from .guard import Guard

PUBLIC = "public"
BY_NAME, BY_OBJECT = alembics.FILTERS


def read_left_out(request: dict[str, Any], guard: Guard) -> dict[str, Any]:
    """request: as for open_environment, and tables: {schema, name, columns, comment, stands: the database has it, parts}.

    A part: {kind: Alembic's word, name, key: the caller's own, columns, stands, wanted: the models have it, unique, using,
    refers: of a foreign key, [table, columns]}. Parts of a table that is left out are not asked for.
    -> asked: the filters that there are; left_out: (schema, name, the filter that leaves it out); parts: (key, the filter).
    Connects to nothing.
    """
    environment = alembics.open_environment(request, guard.project)
    given = alembics.record(environment, guard)
    asked = {name: given[name] for name in alembics.FILTERS if callable(given.get(name))}
    modelled = _modelled(given.get("target_metadata"))
    left_out, parts = [], []
    for one in request["tables"]:
        own = modelled.get((one["schema"], one["name"]))
        if word := _refusing(one, asked, own):
            left_out.append([one["schema"], one["name"], word])
            continue
        refused = ((part["key"], _refusing_part(part, one, asked, own)) for part in one["parts"])
        parts += [[key, word] for key, word in refused if word]
    return {"asked": sorted(asked), "left_out": left_out, "parts": parts}


def _modelled(given: Any) -> dict[tuple[str, str], Any]:
    """The tables of target_metadata by schema and name."""
    metadatas = list(given) if isinstance(given, (list, tuple)) else [given]
    tables = [table for metadata in metadatas if metadata is not None for table in metadata.tables.values()]
    return {(table.schema or PUBLIC, table.name): table for table in tables}


def _refusing(one: dict[str, Any], asked: dict[str, Any], own: Any) -> str:
    """The filter that leaves a table out, "" for none.

    Source: run_name_filters and run_object_filters, https://github.com/sqlalchemy/alembic/blob/main/alembic/autogenerate/api.py
    """
    if one["stands"] and BY_NAME in asked:
        parents = {"schema_name": _schema(one), "schema_qualified_table_name": _whole(one)}
        if not asked[BY_NAME](one["name"], "table", parents):
            return BY_NAME
    seen = _as_reflected(one) if one["stands"] else None
    return _refusing_object(asked, one["name"], "table", own, seen)


def _refusing_part(part: dict[str, Any], one: dict[str, Any], asked: dict[str, Any], table: Any) -> str:
    """The filter that leaves a column, index or constraint out; what the models state and cannot be found there is not asked for."""
    own = _modelled_part(part, table) if part["wanted"] else None
    if part["wanted"] and own is None:
        return ""
    if part["stands"] and BY_NAME in asked:
        parents = {
            "schema_name": _schema(one),
            "table_name": one["name"],
            "schema_qualified_table_name": _whole(one),
        }
        if not asked[BY_NAME](part["name"], part["kind"], parents):
            return BY_NAME
    seen = _part_as_reflected(part, _as_reflected(one)) if part["stands"] else None
    return _refusing_object(asked, part["name"], part["kind"], own, seen)


def _refusing_object(asked: dict[str, Any], name: str, kind: str, own: Any, seen: Any) -> str:
    item, reflected = (own, False) if own is not None else (seen, True)
    if BY_OBJECT not in asked or item is None:
        return ""
    other = seen if own is not None else None
    return "" if asked[BY_OBJECT](item, name, kind, reflected, other) else BY_OBJECT


def _schema(one: dict[str, Any]) -> str | None:
    return None if one["schema"] == PUBLIC else one["schema"]


def _whole(one: dict[str, Any]) -> str:
    return f"{one['schema']}.{one['name']}" if _schema(one) else str(one["name"])


def _modelled_part(part: dict[str, Any], table: Any) -> Any:
    """A part of the models' table: by its name, a constraint without one by its columns."""
    import sqlalchemy as sa

    if table is None:
        return None
    if part["kind"] == "column":
        return next((one for one in table.columns if one.name == part["name"]), None)
    if part["kind"] == "index":
        return next((one for one in table.indexes if one.name == part["name"]), None)
    kind = sa.UniqueConstraint if part["kind"] == "unique_constraint" else sa.ForeignKeyConstraint
    own = [one for one in table.constraints if isinstance(one, kind)]
    named = [one for one in own if one.name == part["name"]]
    alike = [one for one in own if [column.name for column in one.columns] == part["columns"]]
    return next(iter((*named, *alike)), None)


def _as_reflected(one: dict[str, Any]) -> Any:
    """A table as reflection would make it, by its name, comment and the names of its columns."""
    import sqlalchemy as sa

    columns = [sa.Column(name, sa.types.NullType()) for name in one["columns"]]
    return sa.Table(one["name"], sa.MetaData(), *columns, schema=_schema(one), comment=one["comment"] or None)


def _part_as_reflected(part: dict[str, Any], table: Any) -> Any:
    """A part as reflection would make it, by its name and columns, on a table that is."""
    import sqlalchemy as sa

    if part["kind"] == "column":
        return table.columns.get(part["name"])
    columns = [table.columns[name] for name in part["columns"] if name in table.columns]
    if part["kind"] == "index":
        using = {} if part["using"] == "btree" else {"postgresql_using": part["using"]}
        texts = [sa.text(key) for key in part["columns"] if key not in table.columns]
        return sa.Index(part["name"], *columns, *texts, unique=part["unique"], _table=table, **using)
    if part["kind"] == "unique_constraint":
        made: Any = sa.UniqueConstraint(*columns, name=part["name"])
    else:
        target, names = part["refers"]
        made = sa.ForeignKeyConstraint(columns, [f"{target}.{name}" for name in names], name=part["name"])
    table.append_constraint(made)
    return made
