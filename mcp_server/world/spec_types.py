"""The words by which documents name types -> SpecType."""

from __future__ import annotations

import re
from functools import lru_cache

from mcp_server.model.spec import SpecType

TEXT, VARYING, UUID = "text", "character varying", "uuid"
NAIVE, ZONED = "timestamp without time zone", "timestamp with time zone"
NUMBERS = ("integer", "bigint", "smallint", "double precision", "numeric", "real")
EITHER = (NAIVE, ZONED)
# Words that a document may use as it likes; what stands here in capitals alone says what Postgres says.
_WORDS: dict[str, tuple[str, ...]] = {
    "varchar": (VARYING,), "character varying": (VARYING,), "char varying": (VARYING,), "nvarchar": (VARYING,),
    "string": (VARYING,), "str": (VARYING,), "email": (VARYING,), "emailstr": (VARYING,), "url": (VARYING,),
    "autostring": (VARYING,), "char": ("character",), "character": ("character",), "citext": ("citext",),
    "text": (TEXT,), "longtext": (TEXT,), "mediumtext": (TEXT,), "clob": (TEXT,), "markdown": (TEXT,),
    "uuid": (UUID,), "guid": (UUID,), "uuid4": (UUID,), "uuidv4": (UUID,), "uuid v4": (UUID,),
    "int": ("integer",), "integer": ("integer",), "int4": ("integer",), "serial": ("integer",), "number": NUMBERS,
    "autoincrement": ("integer",), "auto increment": ("integer",),
    "bigint": ("bigint",), "int8": ("bigint",), "bigserial": ("bigint",), "biginteger": ("bigint",), "long": ("bigint",),
    "big integer": ("bigint",),
    "smallint": ("smallint",), "int2": ("smallint",), "smallserial": ("smallint",), "smallinteger": ("smallint",),
    "bool": ("boolean",), "boolean": ("boolean",),
    "timestamp": EITHER, "datetime": EITHER, "date time": EITHER, "iso datetime": EITHER, "iso 8601": EITHER, "iso8601": EITHER, "iso timestamp": EITHER,
    "timestamp without time zone": (NAIVE,), "timestamp without timezone": (NAIVE,),
    "timestamptz": (ZONED,), "timestamp with time zone": (ZONED,), "timestamp with timezone": (ZONED,),
    "timestamp with tz": (ZONED,), "datetime with timezone": (ZONED,), "datetime with time zone": (ZONED,),
    "utcdatetime": (ZONED,), "date": ("date",), "time": ("time without time zone",), "timetz": ("time with time zone",),
    "time without time zone": ("time without time zone",), "time with time zone": ("time with time zone",),
    "interval": ("interval",), "timedelta": ("interval",), "duration": ("interval",),
    "json": ("json", "jsonb"), "jsonb": ("jsonb",), "dict": ("json", "jsonb"), "object": ("json", "jsonb"),
    "float": ("double precision", "real", "numeric"), "double": ("double precision",), "real": ("real",),
    "double precision": ("double precision",), "float8": ("double precision",), "float4": ("real",),
    "decimal": ("numeric",), "numeric": ("numeric",), "money": ("money", "numeric"),
    "bytea": ("bytea",), "bytes": ("bytea",), "blob": ("bytea",), "binary": ("bytea",), "largebinary": ("bytea",),
    "inet": ("inet",), "cidr": ("cidr",), "macaddr": ("macaddr",), "xml": ("xml",), "point": ("point",),
    "tsvector": ("tsvector",), "hstore": ("hstore",), "vector": ("vector",), "ltree": ("ltree",),
    "enum": ("enum",), "enumeration": ("enum",), "literal": ("enum",),
}  # fmt: skip
_STRICT = {"timestamp": (NAIVE,), "json": ("json",), "float": ("double precision",)}
_SERIAL = ("serial", "bigserial", "smallserial", "autoincrement", "auto increment")
_SIZED = (VARYING, "character", TEXT)
_ALL_WORDS = "|".join(sorted((re.escape(word).replace(r"\ ", r"[ _]?") for word in _WORDS), key=len, reverse=True))
_TYPE = re.compile(
    rf"\s*(?:(?P<list>list|array|set|sequence)\s*[\[<(]\s*|(?P<of>(?:array|list) of\s+))?(?P<word>{_ALL_WORDS})(?!\w|\.\w)"
    r"(?:(?P<open>\(|(?<=literal)\[|\s\((?=\s*(?:\d|'|utc\b|tz\b|with(?:out)? time)))(?P<inside>(?:[^()\[\]]|\([^()]*\))*)[)\]])?(?P<zone>\s+with(?:out)?\s+time\s*zone|\s+(?:array))?"
    r"(?P<array>\s*\[\s*\]|[\]>])?",
    re.IGNORECASE,
)
_OPTIONAL = re.compile(
    r"^\s*(?:(?:optional|nullable|mapped)\s*[\[<]\s*(?P<inside>.+?)[\]>]\s*(?:$|[,(=–-])|(?P<first>.+?)\s*\|\s*(?:none|null)\s*(?:$|[,(=–-]))",
    re.I,
)
_OR = re.compile(r"\s*(?:\bor\b|/)\s*", re.IGNORECASE)
_UNION = re.compile(r"""^(?:['"][\w -]+['"]\s*\|\s*)+['"][\w -]+['"]\s*$""")
_VALUE = re.compile(r"""['"“‘]([^'"”’]+)['"”’]""")


