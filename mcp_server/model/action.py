"""What a statement asks for, taken out of its text: small values, so that no rule meets the nodes of a parser."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a statement does to one object; ALTER TABLE has one for each of its commands.

    verb: in Postgres's words, lower case: "create table", "create index", "add column", "drop column", "alter column type", "set not null",
    "add constraint", "validate constraint", "rename column", "drop table", "update", "insert", "truncate", ...
    relation: the table, view or index that it is done to, as written but folded and unquoted: `task`, `app.task`. name: the column, constraint or new
    object. kind: of a constraint ("primary key", "unique", "foreign key", "check", "not null", "exclude"), or of an object that is renamed or dropped.
    type: of a column, as written. expression: default, check, predicate or USING, as SQL. columns: of an index or key.
    references: the relation that a foreign key leads to, or the parent of a partition. flags: "concurrently", "not valid", "cascade", "if exists",
    "if not exists", "using index", "not null", "default", "unique", "primary key", "references", "check", "stored", "virtual", "identity", "only", "not enforced", ...
    """

    verb: str
    relation: str = ""
    name: str = ""
    kind: str = ""
    type: str = ""
    expression: str = ""
    columns: tuple[str, ...] = ()
    references: str = ""
    flags: frozenset[str] = frozenset()
