"""Where a finding about a table stands in the user's models, and what cures it there."""

from __future__ import annotations

import re
from dataclasses import replace

from mcp_server.model.code import ClassField, Code
from mcp_server.model.code_call import Call
from mcp_server.model.finding import Edit, Finding
from mcp_server.model.names import split
from mcp_server.model.orm import ModelField, Models, Place
from mcp_server.model.schema import Column, Constraint, Index, Schema, Table
from mcp_server.model.spec_table import Spec
from mcp_server.rules import rule_of

# A keyword that needs no import, and leaves nothing to decide.
PLAIN = re.compile(r"(?P<without>without )?(?P<name>\w+)=(?:True|False)\Z")


def placed(found: Finding, schema: Schema | None, models: Models | None, code: Code | None) -> Finding:
    """The finding with file and line, and with the fix as the models would state it. Others are left as they are."""
    if found.place or schema is None or models is None:
        return found
    table, columns = subject_of(found.subject, schema)
    if not table:
        return found
    field = _field(models, table, columns[0]) if len(columns) == 1 else None
    place = field.place if field is not None and field.place.file else models.place_of(table)
    better = replace(found, place=str(place))
    registered = rule_of(found.code)
    keyword = registered.rule.keyword if registered else ""
    if field is None or not keyword:
        return better
    better = replace(better, fix=f"{keyword} in {field.name}'s Field(), then a migration:\n{found.fix}")
    written = _written(code, field.place) if code else None
    plain = PLAIN.match(keyword)
    if written is None or written.maker is None or written.kind != "Field" or plain is None or found.severity == "info":
        return better
    change = _without if plain["without"] else _with
    return replace(better, edits=change(written, written.maker, plain["name"], keyword))


def stated(found: Finding, schema: Schema | None, spec: Spec | None) -> Finding:
    """The finding of a spec's table with the line that states it, which is where it is mended."""
    if found.place or schema is None or spec is None:
        return found
    table, columns = subject_of(found.subject, schema)
    known = spec.table(split(table)[-1]) if table else None
    if known is None:
        return found
    column = known.column(columns[0]) if columns else None
    place = column.place if column is not None else known.place
    return replace(found, place=str(place), fix="write it into the spec there; the models follow")


def subject_of(subject: str, schema: Schema) -> tuple[str, tuple[str, ...]]:
    """Table and columns that a subject of a finding names; "" when it is none of theirs."""
    if schema.get(Table, subject) is not None:
        return subject, ()
    column = schema.get(Column, subject)
    if column is not None:
        return column.table, (column.name,)
    owned = schema.get(Constraint, subject) or schema.get(Index, subject)
    return (owned.table, tuple(filter(None, owned.columns))) if owned is not None else ("", ())


def _field(models: Models, table: str, column: str) -> ModelField | None:
    fields = (one for each in models.classes if each.identity == table for one in each.fields)
    return next((one for one in fields if one.column == column), None)


def _written(code: Code, place: Place) -> ClassField | None:
    """The field as it is written at a place."""
    fields = (field for one in code.classes if one.span.file == place.file for field in one.fields)
    return next((field for field in fields if field.span.line == place.line), None)


def _with(field: ClassField, maker: Call, name: str, keyword: str) -> tuple[Edit, ...]:
    """The keyword added to a field's own Field(); () where that says another thing already."""
    if maker.is_spread() or maker.argument("sa_column") or maker.argument(name):
        return ()
    if name == "nullable" and "None" in field.annotation + field.value.partition(",")[0]:
        return ()
    return (maker.with_keyword(keyword),)


def _without(field: ClassField, maker: Call, name: str, keyword: str) -> tuple[Edit, ...]:
    """The keyword taken out of a Field(), with the comma before it."""
    names = [one.name for one in maker.arguments]
    at = names.index(name) if name in names else 0
    if at == 0:
        return ()
    return (Edit(field.span.file, maker.arguments[at - 1].span.end, maker.arguments[at].span.end, ""),)
