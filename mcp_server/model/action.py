"""What a statement asks for, taken out of its text: small values, so that no rule meets the nodes of a parser."""

from __future__ import annotations

from dataclasses import dataclass

COLUMN_VERBS = (
    "add column", "drop column", "alter column type", "set not null", "drop not null", "set default", "drop default",
    "set statistics", "set storage", "set compression", "set column options", "add identity", "set identity", "drop identity",
    "set expression", "drop expression",
)  # fmt: skip
CONSTRAINT_VERBS = ("add constraint", "drop constraint", "validate constraint", "alter constraint")
TABLE_VERBS = (
    *COLUMN_VERBS, *CONSTRAINT_VERBS,
    "set options", "set tablespace", "set access method", "set logged", "set unlogged", "set clustered index",
    "replica identity", "owner to", "inherit", "no inherit", "of type", "not of type",
    "attach partition", "detach partition", "enable trigger", "disable trigger", "enable rule", "disable rule",
    "enable row security", "disable row security", "force row security", "no force row security",
)  # fmt: skip
DATA_VERBS = ("select", "insert", "update", "delete", "merge", "copy", "truncate", "lock table")
"""The verbs of ALTER TABLE's commands (also of ALTER INDEX, ALTER VIEW and ALTER SEQUENCE where the command is the same; `kind` says
what it is done to), and those of rows. Besides them:

create table, table column, table constraint, table like (the last three: the parts of a CREATE TABLE, which follow it),
create table as, create index, create view, create materialized view, refresh materialized view, create sequence, alter sequence,
create type, add enum value, rename enum value, add attribute, drop attribute, alter attribute type, create domain,
add domain constraint, drop domain constraint, validate domain constraint, alter domain (SET/DROP NOT NULL and DEFAULT are flags),
create schema, create extension, alter extension, create function, alter function, create trigger, create policy, alter policy,
create rule, create statistics, create publication, alter publication, comment, grant, revoke,
rename table, rename column, rename constraint, rename index, rename view, rename type, ... (any kind), set schema, owner to,
drop table, drop index, drop view, drop materialized view, drop type, drop domain, drop sequence, drop schema, drop function, drop trigger,
drop policy, ... (any kind), cluster, vacuum, analyze, reindex, begin, commit, rollback, savepoint, set, reset, show, prepare,
execute, explain, do, call. A statement of another kind has its first words as its verb."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a statement does to one object; ALTER TABLE has one for each of its commands.

    verb: in Postgres's words, lower case: one of TABLE_VERBS, DATA_VERBS, or those that the list above names.
    relation: the table, view or index that it is done to, as written but folded and quoted where SQL needs it: `task`, `app.task`.
    name: the column, constraint, trigger or policy of it, or the new object (an index, a type); of SET the setting. new_name: of a rename, SET
    SCHEMA, OWNER TO. kind: of a constraint ("primary key", "unique", "foreign key", "check", "not null", "exclude"), else of an object that is
    altered, renamed, commented or dropped where it is no table ("index", "view", "materialized view", "sequence", "type", ...).
    type: of a column, as format_type() writes it. expression: default, check, predicate, USING, or a partition's bound, as SQL.
    columns: of an index or key ("" for an expression); of UPDATE and DELETE those that its WHERE compares with values. references: the relation that a
    foreign key leads to, the parent of a partition, the table of INHERIT or LIKE. index: that a constraint, CLUSTER or REPLICA IDENTITY is told to use.
    options: "name=value" of WITH (...), SET (...), or of SET; "using=..." of an index's method, "collate=..." of a column, "cast=..." of each cast
    in a USING that does no more than cast the column. calls: functions that its expressions call, by name,
    `app.next_number` or `now` (CURRENT_TIMESTAMP and its like are "current_timestamp"). reads: relations that its query reads.
    flags, of columns and constraints: not null, default, primary key, unique, references, check, identity, stored, virtual, collate, not valid, not enforced,
    no inherit, deferrable, initially deferred, nulls not distinct, using index, using (a USING of ALTER COLUMN TYPE), cast only (the USING casts the column and no more).
    Of objects: concurrently, cascade, if exists, if not exists, or replace, only, unique, temporary, unlogged, partition of, partitioned, with no data, restart identity,
    default (partition), local (SET LOCAL). Of rows: where, for update, returning. full (VACUUM), in do (inside of a DO block's text), dynamic (text that is only known
    at run time), too deep (nested beyond what can be read; only the verb is known).
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
    new_name: str = ""
    index: str = ""
    options: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
