"""What env.py's include_name and include_object say of tables, asked as Alembic's autogenerate asks them."""

from __future__ import annotations

from typing import Any

from . import alembic_environment as alembics
from .guard import Guard

PUBLIC = "public"


def read_left_out(request: dict[str, Any], guard: Guard) -> dict[str, Any]:
    """request: as for open_environment, and tables: {schema, name, columns, comment, stands: the database has it}.

    -> asked: the filters that there are; left_out: (schema, name, the filter that leaves it out). Connects to nothing.
    """
    environment = alembics.open_environment(request, guard.project)
    given = alembics.record(environment, guard)
    asked = {name: given[name] for name in alembics.FILTERS if callable(given.get(name))}
    modelled = _modelled(given.get("target_metadata"))
    found = [(one["schema"], one["name"], _refusing(one, asked, modelled)) for one in request["tables"]]
    return {"asked": sorted(asked), "left_out": [list(one) for one in found if one[2]]}


def _modelled(given: Any) -> dict[tuple[str, str], Any]:
    """The tables of target_metadata by schema and name."""
    metadatas = list(given) if isinstance(given, (list, tuple)) else [given]
    tables = [table for metadata in metadatas if metadata is not None for table in metadata.tables.values()]
    return {(table.schema or PUBLIC, table.name): table for table in tables}


def _refusing(one: dict[str, Any], asked: dict[str, Any], modelled: dict[tuple[str, str], Any]) -> str:
    """The filter that leaves a table out, "" for none.

    Source: run_name_filters and run_object_filters, https://github.com/sqlalchemy/alembic/blob/main/alembic/autogenerate/api.py
    """
    schema = None if one["schema"] == PUBLIC else one["schema"]
    own = modelled.get((one["schema"], one["name"]))
    if one["stands"] and "include_name" in asked:
        whole = f"{schema}.{one['name']}" if schema else one["name"]
        parents = {"schema_name": schema, "schema_qualified_table_name": whole}
        if not asked["include_name"](one["name"], "table", parents):
            return "include_name"
    if "include_object" in asked:
        seen = _as_reflected(one, schema) if one["stands"] else None
        item, reflected = (own, False) if own is not None else (seen, True)
        other = seen if own is not None else None
        if item is not None and not asked["include_object"](item, one["name"], "table", reflected, other):
            return "include_object"
    return ""


def _as_reflected(one: dict[str, Any], schema: str | None) -> Any:
    """A table as reflection would make it, by its name, comment and the names of its columns."""
    import sqlalchemy as sa

    columns = [sa.Column(name, sa.types.NullType()) for name in one["columns"]]
    return sa.Table(one["name"], sa.MetaData(), *columns, schema=schema, comment=one["comment"] or None)
