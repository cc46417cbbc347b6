"""What the pages of a database's documentation say, whatever they are written in: Markdown, Mermaid or HTML.

Texts are short SQL, as people read it, not as Postgres runs it. Identities are those of a Schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mcp_server.model.orm import Place

RelationKind = Literal["table", "partitioned table", "foreign table", "view", "materialized view"]


@dataclass(frozen=True, slots=True)
class Declared:
    """Where a relation is stated. by: "models", "spec", "migrations". what: the class or table, as it is named there."""

    by: str
    what: str
    place: Place


@dataclass(frozen=True, slots=True)
class DocumentedColumn:
    """A column. keys: "PK", "FK", "UK". default: "" without one."""

    name: str
    type: str
    nullable: bool
    default: str = ""
    keys: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class DocumentedIndex:
    """An index. keys: what it is on, as SQL. reason: what it is for. doubt: what speaks against it, "" for nothing."""

    name: str
    table: str
    keys: str
    reason: str
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A named thing of a relation in one line: a constraint, a policy, a trigger."""

    name: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A foreign key. child, parent: identities. one: at most one row of the child for a row of the parent. optional: may be NULL."""

    child: str
    parent: str
    columns: tuple[str, ...]
    on_delete: str = "no action"
    optional: bool = False
    one: bool = False
    served: bool = True


@dataclass(frozen=True, slots=True)
class DocumentedRelation:
    """A table or a view. page: the name of its page without the ending, no other has it. definition: a view's query."""

    identity: str
    page: str
    kind: RelationKind
    comment: str = ""
    columns: tuple[DocumentedColumn, ...] = ()
    constraints: tuple[Line, ...] = ()
    indexes: tuple[DocumentedIndex, ...] = ()
    outgoing: tuple[Link, ...] = ()
    incoming: tuple[Link, ...] = ()
    policies: tuple[Line, ...] = ()
    triggers: tuple[Line, ...] = ()
    row_security: str = ""
    partitions: str = ""
    definition: str = ""
    read_by: tuple[str, ...] = ()
    declared: tuple[Declared, ...] = ()

    @property
    def name(self) -> str:
        """The identity without schema public."""
        return self.identity.removeprefix("public.")


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Tables that are read together. centre: the one that most of them lead to. beyond: parents that are drawn elsewhere."""

    centre: str
    tables: tuple[str, ...]
    beyond: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """An architecture decision record. status, date: "" when it does not say. file: relative to the project's root."""

    number: str
    title: str
    file: str
    status: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Documentation:
    """All that is written of one schema.

    source: the word that it was read from. relations: tables, then views. neighbourhoods: a diagram each. alone: tables that
    no foreign key joins to others. types, functions: in one line each.
    """

    source: str
    relations: tuple[DocumentedRelation, ...]
    neighbourhoods: tuple[Neighbourhood, ...] = ()
    alone: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()

    @property
    def links(self) -> tuple[Link, ...]:
        """Every foreign key."""
        return tuple(link for one in self.relations for link in one.outgoing)

    @property
    def tables(self) -> tuple[DocumentedRelation, ...]:
        """The relations that hold rows of their own."""
        return tuple(one for one in self.relations if not one.kind.endswith("view"))

    def relation(self, identity: str) -> DocumentedRelation | None:
        """The relation of an identity, None when it is not documented."""
        return next((one for one in self.relations if one.identity == identity), None)
