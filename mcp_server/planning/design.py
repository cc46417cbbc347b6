"""A settled Spec and what it becomes when it is made real -> the Design of its models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mcp_server.model.described import listed_values
from mcp_server.model.described_spec import check_name, checks_of
from mcp_server.model.design import Design, DesignedCheck, DesignedClass, DesignedEnum, DesignedField, Given, Stub
from mcp_server.model.facts import primary_key
from mcp_server.model.names import quote, split
from mcp_server.model.naming import is_change
from mcp_server.model.schema import Column, Constraint, Enum, Schema, Table
from mcp_server.model.spec_table import Spec, SpecTable, name_in_sql
from mcp_server.planning.design_indexes import indexes_of
from mcp_server.planning.design_names import attribute_name, class_name, free, member_name, snake
from mcp_server.planning.design_questions import questions_of
from mcp_server.planning.design_relations import relate
from mcp_server.planning.design_settle import Settled
from mcp_server.planning.design_values import bounds_of, given_for, kind_of


def design(settled: Settled, schema: Schema) -> Design:
    """Design the models of a settled Spec. schema: what it becomes when it is made real."""
    spec = settled.spec
    own = [one for one in spec.tables if one.columns and not one.external]
    classes: list[DesignedClass] = []
    for table in _in_order(own, spec, schema):
        classes.append(_class(table, settled, schema, [one.name for one in classes]))
    return Design(
        classes=relate(_distinct_enums(classes)),
        stubs=tuple(_stubs(spec, schema)),
        decisions=settled.decisions,
        questions=questions_of(settled, schema),
        left_out=settled.left_out,
    )


def identity_of(table: SpecTable, spec: Spec) -> str:
    """The table's name as a Schema has it."""
    return f"public.{quote(name_in_sql(table, spec))}"


def _in_order(tables: list[SpecTable], spec: Spec, schema: Schema) -> Iterator[SpecTable]:
    """Each table after those that its keys lead to, else as the spec has them; a circle is cut where it is met."""
    by_identity = {identity_of(one, spec): one for one in tables}
    done: set[str] = set()

    def visit(identity: str) -> Iterator[SpecTable]:
        if identity in done or identity not in by_identity:
            return
        done.add(identity)
        for key in schema.on(identity, Constraint):
            if key.kind == "f":
                yield from visit(key.references)
        yield by_identity[identity]

    for identity in by_identity:
        yield from visit(identity)


def _class(table: SpecTable, settled: Settled, schema: Schema, taken: Iterable[str]) -> DesignedClass:
    identity, name = identity_of(table, settled.spec), name_in_sql(table, settled.spec)
    called = class_name(table, name, taken)
    constraints = schema.on(identity, Constraint)
    checks = [one for one in constraints if one.kind == "c"]
    fields: list[DesignedField] = []
    for column in schema.on(identity, Column):
        attribute = attribute_name(column.name, [one.name for one in fields])
        fields.append(_field(attribute, column, table, schema, called, constraints))
    kept = {field.column.name for field in fields if field.enum and not field.enum.native}
    return DesignedClass(
        name=called,
        table=name,
        fields=tuple(fields),
        indexes=tuple(indexes_of(table, identity, settled, schema)),
        checks=tuple(_checks(table, [one for one in checks if not (kept & set(one.columns) and _listed(one))])),
        place=table.place,
    )


def _field(
    name: str, column: Column, table: SpecTable, schema: Schema, owner: str, constraints: tuple[Constraint, ...]
) -> DesignedField:
    stated = table.column(column.name)
    checks = [one for one in constraints if one.kind == "c"]
    values = next(
        (values for one in checks for listed, values in listed_values(one.expression) if listed == column.name), ()
    )
    enum = _enum(column, schema, owner, values)
    bounds, shortest = bounds_of(column.name, checks)
    timed = column.type.startswith(("timestamp", "date"))
    field = DesignedField(
        name=name,
        column=column,
        kind=(f"list[{enum.name}]" if column.type.endswith("[]") else enum.name) if enum else kind_of(column),
        primary_key=column.name in primary_key(schema, column.table),
        key=next((one for one in constraints if one.kind == "f" and one.columns == (column.name,)), None),
        enum=enum,
        literal=values if values and not enum and kind_of(column) == "str" else (),
        given=given_for(column),
        shortest=shortest,
        bounds=bounds if kind_of(column) in ("int", "float", "Decimal") else (),
        follows=timed and (is_change(column.name) or bool(stated and stated.voice("on_update"))),
    )
    return replace(field, given=_member(field, column)) if enum else field


