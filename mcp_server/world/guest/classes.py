"""What the user's mapped classes say: tables, fields and relationships, each with file and line."""

from __future__ import annotations

import re
import sys
from typing import Any

from .places import Place, Project

SUBJECT = re.compile(r"\b([A-Z]\w*)(?:\.|\()(\w+)")


class Recorder:
    """Listens while the user's modules are imported: which classes are mapped, where tables are declared."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.classes: list[type] = []
        self.metadatas: list[Any] = []
        self.outside: list[Any] = []  # of tables that no file of the project declares
        self.tables: dict[Any, Place] = {}
        self._heard: list[tuple[Any, str, Any]] = []

    def listen(self) -> None:
        """Begin. Needs SQLAlchemy 1.4 or newer."""
        from sqlalchemy import MetaData, Table, event
        from sqlalchemy.orm import Mapper

        def declared(table: Any, metadata: Any) -> None:
            if not isinstance(metadata, MetaData):
                return
            place = self.project.declarer()
            if place is not None:
                self.tables.setdefault(table, place)
            found = self.outside if place is None else self.metadatas
            if not any(metadata is known for known in found):
                found.append(metadata)

        def mapped(mapper: Any, kind: type) -> None:
            if kind not in self.classes:
                self.classes.append(kind)

        self._heard = [(Table, "after_parent_attach", declared), (Mapper, "instrument_class", mapped)]
        for heard in self._heard:
            event.listen(*heard)

    def rest(self) -> None:
        """End: what revisions declare later is none of the models."""
        from sqlalchemy import event

        while self._heard:
            event.remove(*self._heard.pop())

    def places(self) -> dict[str, Place]:
        """Where each table was declared, by its key."""
        return {table.key: place for table, place in self.tables.items()}

    def place_of_reference(self, name: str) -> Place:
        """Where the foreign key to a missing table stands: its field, or the table that has it."""
        from .ddl import unresolved

        for reference in unresolved(self.metadatas):
            if reference.name != name:
                continue
            table, column = reference.constraint.table, reference.constraint.elements[0].parent.key
            kind = next((each for each in self.classes if getattr(each, "__table__", None) is table), None)
            place = Lines(kind, self.project).of_attribute(column)[0] if kind else Place()
            return place if place.file else self.tables.get(table, Place())
        return Place()

    def place_in_words(self, message: str) -> Place | None:
        """The place of the class and attribute that a message of SQLAlchemy is about; None when it names neither."""
        by_name = {kind.__name__: kind for kind in self.classes}
        for name, attribute in SUBJECT.findall(message):
            if name in by_name:
                lines = Lines(by_name[name], self.project)
                place = lines.of_attribute(attribute)[0]
                return place if place.file else lines.of_class()
        return None


def describe(kind: type, project: Project, dialect: Any) -> dict[str, Any]:
    """A mapped class as values. Works whether or not its mapper could be configured."""
    from sqlalchemy.orm import ColumnProperty, RelationshipProperty, class_mapper
    from sqlalchemy.schema import Column

    mapper: Any = class_mapper(kind, configure=False)
    lines = Lines(kind, project)
    properties = list(mapper._props.values())
    columns = [each for each in properties if isinstance(each, ColumnProperty) and isinstance(each.columns[0], Column)]
    return {
        "name": kind.__name__,
        "module": kind.__module__,
        "schema": getattr(mapper.local_table, "schema", None) or "",
        "table": getattr(mapper.local_table, "name", ""),
        "place": lines.of_class(),
        "fields": [_field(each.key, each.columns[0], lines, dialect) for each in columns],
        "relationships": [_relationship(each, lines) for each in properties if isinstance(each, RelationshipProperty)],
    }


class Lines:
    """Where a class and what it binds stand, over its own body and those it inherits from."""

    def __init__(self, kind: type, project: Project) -> None:
        self._kind = kind
        self._project = project

    def of_class(self) -> Place:
        filename = _filename(self._kind)
        if not filename:
            return Place()
        return Place(self._project.name(filename), self._project.source(filename).class_line(self._kind.__qualname__))

    def of_attribute(self, name: str) -> tuple[Place, str]:
        """Place and annotation of the nearest class in the method resolution order that binds the name."""
        for kind in self._kind.__mro__:
            filename = _filename(kind)
            if not filename or not self._project.owns(filename):
                continue
            found = self._project.source(filename).attributes(kind.__qualname__).get(name)
            if found:
                return Place(self._project.name(filename), found[0]), found[1]
        return Place(), ""


def _filename(kind: type) -> str:
    module = sys.modules.get(kind.__module__)
    return getattr(module, "__file__", None) or ""


def _field(name: str, column: Any, lines: Lines, dialect: Any) -> dict[str, Any]:
    place, annotation = lines.of_attribute(name)
    key = next(iter(column.foreign_keys), None)
    return {
        "name": name,
        "column": column.name,
        "annotation": annotation,
        "type": _sql_type(column.type, dialect),
        "nullable": bool(column.nullable),
        "primary_key": bool(column.primary_key),
        "default": _default(column.default),
        "onupdate": _default(column.onupdate),
        "server_default": _sql_text(getattr(column.server_default, "arg", None), dialect),
        "foreign_key": key.target_fullname if key is not None else "",
        "on_delete": (key.ondelete or "") if key is not None else "",
        "unique": bool(column.unique),
        "index": bool(column.index),
        "comment": column.comment or "",
        "labels": [str(label) for label in getattr(column.type, "enums", None) or ()],
        "values": _member_values(column.type),
        "type_class": type(column.type).__name__,
        "place": place,
    }


def _member_values(sql_type: Any) -> list[str]:
    """The values of the members of an enum's class, [] for one that is made of plain words."""
    kind = getattr(sql_type, "enum_class", None)
    members = getattr(kind, "__members__", {})
    return [str(member.value) for member in members.values() if isinstance(member.value, str)]


