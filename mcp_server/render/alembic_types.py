"""Types of columns as SQLAlchemy spells them, for 1.4, 2.0 and 2.1."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mcp_server.model.names import split
from mcp_server.model.schema import Domain, Enum, Schema
from mcp_server.render.python_source import Source, call, keyword, string

_TYPE = re.compile(
    r"^(?P<base>[^(\[]+?)(?:\((?P<modifier>[\d,]+)\))?(?P<rest> with(?:out)? time zone)?(?P<array>\[\])?$"
)
_PLAIN = {
    "smallint": "sa.SmallInteger",
    "integer": "sa.Integer",
    "bigint": "sa.BigInteger",
    "real": "sa.REAL",
    "text": "sa.Text",
    "character varying": "sa.String",
    "boolean": "sa.Boolean",
    "date": "sa.Date",
    "bytea": "sa.LargeBinary",
    "numeric": "sa.Numeric",
    "json": "sa.JSON",
    "interval": "sa.Interval",
    **{
        name: f"postgresql.{name.upper()}"
        for name in (
            "jsonb", "inet", "cidr", "macaddr", "money", "oid", "regclass", "tsvector", "int4range", "int8range",
            "numrange", "daterange", "tsrange", "tstzrange",
        )
    },
}  # fmt: skip
_SINCE_2 = {
    "double precision": "sa.Double",
    "uuid": "sa.Uuid",
    **{
        name: f"postgresql.{name.upper()}"
        for name in (
            "macaddr8", "tsquery", "regconfig", "int4multirange", "int8multirange", "nummultirange",
            "datemultirange", "tsmultirange", "tstzmultirange",
        )
    },
}  # fmt: skip
_TIMES = {"timestamp": ("sa.DateTime", "postgresql.TIMESTAMP"), "time": ("sa.Time", "postgresql.TIME")}
Version = tuple[int, ...]


class Types:
    """Spells types. version: the project's SQLAlchemy. known: Schemas that hold the project's own types."""

    def __init__(self, version: Version, known: Iterable[Schema]) -> None:
        self.version = version
        self._own: dict[str, Enum | Domain] = {}
        for schema in known:
            self._own |= {item.identity: item for item in schema.all(Enum)}
            self._own |= {item.identity: item for item in schema.all(Domain)}

    def spell(self, type_: str, collation: str = "") -> Source | None:
        """The SQLAlchemy type that makes just this type; None when there is none."""
        match = _TYPE.match(type_)
        if not match:
            return None
        if match["array"]:
            element = self.spell(type_.removesuffix("[]"), collation)
            return call("postgresql.ARRAY", element) if element is not None else None
        if type_ in self._own:
            return None if collation else self._spell_own(self._own[type_])
        base, numbers = match["base"] + (match["rest"] or ""), tuple(filter(None, (match["modifier"] or "").split(",")))
        return self._spell_built_in(base, numbers, collation)

    def _spell_built_in(self, base: str, numbers: tuple[str, ...], collation: str) -> Source | None:
        if collation:
            return self._spell_collated(base, numbers, collation)
        if base.startswith(("timestamp ", "time ")):
            return _spell_time(base, numbers)
        if base == "numeric" and numbers:
            return call("sa.Numeric", *map("=".join, zip(("precision", "scale"), numbers, strict=False)))
        if base == "character varying" and numbers:
            return call("sa.String", f"length={numbers[0]}")
        if base == "character" and numbers:
            return call("sa.CHAR", f"length={numbers[0]}")
        if base == "interval" and numbers:
            return call("postgresql.INTERVAL", f"precision={numbers[0]}")
        if base in ("bit", "bit varying") and (numbers or base == "bit varying"):
            varying = "varying=True" if base == "bit varying" else None
            return call("postgresql.BIT", f"length={numbers[0]}" if numbers else None, varying)
        return None if numbers else self._spell_simple(base)

    def _spell_simple(self, base: str) -> Source | None:
        if base in _PLAIN:
            return call(_PLAIN[base])
        if base in _SINCE_2 and self.version >= (2, 0):
            return call(_SINCE_2[base])
        if base == "uuid":
            return call("postgresql.UUID", "as_uuid=True")
        return call("sa.Float", "precision=53") if base == "double precision" else None

    def _spell_collated(self, base: str, numbers: tuple[str, ...], collation: str) -> Source | None:
        """Text with a collation; SQLAlchemy has no word for a collation's schema."""
        schema, name = split(collation)
        names = {"text": "sa.Text", "character varying": "sa.String", "character": "sa.CHAR"}
        if schema not in ("pg_catalog", "public") or base not in names:
            return None
        length = f"length={numbers[0]}" if numbers else None
        return call(names[base], length, keyword("collation", string(name)))

    def _spell_own(self, own: Enum | Domain) -> Source | None:
        schema = keyword("schema", string(own.schema)) if own.schema != "public" else None
        name = string(own.name)
        if isinstance(own, Enum):
            values = map(string, own.values)
            return call("postgresql.ENUM", *values, keyword("name", name), schema, "create_type=False")
        inner = self.spell(own.type)
        if inner is None or self.version < (2, 0):
            return None
        return call("postgresql.DOMAIN", name, inner, schema, "create_type=False")


def _spell_time(base: str, numbers: tuple[str, ...]) -> Source:
    word, _, zone = base.partition(" ")
    plain, precise = _TIMES[word]
    timezone = "timezone=True" if zone == "with time zone" else None
    if numbers:
        return call(precise, timezone, f"precision={numbers[0]}")
    return call(plain, timezone)
