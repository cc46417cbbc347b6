"""Fields of SQLModel classes: as arguments of Field() where these say it all, else with the column itself.

What is written works alike in every SQLModel from 0.0.21 on. A plain `datetime` does not: it is a TIMESTAMP before 0.0.45 and a
TIMESTAMP WITH TIME ZONE that refuses values without one since, so that such a column is always written out.
"""

from __future__ import annotations

import re

from mcp_server.model.design import DesignedField, Flavour, Given
from mcp_server.model.names import split
from mcp_server.model.schema import Column
from mcp_server.render.alembic_sql import text
from mcp_server.render.alembic_tables import identity_source
from mcp_server.render.alembic_types import Types
from mcp_server.render.python_source import Bracket, Source, call, formatted, keyword, mapping, string

_AS_THEY_ARE = frozenset(
    (
        "character varying",
        "integer",
        "boolean",
        "date",
        "time without time zone",
        "interval",
        "double precision",
        "uuid",
        "bytea",
        "numeric",
    )
)
_BY_CLASS = {
    "text": "sa.Text", "bigint": "sa.BigInteger", "smallint": "sa.SmallInteger", "real": "sa.REAL", "jsonb": "postgresql.JSONB",
    "json": "sa.JSON",
}  # fmt: skip
_SIZED = re.compile(r"(?P<base>character varying|numeric)\((?P<numbers>[\d,]+)\)\Z")
_FACTORIES = {
    "list": "list",
    "dict": "dict",
    "uuid": "uuid4",
    "clock": "utc_now",
    "naive clock": "utc_naive_now",
    "today": "date.today",
}
_LITERAL = re.compile(r"'((?:[^']|'')*)'(?:::[\w .\"]+(?:\(\d+\))?)?\Z")


def optional(kind: str, flavour: Flavour) -> str:
    """A type or None."""
    return f"{kind} | None" if flavour.python >= (3, 10) and not kind.startswith('"') else f"Optional[{kind}]"


def field_lines(field: DesignedField, flavour: Flavour, types: Types) -> str:
    """The lines of a field, within its class."""
    kind = f"Literal[{', '.join(map(string, field.literal))}]" if field.literal else field.kind
    made_there = field.primary_key and bool(field.column.identity_kind)
    annotation = optional(kind, flavour) if field.column.nullable or made_there else kind
    items = [*_given(field, made_there), *_limits(field), *_column(field, types)]
    if items == ["default=None"] and not field.primary_key:
        return f"    {field.name}: {annotation} = None"
    if not items:
        return f"    {field.name}: {annotation}"
    return formatted(Bracket(f"{field.name}: {annotation} = Field(", tuple(items)), 4)


def _given(field: DesignedField, made_there: bool) -> list[Source]:
    given = Given("value", "None") if made_there or (field.column.nullable and not field.given.origin) else field.given
    if given.origin == "":
        return []
    if given.origin != "value":
        return [f"default_factory={_FACTORIES[given.origin]}"]
    if given.value == "None":
        return ["default=None"]
    is_text = (field.kind == "str") and field.enum is None
    value = string(given.value) if is_text else _decimal(given.value) if field.kind == "Decimal" else given.value
    return [keyword("default", value)]


def _decimal(number: str) -> str:
    return f"Decimal({number})" if re.fullmatch(r"-?\d+", number) else f'Decimal("{number}")'


def _limits(field: DesignedField) -> list[Source]:
    if field.kind != "str" or field.literal:
        return [f"{sign}={number}" for sign, number in field.bounds]
    return [f"min_length={field.shortest}"] if field.shortest else []


def _column(field: DesignedField, types: Types) -> list[Source]:
    """How the column is said: by arguments of Field(), or by `sa_column`."""
    plain = None if _needs_column(field) else _plain_type(field.column)
    if plain is None:
        return [keyword("sa_column", _whole_column(field, types))]
    key = field.key
    items: list[Source] = [*plain]
    if key is not None:
        items.append(keyword("foreign_key", string(f"{split(key.references)[-1]}.{key.referenced_columns[0]}")))
        items.append(keyword("ondelete", string(key.on_delete.upper())))
    items += ["primary_key=True"] if field.primary_key else []
    default = server_default(field.column)
    return (
        [*items, keyword("sa_column_kwargs", mapping([("server_default", default)]))] if default is not None else items
    )