def _enum(column: Column, schema: Schema, owner: str, values: tuple[str, ...]) -> DesignedEnum | None:
    """The enum of a column: of a native type, or of a text whose length is bounded and whose values a check lists."""
    bare = column.type.removesuffix("[]")
    native = schema.get(Enum, bare) or schema.get(Enum, f"public.{bare}")
    sized = column.type.startswith("character varying(")
    listed = native.values if native else values if sized else ()
    if not listed or (sized and int(column.type[len("character varying(") : -1]) < max(map(len, listed))):
        return None
    members: list[tuple[str, str]] = []
    for value in listed:
        members.append((member_name(value, [one for one, _ in members]), value))
    called = owner + "".join(word.capitalize() for word in snake(column.name).split("_"))
    type_name = f"{snake(owner)}_{snake(column.name)}" if native else snake(column.name)
    return DesignedEnum(called, tuple(members), type_name, native is not None)


def _member(field: DesignedField, column: Column) -> Given:
    """The default as a member of the enum."""
    assert field.enum is not None
    given = given_for(replace(column, type="text"))
    member = next((name for name, value in field.enum.members if value == given.value), "")
    if given.origin == "value" and member:
        return Given("value", f"{field.enum.name}.{member}")
    return given if given.value == "None" else Given()


def _distinct_enums(classes: list[DesignedClass]) -> list[DesignedClass]:
    """The classes with enums whose names no class and no other enum has."""
    taken = {one.name for one in classes}
    found = []
    for one in classes:
        fields = []
        for field in one.fields:
            if field.enum is not None:
                name = free(field.enum.name, taken, "Value")
                taken.add(name)
                value = field.given.value.replace(f"{field.enum.name}.", f"{name}.", 1)
                kind = field.kind.replace(field.enum.name, name)
                field = replace(
                    field, kind=kind, enum=replace(field.enum, name=name), given=replace(field.given, value=value)
                )
            fields.append(field)
        found.append(replace(one, fields=tuple(fields)))
    return found


def _listed(check: Constraint) -> bool:
    return any(True for _ in listed_values(check.expression))


def _checks(table: SpecTable, checks: list[Constraint]) -> Iterator[DesignedCheck]:
    """The checks in the spec's words where it has them."""
    worded = {check_name(number, one.name): one for number, one in enumerate(checks_of(table))}
    taken: list[str] = []
    for check in checks:
        told = worded.get(check.name)
        prefix = f"ck_{table.name.lower()}_"
        stated = told.name.lower().removeprefix(prefix) if told else ""
        name = free(stated or "_".join((*check.columns, "valid")), taken, "_too")
        taken.append(name)
        yield DesignedCheck(name, told.sql if told else check.expression, check.columns)


def _stubs(spec: Spec, schema: Schema) -> Iterator[Stub]:
    """What of others' tables our keys lead to."""
    own = {identity_of(one, spec) for one in spec.tables if one.columns and not one.external}
    keys = [one for one in schema.all(Constraint) if one.kind == "f" and one.table in own and one.references not in own]
    owners = {identity_of(one, spec): one.owner for one in spec.tables}
    for identity in dict.fromkeys(one.references for one in keys):
        table = schema.get(Table, identity)
        wanted = dict.fromkeys(name for one in keys if one.references == identity for name in one.referenced_columns)
        types = {one.name: one.type for one in schema.on(identity, Column)}
        name = table.name if table else split(identity)[-1]
        yield Stub(name, tuple((each, types[each]) for each in wanted), owners.get(identity, ""))
