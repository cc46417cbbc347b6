"""A Design as one module of SQLModel classes, as ruff and black leave it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from mcp_server.model.design import (
    Design,
    DesignedClass,
    DesignedEnum,
    DesignedIndex,
    DesignedRelationship,
    Flavour,
    Stub,
)
from mcp_server.model.names import quote
from mcp_server.render.alembic_sql import plain, text
from mcp_server.render.alembic_types import Types
from mcp_server.render.python_source import WIDTH, Bracket, Source, call, formatted, keyword, mapping, string
from mcp_server.render.sqlmodel_fields import field_lines, optional, type_class

_IMPORTED = (
    ("datetime", ("UTC", "date", "datetime", "time", "timedelta", "timezone")),
    ("decimal", ("Decimal",)),
    ("enum", ("Enum", "StrEnum")),
    ("typing", ("Any", "Literal", "Optional")),
    ("uuid", ("UUID", "uuid4")),
)
_USES = {"timezone": r"timezone\.utc", "UTC": r"UTC\)"}  # a column may be called so
_CONVENTION = """\
# Names of constraints, so that every database and every migration has the same.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""


def render_models(design: Design, flavour: Flavour) -> str:
    """The module."""
    types = Types(flavour.sqlalchemy[:2] or (2, 0), ())
    blocks = [
        *_functions(design, flavour),
        *(_enum(one, flavour) for one in design.enums),
        *_unspoken(design, types),
        *(_stub(one, types) for one in design.stubs),
        *(_class(one, flavour, types) for one in _with_links_first(design.classes)),
    ]
    body = "\n\n\n".join(blocks)
    count = len(design.classes)
    doc = f'"""The {count} tables of the application."""' if count != 1 else '"""The table of the application."""'
    head = "\n".join(_imports(body))
    return f"{doc}\n\n{head}\n\n{_CONVENTION}\n\n{body}\n"


def _with_links_first(classes: Iterable[DesignedClass]) -> list[DesignedClass]:
    """`link_model` takes a class, so that those between stand before those that they join."""
    return sorted(classes, key=lambda one: not one.link)


def _imports(body: str) -> Iterator[str]:
    code = _without_texts(body)
    for module, names in _IMPORTED:
        found = [name for name in names if re.search(rf"(?<![\w.]){_USES.get(name, name)}(?!\w)", code)]
        if found:
            yield f"from {module} import {', '.join(found)}"
    yield ""
    yield "import sqlalchemy as sa" if "sa." in body else ""
    if "postgresql." in body:
        yield "from sqlalchemy.dialects import postgresql"
    more = [name for name in ("Field", "Relationship") if f"{name}(" in body]
    yield f"from sqlmodel import {', '.join((*more, 'SQLModel'))}"


def _without_texts(code: str) -> str:
    """Source without its strings and comments."""
    return re.sub(r'"""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|#[^\n]*', '""', code)


def _functions(design: Design, flavour: Flavour) -> Iterator[str]:
    fields = [field for one in design.classes for field in one.fields]
    clocks = {field.given.origin for field in fields}
    for field in fields:
        if field.follows and field.column.type.startswith("timestamp"):
            clocks.add("clock" if "with time zone" in field.column.type else "naive clock")
    utc = "UTC" if flavour.python >= (3, 11) else "timezone.utc"
    if "clock" in clocks:
        yield f'def utc_now() -> datetime:\n    """This moment, in UTC and saying so."""\n    return datetime.now({utc})'
    if "naive clock" in clocks:
        yield (
            'def utc_naive_now() -> datetime:\n    """This moment in UTC, for columns that keep no time zone."""\n'
            f"    return datetime.now({utc}).replace(tzinfo=None)"
        )
    if design.enums:
        base = "StrEnum" if flavour.python >= (3, 11) else "Enum"
        yield (
            f'def values_of(kind: type[{base}]) -> list[str]:\n    """What the database keeps of an enum: the values, not the names."""\n'
            "    return [str(member.value) for member in kind]"
        )


def _enum(enum: DesignedEnum, flavour: Flavour) -> str:
    base = "StrEnum" if flavour.python >= (3, 11) else "str, Enum"
    members = "\n".join(f"    {name} = {string(value)}" for name, value in enum.members)
    return f"class {enum.name}({base}):\n{members}"


def _unspoken(design: Design, types: Types) -> Iterator[str]:
    """Classes for types that SQLAlchemy has no word for."""
    written = {field.column.type for one in design.classes for field in one.fields if field.enum is None}
    written |= {kind for one in design.stubs for _, kind in one.columns}
    for kind in sorted(one for one in written if types.spell(one) is None):
        name = kind.removeprefix("public.")
        yield (
            f"class {type_class(kind)}(sa.types.UserDefinedType[Any]):\n"
            f'    """Postgres\'s type {name}."""\n\n    cache_ok = True\n\n'
            f"    def get_col_spec(self, **_: Any) -> str:\n        return {string(name)}"
        )


