"""Texts from a database, in few words and harmless for whoever reads them: lines, types, names, sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from mcp_server.model.names import split

PUBLIC = "public."
# Terminal sequences (ECMA-48): control sequences, operating system commands, other strings, two-character escapes.
_ESCAPES = re.compile(
    "\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[PX^_][^\x1b]*(?:\x1b\\\\)?|.)?", re.DOTALL
)
# Controls, and what reorders or hides text: bidirectional marks, invisible operators, byte order mark, tag characters.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
_SHORT_TYPES = (
    (re.compile(r"\btimestamp(\(\d\))? with time zone"), r"timestamptz\1"),
    (re.compile(r"\btimestamp(\(\d\))? without time zone"), r"timestamp\1"),
    (re.compile(r"\btime(\(\d\))? with time zone"), r"timetz\1"),
    (re.compile(r"\btime(\(\d\))? without time zone"), r"time\1"),
    (re.compile(r"\bcharacter varying"), "varchar"),
    (re.compile(r"\bcharacter(?=\()"), "char"),
    (re.compile(r"\bbit varying"), "varbit"),
    (re.compile(r"\binteger\b"), "int"),
    (re.compile(r"\bboolean\b"), "bool"),
    (re.compile(r"\bdouble precision\b"), "float8"),
)
# The user's own type of such a name keeps its schema, so that the bare word always means Postgres's type.
_BUILT_IN = frozenset(
    """bigint bit bool box bpchar bytea char cidr circle date daterange decimal float float4 float8 inet int int2 int4
    int4range int8 int8range interval json jsonb jsonpath line lseg macaddr money name numeric numrange oid path point
    polygon real serial smallint text time timestamp timestamptz timetz tsquery tsrange tstzrange tsvector uuid varbit
    varchar xml""".split()  # noqa: SIM905
)


def clean(text: str) -> str:
    """The text without terminal sequences, control characters but line breaks and tabs, and hidden marks."""
    return _HIDDEN.sub("", _ESCAPES.sub("", text))


def escape_hidden(text: str) -> str:
    """JSON with the same characters as escapes, which whoever reads the JSON turns back."""
    return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def one_line(text: str, limit: int = 0) -> str:
    """The text on one line, breaks written as \\n; cut to `limit` characters when given."""
    line = clean(text).replace("\n", "\\n").replace("\t", " ")
    return line if not limit or len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def indented(text: str, margin: str = "  | ") -> list[str]:
    """A long text of the database as lines behind a margin, so that it cannot pass for a line of ours."""
    return [f"{margin}{line}".rstrip() for line in clean(text).expandtabs(4).strip("\n").split("\n")]


def shorten_types(text: str) -> str:
    """Type names in their usual short words. Text in quotes must not be in it."""
    for pattern, word in _SHORT_TYPES:
        text = pattern.sub(word, text)
    return text


def short_type(name: str) -> str:
    """A type in its usual short word; a type of schema public without the schema."""
    own = name.removeprefix(PUBLIC)
    if own != name:
        return name if own.partition("[")[0].partition("(")[0] in _BUILT_IN else own
    return name if '"' in name else shorten_types(name)


def relative(identity: str) -> str:
    """An identity without schema public."""
    return identity.removeprefix(PUBLIC)


def bare(identity: str) -> str:
    """The last part of an identity as it is, without schema and quotes."""
    return split(identity)[-1]


def commas(items: Iterable[str]) -> str:
    """Items in one line."""
    return ", ".join(items)


def count(number: int, noun: str, many: str = "") -> str:
    """`1 table`, `12 tables`, `1 200 policies`."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}".replace(",", " ")


def rows(number: int) -> str:
    """A number of rows that is an estimate: `~340 rows`, `~1.2M rows`."""
    for limit, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")):
        if number >= limit:
            return f"~{_three(number / (1000 if unit == 'k' else limit))}{unit} rows"
    return f"~{number} row{'' if number == 1 else 's'}"


def size(number: int) -> str:
    """Bytes in units of 1024: `8 kB`, `1.2 GB`."""
    value, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1024 or unit == "TB":
            break
        value /= 1024
    return f"{_three(value)} {unit}"


def _three(value: float) -> str:
    """A number with at most three digits of meaning."""
    return f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:.0f}"
