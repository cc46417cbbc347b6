"""What a prediction stands on: a Schema, a server's version and session, and the names that a statement means by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mcp_server.model.lock import Lock
from mcp_server.model.names import object_name, qualified, split
from mcp_server.model.schema import Column, Constraint, Domain, Index, Schema, SchemaObject, Sequence, Table, View
from mcp_server.planning.partitions import descendants

EXCLUSIVE = "AccessExclusiveLock"
UPDATING = "ShareUpdateExclusiveLock"
ROW_EXCLUSIVE = "ShareRowExclusiveLock"
READING = "AccessShareLock"


@dataclass(frozen=True, slots=True)
class Touch:
    """What is done to a relation. how: "rewrite" (of a table, all its indexes follow), "file" (one relation gets a new file), "scan", "build".

    "rebuild": an index that is dropped and made again by the statement, so that the table's rewrite is not its own.
    "empty": a table that is rewritten without being read.
    """

    how: Literal["rewrite", "file", "scan", "build", "rebuild", "empty"]
    relation: str


@dataclass(frozen=True, slots=True)
class Fails:
    """The statement is refused."""

    why: str


Part: TypeAlias = Lock | Touch | Fails


@dataclass(frozen=True, slots=True)
class Ground:
    """schema: before the statement. version: as 180004. rows: whether tables are taken to hold rows, so that what fails on rows fails."""

    schema: Schema
    version: int
    time_zone: str = "UTC"
    rows: bool = True

    def identity(self, name: str) -> str:
        """The table or view that a name means, "" for none: in `public` before any other schema."""
        for one in (name, f"public.{name}"):
            if self.schema.get(Table, one) or self.schema.get(View, one):
                return one
        if len(split(name)) > 1:
            return ""
        found = [
            one.identity
            for kind in (Table, View)
            for one in self.schema.all(kind)
            if split(one.identity)[1:] == split(name)
        ]
        return found[0] if len(found) == 1 else ""

    def found(self, kind: type[SchemaObject], name: str) -> SchemaObject | None:
        """An object of a class by a name that may lack its schema."""
        for one in (name, f"public.{name}"):
            if (item := self.schema.get(kind, one)) is not None:
                return item
        plain = split(name)
        if len(plain) != 1:
            return None
        same = [
            item
            for item in self.schema.all(kind)
            if getattr(item, "name", None) == plain[0] and hasattr(item, "schema")
        ]
        return same[0] if len(same) == 1 else None

    def table(self, identity: str) -> Table | None:
        return self.schema.get(Table, identity)

    def column(self, table: str, name: str) -> Column | None:
        return next((one for one in self.schema.on(table, Column) if one.name == name), None)

    def constraint(self, table: str, name: str) -> Constraint | None:
        return next((one for one in self.schema.on(table, Constraint) if one.name == name), None)

    def indexes(self, relation: str) -> tuple[Index, ...]:
        return self.schema.on(relation, Index)

    def index(self, name: str) -> Index | None:
        found = self.found(Index, name)
        return found if isinstance(found, Index) else None

    def family(self, table: str, only: bool = False) -> tuple[str, ...]:
        """The table and all that inherit from it, partitions among them."""
        if only:
            return (table,)
        children = descendants(self.schema)
        found, waiting = [table], list(children.get(table, ()))
        while waiting:
            found.append(waiting.pop(0))
            waiting += children.get(found[-1], ())
        return tuple(dict.fromkeys(found))

    def partitions(self, table: str, only: bool = False) -> tuple[str, ...]:
        """The table and its partitions; children of plain inheritance are left out."""
        found = self.table(table)
        return self.family(table, only or found is None or found.kind != "partitioned")

    def has_storage(self, relation: str) -> bool:
        table = self.table(relation)
        if table is not None:
            return table.kind == "table"
        view = self.schema.get(View, relation)
        return view is not None and view.materialized

    def sequences_of(self, table: str) -> tuple[str, ...]:
        """Those that belong to columns; an identity column's by the name that Postgres gives it."""
        owned = (one.identity for one in self.schema.all(Sequence) if one.owned_by.startswith(f"{table}."))
        schema, name = split(table)
        columns = (one.name for one in self.schema.on(table, Column) if one.identity_kind)
        return (*owned, *(qualified(schema, object_name(name, one, "seq")) for one in columns))

    def domain(self, type_name: str) -> Domain | None:
        """The domain of a type's name, as the user or as Postgres writes it."""
        found = self.found(Domain, type_name)
        return found if isinstance(found, Domain) else None

    def foreign_keys_to(self, table: str) -> Iterator[Constraint]:
        """Foreign keys of any table that lead to one; those of partitions among them."""
        return (one for one in self.schema.all(Constraint) if one.kind == "f" and one.references == table)

    def foreign_keys_of(self, table: str) -> Iterator[Constraint]:
        return (one for one in self.schema.on(table, Constraint) if one.kind == "f")


def is_constrained(ground: Ground, domain: Domain | None) -> bool:
    """Whether a domain, or one that it is made of, refuses values."""
    while domain is not None:
        if domain.constraints or not domain.nullable:
            return True
        domain = ground.domain(domain.type)
    return False


def base_type(ground: Ground, type_name: str) -> str:
    """The type below all domains."""
    domain = ground.domain(type_name)
    while domain is not None:
        type_name = domain.type
        domain = ground.domain(type_name)
    return type_name


_WORD = re.compile(r'"(?:[^"]|"")+"|[^\W\d][\w$]*')
_TEXTS = re.compile(r"E?'(?:[^'\\]|''|\\.)*'")


def mentions(text: str, name: str) -> bool:
    """Whether an expression names a column; what stands in strings does not count."""
    words = (word.strip('"').replace('""', '"') for word in _WORD.findall(_TEXTS.sub(" ", text)))
    return name in words


def index_uses(index: Index, column: str) -> bool:
    """Whether an index has to be made anew when a column of its table changes its type."""
    if column in index.columns or column in index.include:
        return True
    return any(mentions(text, column) for text in (*index.keys, index.predicate))


def constraint_uses(constraint: Constraint, column: str) -> bool:
    return column in constraint.columns or mentions(constraint.expression, column)


def locked(mode: str, *relations: str) -> Iterator[Part]:
    """A lock on each relation that there is."""
    return (Lock(relation, mode) for relation in relations if relation)


def scanned(ground: Ground, *relations: str) -> Iterator[Part]:
    """Those of the relations that hold rows of their own are read whole."""
    return (Touch("scan", relation) for relation in relations if ground.has_storage(relation))


def built(ground: Ground, *relations: str) -> Iterator[Part]:
    """An index is built on each that holds rows: it is read whole, too."""
    for relation in relations:
        if ground.has_storage(relation):
            yield Touch("scan", relation)
            yield Touch("build", relation)


def rewritten(ground: Ground, *relations: str) -> Iterator[Part]:
    return (Touch("rewrite", relation) for relation in relations if ground.has_storage(relation))


def plain(identity: str) -> str:
    """The name without its schema."""
    return split(identity)[-1]


def beside(identity: str, name: str) -> str:
    """A name in the same schema as another."""
    return qualified(split(identity)[0], name)