def _stub(stub: Stub, types: Types) -> str:
    owner = f"{stub.owner[0].upper()}{stub.owner[1:]} owns" if stub.owner else "Others own"
    told = (
        f"{owner} `{stub.table}`: no more of it is declared than our keys refer to. It is never made, altered or dropped from here;"
        " keep it out of create_all and of Alembic (include_object)."
    )
    note = textwrap.fill(told, WIDTH, initial_indent="# ", subsequent_indent="# ")
    columns = [
        call(
            "sa.Column",
            string(name),
            types.spell(kind) or call(type_class(kind)),
            "primary_key=True" if not number else "unique=True",
        )
        for number, (name, kind) in enumerate(stub.columns)
    ]
    schema, dot, name = stub.table.rpartition(".")
    variable = re.sub(r"\W", "_", stub.table, flags=re.ASCII).lower()
    variable = f"{variable}_table" if not variable[0].isdigit() else f"table_{variable}"
    where = keyword("schema", string(schema)) if dot else None
    made = call(f"{variable} = sa.Table", string(name), "SQLModel.metadata", *columns, where)
    return f"{note}\n{formatted(made, 0)}"


def _class(one: DesignedClass, flavour: Flavour, types: Types) -> str:
    lines = [f"class {one.name}(SQLModel, table=True):", *_doc(one), ""]
    lines.append(f"    __tablename__ = {string(one.table)}  # pyright: ignore[reportAssignmentType]")
    arguments = list(_table_arguments(one))
    if arguments:
        lines += ["    __table_args__ = (", *arguments, "    )"]
    lines += ["", *(field_lines(field, flavour, types) for field in one.fields)]
    if one.relationships:
        lines += ["", *(_relationship(each, flavour) for each in one.relationships)]
    return "\n".join(lines)


def _doc(one: DesignedClass) -> list[str]:
    place = f" ({one.place})" if one.place.file else ""
    what = f"Joins the two that it refers to: a row of `{one.table}`" if one.link else f"A row of `{one.table}`"
    harmless = re.sub(r'["\\\x00-\x1f]', "_", f"{what}{place}.")
    return [f'    """{harmless}"""']


def _table_arguments(one: DesignedClass) -> Iterator[str]:
    for index in one.indexes:
        yield textwrap.fill(index.reason, WIDTH, initial_indent="        # ", subsequent_indent="        # ")
        yield formatted(index_source(index), 8, ",")
    for check in one.checks:
        expression = plain(check.sql) or string(check.sql)
        yield formatted(call("sa.CheckConstraint", expression, keyword("name", string(check.name))), 8, ",")


def index_source(designed: DesignedIndex) -> Source:
    """`sa.Index(...)`, or `sa.UniqueConstraint(...)` where that says the same."""
    index = designed.index
    keys: list[Source] = []
    ops: list[tuple[str, Source]] = []
    for name, key in zip(index.columns, index.keys, strict=True):
        rest = key.removeprefix(quote(name)).strip() if name else key
        if name and not rest:
            keys.append(string(name))
        elif name and re.fullmatch(r"[a-z_][a-z0-9_]*", rest):
            keys.append(string(name))
            ops.append((name, string(rest)))
        else:
            keys.append(text(key) or call("sa.text", string(key)))
    is_plain = (
        index.unique
        and not index.predicate
        and index.method == "btree"
        and all(isinstance(key, str) for key in keys)
        and not ops
    )
    if is_plain and not index.name.startswith(("idx", "ix")):
        return call("sa.UniqueConstraint", *keys, keyword("name", string(index.name)))
    return call(
        "sa.Index",
        string(index.name),
        *keys,
        "unique=True" if index.unique else None,
        keyword("postgresql_using", string(index.method)) if index.method != "btree" else None,
        keyword("postgresql_ops", mapping(ops)) if ops else None,
        keyword("postgresql_where", text(index.predicate) or call("sa.text", string(index.predicate)))
        if index.predicate
        else None,
    )


def _relationship(one: DesignedRelationship, flavour: Flavour) -> str:
    target = f'"{one.target}"'
    annotation = f"list[{target}]" if one.many else optional(target, flavour) if one.optional else target
    more: list[tuple[str, Source]] = [("uselist", "False")] if one.delete and not one.many else []
    more += [("foreign_keys", string(f"[{one.foreign_key}]"))] if one.foreign_key else []
    more += [("remote_side", string(one.remote))] if one.remote else []
    items: list[Source | None] = [
        keyword("back_populates", string(one.other)),
        f"link_model={one.link}" if one.link else None,
        "cascade_delete=True" if one.delete == "cascade" else None,
        "passive_deletes=True" if one.delete == "cascade" else 'passive_deletes="all"' if one.delete else None,
        keyword("sa_relationship_kwargs", mapping(more)) if more else None,
    ]
    return formatted(
        Bracket(f"{one.name}: {annotation} = Relationship(", tuple(item for item in items if item is not None)), 4
    )
