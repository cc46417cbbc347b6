"""What a source says of tables, in one shape for all sources: a Schema says everything, a Spec leaves most things open.

None, "" and empty sets mean: nothing is said. Comparing (drift.py) never calls silence a disagreement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from mcp_server.model.names import split
from mcp_server.model.orm import ModelClass, ModelField, Models, Place
from mcp_server.model.schema import Column, Constraint, Enum, Index, Schema, Table, Trigger
from mcp_server.model.spec import NOWHERE


@dataclass(frozen=True, slots=True)
class DescribedColumn:
    """A column.

    types: Postgres's names, any of which is meant; arguments: "10,2" of numeric(10,2); enumerated: it is a native enum (True), text with a check (False), or not
    told (None). length: characters; bounds: every number that is allowed for. unbounded: said to have no bound.
    nullable: None when it is not said; silent: it follows from silence alone; required: NOT NULL is said of the column itself,
    and not only by the type of a class's field. default: SQL that the database carries
    out; given: what Python gives, as SQL. on_delete: "" when nothing is said of it, else "no action" or a rule. follows: it is
    said, or known, to change with its row (None: not known). spoken: in so many words, by DDL.
    """

    name: str
    place: Place = NOWHERE
    types: tuple[str, ...] = ()
    written: str = ""
    arguments: str = ""
    enumerated: bool | None = None
    values: tuple[str, ...] = ()
    length: int | None = None
    bounds: frozenset[int] = frozenset()
    unbounded: bool = False
    nullable: bool | None = None
    silent: bool = False
    required: bool = False
    primary_key: bool = False
    default: str | None = None
    given: str | None = None
    references: str = ""
    referenced_column: str = ""
    on_delete: str = ""
    denied: bool = False
    follows: bool | None = None
    spoken: bool = False


@dataclass(frozen=True, slots=True)
class DescribedIndex:
    """An index or a uniqueness, primary keys included. keys: columns, " DESC" behind those in descending order."""

    name: str
    keys: tuple[str, ...]
    unique: bool = False
    predicate: str = ""
    method: str = ""
    primary: bool = False
    constraint: bool = False
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class DescribedCheck:
    """A check. sql: as Postgres deparses it where it could be made. wording: when it is only told: "not empty"."""

    name: str
    columns: tuple[str, ...]
    sql: str = ""
    wording: str = ""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class DescribedTable:
    """A table. named: its own name is told, and not only that of its rows. whole: its indexes are all told.

    weak: nothing but sketches tell of it. partial: some of its columns are told, as by ALTER TABLE, and not the others.
    """

    name: str
    place: Place = NOWHERE
    columns: tuple[DescribedColumn, ...] = ()
    indexes: tuple[DescribedIndex, ...] = ()
    checks: tuple[DescribedCheck, ...] = ()
    named: bool = True
    whole: bool = True
    external: bool = False
    owner: str = ""
    weak: bool = False
    partial: bool = False

    def column(self, name: str) -> DescribedColumn | None:
        """The column of a name; case counts only where two would be told apart by it."""
        exact = next((one for one in self.columns if one.name == name), None)
        return exact or next((one for one in self.columns if one.name.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Described:
    """A source. word: as people name it. incremental: tables that it does not name may well be there."""

    word: str
    tables: tuple[DescribedTable, ...]
    is_spec: bool = False
    incremental: bool = False


_LENGTH = re.compile(r"^(character varying|character)\((\d+)\)$")
_ARGUMENTS = re.compile(r"\((\d[\d, ]*)\)")
_IN_LIST = re.compile(r"^\(*(?:\((?P<one>\w+)\)::text|\"?(?P<two>\w+)\"?) = ANY \(\(?ARRAY\[(?P<list>.*?)\]", re.S)
# A function that gives the present moment, by the words of its name: `utcnow`, `datetime.now`, `get_current_time`.
_MOMENT = re.compile(
    r"(?<![a-z])(?:utc_?)?now(?![a-z])|(?<![a-z])(?:today|time|timestamp|datetime|date)(?![a-z])", re.I
)
_LITERAL = re.compile(r"'((?:[^']|'')*)'(?:::[\w .\"]+)?")


def describe_schema(word: str, schema: Schema, models: Models | None = None, leave: Iterable[str] = ()) -> Described:
    """A Schema, described. models: what is known of Python's part, and of places. leave: identities that are left out."""
    enums = {enum.identity: enum for enum in schema.all(Enum)}
    left = frozenset(leave)
    classes = {one.identity: one for one in models.classes} if models else {}
    tables = tuple(
        _table(table, schema, enums, models, classes.get(table.identity))
        for table in schema.all(Table)
        if table.identity not in left and not table.partition_of
    )
    return Described(word, tables)