@lru_cache(maxsize=1 << 12)
def read_type(words: str, *, strict: bool = False) -> SpecType | None:
    """The type that a text begins with, None when it begins with none. strict: the words are SQL, or a table's capitals."""
    text = _without_optional(words.strip().strip("`").strip())
    match = _TYPE.match(text)
    if match is None:
        return _one_of(text)
    word = re.sub(r"[ _]+", " ", match["word"].lower())
    inside = match["inside"] or ""
    zone = re.sub(r"\s+", " ", (match["zone"] or "").strip().lower())
    if zone.startswith("with"):
        word = f"{'time' if word == 'time' else 'timestamp'} {'without' if 'without' in zone else 'with'} time zone"
    fits = _WORDS.get(word) or _WORDS[word.replace(" ", "")]
    if (strict or match["word"].isupper()) and word in _STRICT:
        fits = _STRICT[word]
    if word in ("datetime", "timestamp") and re.search(r"\b(?:utc|tz|time\s*zone)\b", inside, re.I):
        fits = (ZONED, NAIVE) if "utc" in inside.lower() else (ZONED,)
    others = _others(text[match.end() :], strict)
    return SpecType(
        written=text[: match.end()].strip(),
        fits=(*fits, *(fit for fit in others if fit not in fits)),
        length=_length(fits, inside),
        unbounded=TEXT in fits and not inside.strip().isdigit(),
        values=read_values(inside) if fits == ("enum",) else (),
        arguments=inside.replace(" ", "") if re.fullmatch(r"\s*\d+(\s*,\s*\d+)?\s*", inside) else "",
        is_array="json" not in fits
        and bool(match["list"] or match["of"] or (match["array"] or "").strip().startswith("[") or zone == "array"),
        automatic=word in _SERIAL,
    )


def _one_of(text: str) -> SpecType | None:
    """Words of which one is meant, as TypeScript has them: `"user" | "assistant"`."""
    match = _UNION.match(text)
    return SpecType(text, ("enum",), values=tuple(_VALUE.findall(match[0]))) if match else None


def end_of_type(words: str) -> int:
    """How many characters of a text its type takes, 0 without one."""
    match = _TYPE.match(words)
    return match.end() if match else 0


def read_values(text: str) -> tuple[str, ...]:
    """The values of an enumeration: quoted, or parted by commas, bars or slashes."""
    quoted = tuple(dict.fromkeys(_VALUE.findall(text)))
    if quoted:
        return quoted
    parts = re.split(r"\s*[,|/]\s*", text.strip(" ()[]{}`"))
    return (
        tuple(part.strip("` ") for part in parts)
        if len(parts) > 1 and all(re.fullmatch(r"`?[\w-]+`?", part.strip()) for part in parts)
        else ()
    )


def _without_optional(text: str) -> str:
    match = _OPTIONAL.match(text)
    return (match["inside"] or match["first"]) if match else text


def is_optional(words: str) -> bool:
    """Whether a type is worded as one that may be absent: `Optional[str]`, `str | None`, `Mapped[Optional[str]]`."""
    text = words.strip().strip("`")
    mapped = re.match(r"^mapped\s*\[(?P<inside>.+)\]\s*$", text, re.I)
    return _OPTIONAL.match(mapped["inside"] if mapped else text) is not None


def _length(fits: tuple[str, ...], inside: str) -> int | None:
    """The number in the parentheses of a text; of `Text(String(1000))`, too."""
    if fits[0] not in _SIZED:
        return None
    number = re.search(r"\d+", inside)
    return (
        int(number[0])
        if number and re.fullmatch(r"\s*(?:(?:length\s*=\s*)?\d+|\w+\s*\(\s*\d+\s*\))\s*", inside)
        else None
    )


def _others(rest: str, strict: bool) -> tuple[str, ...]:
    """What else fits: of `UUID or VARCHAR`, `UUID/STRING`."""
    match = _OR.match(rest)
    if not match:
        return ()
    other = read_type(rest[match.end() :], strict=strict)
    return other.fits if other else ()