def _relationship(prop: Any, lines: Lines) -> dict[str, Any]:
    place, annotation = lines.of_attribute(prop.key)
    direction = getattr(prop, "direction", None)
    return {
        "name": prop.key,
        "annotation": annotation,
        "target": _target(prop),
        "direction": getattr(direction, "name", "").lower(),
        "secondary": str(getattr(getattr(prop, "secondary", None), "key", "")),
        "back_populates": prop.back_populates or "",
        "uselist": bool(prop.uselist),
        "lazy": str(prop.lazy),
        "cascade": ", ".join(sorted(prop.cascade)),
        "passive_deletes": bool(prop.passive_deletes),
        "place": place,
    }


def _target(prop: Any) -> str:
    argument = prop.argument
    if isinstance(argument, str):
        return argument
    if isinstance(argument, type):
        return argument.__name__
    mapper = prop.__dict__.get("mapper")
    return mapper.class_.__name__ if mapper is not None else ""


def _sql_type(sql_type: Any, dialect: Any) -> str:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return str(sql_type.compile(dialect=dialect))
    except SQLAlchemyError:
        return type(sql_type).__name__


def _sql_text(clause: Any, dialect: Any) -> str:
    from sqlalchemy.exc import SQLAlchemyError

    if clause is None or isinstance(clause, str):
        return clause or ""
    try:
        return str(clause.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    except SQLAlchemyError:
        return type(clause).__name__


def _default(default: Any) -> str:
    """A default as a reader would name it: a value, a function's name, or SQL."""
    if default is None:
        return ""
    argument = getattr(default, "arg", None)
    if getattr(default, "is_callable", False):
        module = getattr(argument, "__module__", "") or ""
        name = getattr(argument, "__qualname__", None) or getattr(argument, "__name__", "function")
        return f"{module}.{name}()".lstrip(".")
    if getattr(default, "is_sequence", False):
        return f"nextval({default.name})"
    return repr(argument)[:200] if getattr(default, "is_scalar", False) else str(argument)[:200]