def _table(
    table: Table, schema: Schema, enums: Mapping[str, Enum], models: Models | None, described: ModelClass | None
) -> DescribedTable:
    place = models.place_of(table.identity) if models else Place()
    constraints = schema.on(table.identity, Constraint)
    keys = {one.columns[0]: one for one in constraints if one.kind == "f" and len(one.columns) == 1}
    primary = next((one.columns for one in constraints if one.kind == "p"), ())
    listed = {name: values for one in constraints if one.kind == "c" for name, values in listed_values(one.expression)}
    fields = {one.column: one for one in described.fields} if described else {}
    touched = any(re.search(r"\bupdate\b", one.definition, re.I) for one in schema.on(table.identity, Trigger))
    columns = tuple(
        _told_by_models(
            _column(one, keys.get(one.name), primary, enums, listed.get(one.name, ())),
            fields.get(one.name),
            models is not None,
            touched,
        )
        for one in schema.on(table.identity, Column)
    )
    name = table.name if table.schema == "public" else f"{table.schema}.{table.name}"
    checks = tuple(DescribedCheck(one.name, one.columns, one.expression) for one in constraints if one.kind == "c")
    return DescribedTable(name, place, columns, tuple(_indexes(table, schema)), checks)


def listed_values(expression: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The column and the values of a check that is a list of them."""
    match = _IN_LIST.match(expression)
    if match:
        yield match["one"] or match["two"], tuple(text.replace("''", "'") for text in _LITERAL.findall(match["list"]))


def _column(
    column: Column, key: Constraint | None, primary: tuple[str, ...], enums: Mapping[str, Enum], listed: tuple[str, ...]
) -> DescribedColumn:
    sized = _LENGTH.match(column.type)
    enum = enums.get(column.type) or enums.get(f"public.{column.type}")
    numbered = (column.default or "").startswith("nextval(")
    return DescribedColumn(
        name=column.name,
        types=("enum",) if enum else (sized[1] if sized else column.type,),
        written=f"enum {', '.join(enum.values)}" if enum else column.type,
        arguments=_arguments(column.type) if not enum and not sized else "",
        enumerated=True if enum else False if listed else None,
        values=enum.values if enum else listed,
        length=int(sized[2]) if sized else None,
        unbounded=sized is None and column.type in ("text", "character varying"),
        nullable=column.nullable,
        required=not column.nullable,
        primary_key=column.name in primary,
        default=None if numbered or column.identity_kind else column.default,
        references=split(key.references)[-1] if key else "",
        referenced_column=key.referenced_columns[0] if key and key.referenced_columns else "",
        on_delete=(key.on_delete or "no action").lower() if key else "",
        spoken=True,
    )


def _arguments(type: str) -> str:
    """What stands in the parentheses of a type: "10,2" of `numeric(10,2)[]`."""
    match = _ARGUMENTS.search(type)
    return match[1].replace(" ", "") if match else ""


def _told_by_models(column: DescribedColumn, field: ModelField | None, models: bool, touched: bool) -> DescribedColumn:
    """With what Python does for the column, where the source is the models."""
    if field is None:
        return replace(column, follows=True if touched else None)
    return replace(
        column,
        place=field.place,
        given=default_of_python(field.default) if field.default else None,
        follows=bool(field.onupdate) or touched,
    )


def default_of_python(text: str) -> str:
    """A default of Python's, its repr or the name of what makes it, as SQL; "?" when SQL has no such value."""
    enum = re.match(r"<\w+(?:\.\w+)?: '?([^'>]*)'?>$", text)
    if enum:
        return f"'{enum[1]}'"
    if text in ("True", "False"):
        return text.lower()
    if re.fullmatch(r"'[^']*'|-?\d+(\.\d+)?", text):
        return text
    if text in ("dict", "list"):
        return "'{}'" if text == "dict" else "'[]'"
    if re.search(r"uuid", text, re.I):
        return "gen_random_uuid()"
    return "CURRENT_TIMESTAMP" if _MOMENT.search(text) else "?"


def _indexes(table: Table, schema: Schema) -> Iterator[DescribedIndex]:
    kinds = {one.name: one.kind for one in schema.on(table.identity, Constraint)}
    for one in schema.on(table.identity, Index):
        keys = tuple(_key(name, key) for name, key in zip(one.columns, one.keys, strict=True))
        kind = kinds.get(one.constraint, "")
        method = one.method if one.method != "btree" else ""
        yield DescribedIndex(one.name, keys, one.unique, one.predicate, method, kind == "p", bool(one.constraint))


def _key(name: str, key: str) -> str:
    return (name or key.partition(" DESC")[0]) + (" DESC" if " DESC" in key else "")
