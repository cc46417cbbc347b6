"""The mapped classes as the models have them, with whose rows they hold."""

from __future__ import annotations

from mcp_server.model.code_scope import Classes, OwnedClass
from mcp_server.model.isolation import Ownership
from mcp_server.model.orm import ModelClass, Models


def owned_classes(models: Models, owned: Ownership) -> Classes:
    """Each class with its owner's attribute, and where its foreign keys and relationships lead."""
    return Classes(tuple(_owned(one, models, owned) for one in models.classes))


def _owned(one: ModelClass, models: Models, owned: Ownership) -> OwnedClass:
    found = owned.of(one.identity)
    is_user = one.identity == owned.user
    column = found.column if found is not None and found.kind == "direct" else ""
    owner = next((each.name for each in one.fields if each.column == column), "")
    by_table = {each.identity: each.name for each in models.classes}
    references = tuple(
        (each.name, target) for each in one.fields if (target := by_table.get(_table(each.foreign_key, one.schema)))
    )
    related = tuple((each.name, each.target.rpartition(".")[2], each.uselist) for each in one.relationships)
    return OwnedClass(one.name, one.identity, owner, is_user, found is not None, references, related)


def _table(foreign_key: str, schema: str) -> str:
    """The identity of the table in `table.column` or `schema.table.column`."""
    from mcp_server.model.names import qualified

    parts = foreign_key.split(".")
    if len(parts) < 2:
        return ""
    return qualified(parts[-3] if len(parts) > 2 else schema or "public", parts[-2])
