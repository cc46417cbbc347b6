"""What spec documents state of tables: every fact with the file, the line and how strongly it was stated.

What is unstated stays unstated: None, or "" for a text. Names are kept as they are written; `alike()` says which of them
mean one table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from mcp_server.model.names import object_name
from mcp_server.model.orm import Place

NOWHERE = Place()
Strength = Literal["strong", "middle", "weak"]
STRENGTHS: tuple[Strength, ...] = ("strong", "middle", "weak")
Form = Literal[
    "sql", "column table", "classes", "alembic", "bullets", "index table", "index list", "relations", "constraints",
    "prose", "box", "mermaid", "dbml", "json", "typescript",
]  # fmt: skip
Kind = Literal["table", "entity", "shape"]
OnDelete = Literal["", "cascade", "restrict", "set null", "set default", "no action"]


@dataclass(frozen=True, slots=True)
class SpecType:
    """A type as a document words it.

    fits: Postgres's names of the types that the words allow, the likeliest first; () for words that name no type.
    length: characters, or None. unbounded: TEXT, which says that there is no bound. values: of an enumeration, in order.
    arguments: "10,2" of a number. automatic: numbers that the database gives (SERIAL, AUTO_INCREMENT).
    """

    written: str
    fits: tuple[str, ...] = ()
    length: int | None = None
    unbounded: bool = False
    values: tuple[str, ...] = ()
    arguments: str = ""
    is_array: bool = False
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a foreign key leads. table: "" when only "foreign key" is said; column: "" for the primary key."""

    table: str = ""
    column: str = ""
    on_delete: OnDelete = ""


@dataclass(frozen=True, slots=True)
class StatedColumn:
    """One statement of a column. bound: characters that the prose beside the type allows. default: SQL; "?" for one whose
    value is not said. silent: `nullable` follows from what the form leaves out, as in DDL without NOT NULL. given: Python
    gives the default, or the key, and not the database. check: SQL."""

    name: str
    place: Place = NOWHERE
    type: SpecType | None = None
    bound: int | None = None
    nullable: bool | None = None
    silent: bool = False
    primary_key: bool = False
    unique: bool = False
    indexed: bool = False
    default: str | None = None
    given: bool = False
    reference: Reference | None = None
    on_update: bool = False
    check: str = ""


@dataclass(frozen=True, slots=True)
class StatedTable:
    """One statement of a table: a CREATE TABLE, a column table, a list, a class.

    kind: "table" when its name is said to be a table's, "entity" when it names what the rows are, "shape" for what travels
    between programs. adds: it speaks of some columns only, as ALTER TABLE does. key: of several columns.
    """

    name: str
    kind: Kind
    place: Place
    form: Form
    strength: Strength
    columns: tuple[StatedColumn, ...] = ()
    key: tuple[str, ...] = ()
    external: bool = False
    adds: bool = False

    @property
    def has_key(self) -> bool:
        """Whether it says what tells its rows apart."""
        return bool(self.key) or any(one.primary_key or one.name.lower() == "id" for one in self.columns)


@dataclass(frozen=True, slots=True)
class StatedIndex:
    """An index, or a uniqueness over several columns. keys: `created_at`, `created_at DESC`, or an expression.

    table: "" when it must be found by the columns. purpose: what it is said to be for.
    """

    table: str
    keys: tuple[str, ...]
    place: Place
    form: Form
    strength: Strength
    name: str = ""
    unique: bool = False
    predicate: str = ""
    method: str = ""
    purpose: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys without their order."""
        return tuple(re.sub(r"\s+(?:asc|desc|nulls\s+\w+)\b.*", "", key, flags=re.I).strip('"` ') for key in self.keys)


@dataclass(frozen=True, slots=True)
class StatedCheck:
    """A check. expression: SQL, or "" with `wording` where it is only told. columns: that it speaks of, when known."""

    table: str
    columns: tuple[str, ...]
    place: Place
    form: Form
    strength: Strength
    expression: str = ""
    name: str = ""
    wording: str = ""


@dataclass(frozen=True, slots=True)
class StatedKey:
    """A foreign key told apart from its column. denied: said not to be there. table, columns: "" and () when unknown."""

    table: str
    columns: tuple[str, ...]
    reference: Reference
    place: Place
    form: Form
    strength: Strength
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """Lines that could not be understood, and what was expected there."""

    place: Place
    text: str
    expected: str


@dataclass(frozen=True, slots=True)
class Owned:
    """A table that others own: Better Auth's, an extension's."""

    name: str
    place: Place
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A table, or a column of it, that is dropped or renamed. column: "" for the table itself. new: its name then, "" when dropped."""

    table: str
    column: str
    new: str
    place: Place


Part = StatedTable | StatedIndex | StatedCheck | StatedKey | Owned | Unread | Change


@dataclass(frozen=True, slots=True)
class Document:
    """One document. incremental: it lists what is new, and says nothing of what else there is.

    updates: it speaks of changes to what other documents state. order: where it stands when documents are folded.
    """

    path: str
    tables: tuple[StatedTable, ...] = ()
    indexes: tuple[StatedIndex, ...] = ()
    checks: tuple[StatedCheck, ...] = ()
    keys: tuple[StatedKey, ...] = ()
    owned: tuple[Owned, ...] = ()
    unread: tuple[Unread, ...] = ()
    changes: tuple[Change, ...] = ()
    incremental: bool = False
    lists_indexes: bool = False
    order: tuple[int, int, str] = (0, 0, "")


@cache
def alike(name: str) -> str:
    """What names of one thing have in common: `Task`, `tasks` and `"task"` give "task", `TaskTag` and task_tags "tasktag"."""
    word = re.sub(r"[^a-z0-9]", "", name.rpartition(".")[2].lower())
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def index_name(index: StatedIndex, table: str) -> str:
    """The name under which an index is made real."""
    return index.name or object_name(
        table, "_".join(column.replace("(", "").replace(")", "") for column in index.columns), "idx"
    )


def kind_of_name(name: str) -> Kind:
    """What a name that nothing else is said of is taken for: in lower case a table's, else that of an entity."""
    return "table" if name == name.lower() else "entity"


def same_column(one: str, other: str) -> bool:
    """Whether two names mean one column: `createdAt` and `created_at` do not in SQL, but quotes and case do not count."""
    return one.strip('"`').lower() == other.strip('"`').lower()
