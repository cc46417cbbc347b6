"""What was seen of the user's classes and of their Alembic history, each with the user's own file and line."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from mcp_server.model.names import quote
from mcp_server.model.observation import Observed
from mcp_server.model.schema import qualified


@dataclass(frozen=True, slots=True)
class Place:
    """A line of one of the user's files. file: relative to the project's root, "" when unknown; line: 0 when unknown."""

    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class ModelField:
    """A column as a class states it.

    annotation: as it is written. type: as SQLAlchemy spells it for PostgreSQL. default, onupdate: what Python gives, a
    value's repr or a function's name; "" for none. server_default: SQL. foreign_key: "table.column" of the first.
    labels, values: of an enum: what the column stores, and the members' own values. type_class: SQLAlchemy's, by name.
    """

    name: str
    column: str
    type: str
    nullable: bool
    annotation: str = ""
    primary_key: bool = False
    default: str = ""
    onupdate: str = ""
    server_default: str = ""
    foreign_key: str = ""
    on_delete: str = ""
    unique: bool = False
    index: bool = False
    comment: str = ""
    labels: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    type_class: str = ""
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class ModelRelationship:
    """A relationship of a class. direction: "manytoone", "onetomany", "manytomany", "" when it could not be worked out."""

    name: str
    target: str
    direction: str = ""
    annotation: str = ""
    secondary: str = ""
    back_populates: str = ""
    uselist: bool = False
    lazy: str = ""
    cascade: str = ""
    passive_deletes: bool = False
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class ModelClass:
    """A mapped class. schema: "" when the class names none."""

    name: str
    module: str
    schema: str
    table: str
    fields: tuple[ModelField, ...]
    relationships: tuple[ModelRelationship, ...]
    place: Place = Place()

    @property
    def identity(self) -> str:
        """The table's name as a Schema has it."""
        return qualified(self.schema or "public", self.table)


@dataclass(frozen=True, slots=True)
class ModelTable:
    """A table that the models declare, with or without a class."""

    schema: str
    table: str
    place: Place = Place()

    @property
    def identity(self) -> str:
        """The table's name as a Schema has it."""
        return qualified(self.schema or "public", self.table)


@dataclass(frozen=True, slots=True)
class ModelProblem:
    """A fault that does not keep the tables from being made, such as relationships that do not fit together."""

    message: str
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class Models:
    """The project's models, as their own interpreter sees them.

    ddl: the statements that make them on an empty database, in order. extensions: those that the statements need and do
    not create. found_by: how the models were found. notes: what a reader should know, one sentence each.
    interpreter: the Python that was asked, and why it. versions: of Python, SQLAlchemy, SQLModel, drivers.
    """

    classes: tuple[ModelClass, ...]
    tables: tuple[ModelTable, ...]
    ddl: tuple[str, ...]
    schemas: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    problems: tuple[ModelProblem, ...] = ()
    notes: tuple[str, ...] = ()
    found_by: str = ""
    interpreter: str = ""
    versions: tuple[tuple[str, str], ...] = ()

    @property
    def fingerprint(self) -> str:
        """16 hex digits over the statements and the extensions."""
        return hashlib.sha256("\x1e".join((*self.extensions, "", *self.ddl)).encode()).hexdigest()[:16]

    @property
    def filled(self) -> frozenset[str]:
        """Columns that Python gives a value where none is given: a default of the database is never used for them."""
        return frozenset(
            f"{one.identity}.{quote(each.column)}"
            for one in self.classes
            for each in one.fields
            if each.default and each.default != "None"
        )

    def place_of(self, identity: str) -> Place:
        """Where a table is declared: its class, else its Table; unknown when the models do not have it."""
        declared: tuple[ModelClass | ModelTable, ...] = (*self.classes, *self.tables)
        for item in declared:
            if item.identity == identity and item.place.file:
                return item.place
        return Place()


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision of an Alembic history. file: relative to the project's root."""

    id: str
    parents: tuple[str, ...]
    file: str
    message: str = ""
    depends_on: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """A project's Alembic history. A project without one has `config` "" and no revisions.

    config: path of alembic.ini or pyproject.toml, relative to the root, with "#section" where it is not [alembic].
    folder: the absolute folder that alembic is run in. script_location, versions: absolute folders. options: what env.py
    gives to context.configure, plain values only. settings: file_template and the like. env_error: why env.py could
    not be asked, "" when it could. revisions: parents before children. packages: versions of what ran it.
    filters: which of include_name and include_object env.py gives.
    """

    config: str = ""
    folder: str = ""
    script_location: str = ""
    versions: tuple[str, ...] = ()
    revisions: tuple[Revision, ...] = ()
    heads: tuple[str, ...] = ()
    version_table: str = "alembic_version"
    version_table_schema: str = ""
    options: tuple[tuple[str, str | bool | int], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    env_error: str = ""
    packages: tuple[tuple[str, str], ...] = ()
    filters: tuple[str, ...] = ()

    @property
    def version_table_identity(self) -> str:
        """The version table's name as a Schema has it."""
        return qualified(self.version_table_schema or "public", self.version_table)

    def get(self, revision: str) -> Revision | None:
        """The revision of that id, or None."""
        return next((item for item in self.revisions if item.id == revision), None)

    def ancestors(self, *revisions: str) -> tuple[Revision, ...]:
        """The revisions and all that come before them, parents before children."""
        wanted = set(revisions)
        for item in reversed(self.revisions):
            if item.id in wanted:
                wanted.update(item.parents + item.depends_on)
        return tuple(item for item in self.revisions if item.id in wanted or wanted & set(item.labels))


@dataclass(frozen=True, slots=True)
class Walk:
    """A run of revisions that succeeded. done: what was carried out, in order. heads: where the database stands now.

    statements: how many the revisions sent, without Alembic's own on its version table. observed: what each of them did,
    in order, () when nobody watched.
    """

    done: tuple[str, ...]
    heads: tuple[str, ...]
    statements: int = 0
    observed: tuple[Observed, ...] = ()