def _needs_column(field: DesignedField) -> bool:
    column, key = field.column, field.key
    odd_key = key is not None and (
        key.on_delete.upper() not in ("CASCADE", "RESTRICT", "SET NULL")
        or (key.on_delete.upper() == "SET NULL" and not column.nullable)
    )
    null_in_json = column.nullable and column.type in ("json", "jsonb")  # there, None would be stored as JSON's null
    return bool(
        odd_key or null_in_json or field.name != column.name or column.identity_kind or column.generated or field.enum or field.follows
        or column.collation or field.literal
    )  # fmt: skip


def _plain_type(column: Column) -> list[Source] | None:
    """The arguments by which Field() makes just this type; None when it has none."""
    if column.type in _AS_THEY_ARE:
        return []
    if column.type in _BY_CLASS:
        return [f"sa_type={_BY_CLASS[column.type]}"]
    sized = _SIZED.match(column.type)
    if sized is None:
        return None
    numbers = sized["numbers"].split(",")
    if sized["base"] == "numeric":
        return (
            [f"max_digits={numbers[0]}", f"decimal_places={numbers[1]}"]
            if len(numbers) == 2 and numbers[1] != "0"
            else None
        )
    return [f"max_length={numbers[0]}"]


def _whole_column(field: DesignedField, types: Types) -> Source:
    column, key = field.column, field.key
    items: list[Source] = [string(column.name)] if field.name != column.name else []
    items.append(column_type(field, types))
    if column.identity_kind:
        items.append(
            identity_source(column)
            if column.identity_kind == "always" or column.identity_options
            else call("sa.Identity")
        )
    if key is not None:
        target = string(f"{split(key.references)[-1]}.{key.referenced_columns[0]}")
        items.append(call("sa.ForeignKey", target, keyword("ondelete", string((key.on_delete or "NO ACTION").upper()))))
    items += ["primary_key=True"] if field.primary_key else [] if column.nullable else ["nullable=False"]
    default = server_default(column)
    items += [keyword("server_default", default)] if default is not None else []
    if field.follows:
        now = (
            "date.today" if column.type == "date" else "utc_now" if "with time zone" in column.type else "utc_naive_now"
        )
        items.append(f"onupdate={now}")
    return call("sa.Column", *items)


def column_type(field: DesignedField, types: Types) -> Source:
    """The type of a column that is written out."""
    column, enum = field.column, field.enum
    if enum is not None:
        size = re.search(r"\d+", column.type)
        text_only = (
            () if enum.native else ("native_enum=False", f"length={size[0] if size else 255}", "create_constraint=True")
        )
        made: Source = call(
            "sa.Enum", enum.name, *text_only, keyword("name", string(enum.type_name)), "values_callable=values_of"
        )
        return call("postgresql.ARRAY", made) if column.type.endswith("[]") else made
    if column.type in ("json", "jsonb"):
        return call(
            "sa.JSON" if column.type == "json" else "postgresql.JSONB", "none_as_null=True" if column.nullable else None
        )
    return types.spell(column.type, column.collation) or call(type_class(column.type))


def type_class(written: str) -> str:
    """The name of the class that stands for a type which SQLAlchemy has no word for: `Vector1536`."""
    return "".join(word.capitalize() for word in re.findall(r"[A-Za-z]+|\d+", written.removeprefix("public.")))


def server_default(column: Column) -> Source | None:
    """The database's default, None without one."""
    if column.default is None or column.identity_kind or column.default.startswith(("nextval(", "NULL")):
        return None
    if column.default in ("true", "false"):
        return f"sa.{column.default}()"
    if re.fullmatch(r"(?:now\(\)|CURRENT_TIMESTAMP)", column.default, re.I):
        return "sa.func.now()"
    literal = _LITERAL.match(column.default)
    if literal:
        return string(literal[1].replace("''", "'"))
    return text(column.default) or call("sa.text", string(column.default))
