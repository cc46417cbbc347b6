"""Both sides of every relationship: what a foreign key joins, seen from the row that holds it and from the row that it leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mcp_server.model.design import Delete, DesignedClass, DesignedField, DesignedRelationship
from mcp_server.model.names import split
from mcp_server.model.naming import stem
from mcp_server.planning.design_names import attribute_name, plural, snake


@dataclass(frozen=True, slots=True)
class Join:
    """A foreign key of one column between two tables that are ours."""

    child: str
    parent: str
    field: DesignedField
    unique: bool


def relate(classes: Sequence[DesignedClass]) -> tuple[DesignedClass, ...]:
    """The classes with their relationships."""
    by_table = {one.table: one for one in classes}
    links = {one.table for one in classes if _is_link(one, by_table)}
    found = {one.table: replace(one, link=one.table in links) for one in classes}
    for one in classes:
        if one.table in links:
            _join_many(found, one)
    joins = _joins(classes, links)
    for join in joins:
        pair = {join.child, join.parent}
        _join_one(found, join, sum({other.child, other.parent} == pair for other in joins) > 1)
    return tuple(found[one.table] for one in classes)


def _target(field: DesignedField) -> str:
    return split(field.key.references)[-1] if field.key else ""


def _is_link(one: DesignedClass, by_table: Mapping[str, DesignedClass]) -> bool:
    """Whether it only joins two other tables: its primary key is two foreign keys, and nothing else must be given."""
    keys = [field for field in one.fields if field.primary_key]
    targets = {_target(field) for field in keys}
    if len(keys) != 2 or len(targets) != 2 or not targets <= set(by_table) - {one.table}:
        return False
    rest = [field for field in one.fields if not field.primary_key]
    return all(field.key is None and (field.column.nullable or field.column.default is not None) for field in rest)


def _join_many(found: dict[str, DesignedClass], link: DesignedClass) -> None:
    first, second = (found[_target(field)] for field in link.fields if field.primary_key)
    left = _free(plural(snake(second.name)), first)
    right = _free(plural(snake(first.name)), second)
    found[first.table] = first.with_relationships(
        DesignedRelationship(left, second.name, right, many=True, link=link.name)
    )
    found[second.table] = second.with_relationships(
        DesignedRelationship(right, first.name, left, many=True, link=link.name)
    )


def _joins(classes: Sequence[DesignedClass], links: set[str]) -> list[Join]:
    tables = {one.table for one in classes}
    return [
        Join(one.table, _target(field), field, _is_alone(one, field))
        for one in classes
        if one.table not in links
        for field in one.fields
        if field.key is not None and _target(field) in tables
    ]


def _is_alone(one: DesignedClass, field: DesignedField) -> bool:
    """Whether at most one row can have a value of this field."""
    keys = [each.column.name for each in one.fields if each.primary_key]
    unique = (each.index for each in one.indexes if each.index.unique and not each.index.predicate)
    return keys == [field.column.name] or any(index.columns == (field.column.name,) for index in unique)


def _join_one(found: dict[str, DesignedClass], join: Join, several: bool) -> None:
    child, parent, field = found[join.child], found[join.parent], join.field
    own = stem(field.column.name) or f"{snake(parent.name)}_row"
    name = _free(attribute_name(own), child)
    itself = join.child == join.parent
    plain = snake(child.name) if join.unique else plural(snake(child.name))
    if itself:
        plain = "children" if own in ("parent", f"parent_{snake(parent.name)}") else f"{own}_of"
    elif several:
        plain = f"{plain}_as_{own}" if join.unique else f"{plain}_by_{own}"
    back = _free(attribute_name(plain), found[join.parent], name if itself else "")
    apart = f"{child.name}.{field.name}" if several or itself else ""
    remote = f"{parent.name}.{_key_of(parent, field)}" if itself else ""
    one = DesignedRelationship(
        name, parent.name, back, optional=field.column.nullable, foreign_key=apart, remote=remote
    )
    deletes: Delete = "cascade" if field.key and field.key.on_delete.upper() == "CASCADE" else "database"
    many = DesignedRelationship(
        back,
        child.name,
        name,
        many=not join.unique,
        optional=join.unique,
        delete=deletes,
        foreign_key=apart,
    )
    found[join.child] = child.with_relationships(one)
    found[join.parent] = found[join.parent].with_relationships(many)


def _key_of(parent: DesignedClass, field: DesignedField) -> str:
    """The attribute that a key leads to."""
    return parent.field_of(field.key.referenced_columns[0]).name if field.key else ""


def _free(name: str, one: DesignedClass, also: str = "") -> str:
    """A name that no field or relationship of a class has."""
    taken = {field.name for field in one.fields} | {each.name for each in one.relationships} | {also}
    return attribute_name(name if name not in taken else f"{name}_rows" if name.endswith("s") else f"{name}_row", taken)
