"""The words by which documents constrain a column -> what is stated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import cast

from mcp_server.model.spec import OnDelete, Reference, StatedColumn
from mcp_server.world.spec_types import read_values

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_FLAGS = re.IGNORECASE
_PRIMARY = re.compile(r"\bprimary[ _-]?key\b|\bPK\b|(?<![\w-])primary(?=\s*(?:[,;)]|$))", _FLAGS)
_NOT_NULL = re.compile(
    r"\bnot[ _-]?null(?:able)?\b|\bnon-?[ _]?null(?:able)?\b|(?<!not )\brequired\b|\bmandatory\b|\bnullable\s*[=:]\s*false\b",
    _FLAGS,
)
_NULLABLE = re.compile(
    r"(?<!not )(?<!non-)(?<!non )(?<!not-)\bnullable\b(?!\s*[=:]\s*false)|\boptional\b|\bnot required\b"
    r"|(?<!not )(?<!not_)(?<!set )(?<!or )(?<!is )(?<!default )(?<!non-)\bnull\b(?!able)",
    _FLAGS,
)
_UNIQUE = re.compile(
    r"\bunique\b(?!\s*\()(?=\s*(?:$|[,;.|)/&:]|constraint|index|key|not\b|and\b|nullable|null\b|per\b|default|required|indexed|across|email))",
    _FLAGS,
)
_INDEXED = re.compile(r"\bindex(?:ed)?\b", _FLAGS)
_FOREIGN = re.compile(
    r"(?:\bforeign[ _-]?key\b|\bfk\b|\breference[sd]?\b)[\s:(`=\"'*]*(?:(?:→|->|=>|references?|to|on|the|with)[\s:(`\"'*]*)*"
    rf"(?P<table>{NAME})?[`\"]?(?:\s*\.\s*[`\"]?(?P<dotted>{NAME})|\s*\(\s*[`\"]?(?P<inside>{NAME})[`\"]?\s*\))?",
    _FLAGS,
)
_NO_TABLE = frozenset(
    """better not index indexed constraint required nullable unique on default with null cascade establishes reference
    references relationship relation auto managed optional for and or by from if in is it as its this that enforced
    primary key parent owner must can no linking links pointing referencing string integer uuid int str varchar bigint text""".split()  # noqa: SIM905
)
_ON_DELETE = re.compile(
    r"\bon[ _-]?delete\b[\s:=`\"'(]*(?P<one>cascade|restrict|set[ _]null|set[ _]default|no[ _]action)"
    r"|\b(?P<two>cascade|restrict|set null)\s+(?:on\s+)?delet(?:e|es|ion)\b|\bdelete\s+(?P<three>cascade|restrict|set null)\b"
    r"|\b(?P<four>cascade)[sd]?\b(?=\s*(?:$|[,;)]))",
    _FLAGS,
)
_OPTIONALLY = re.compile(r"\boptional(?:ly)?\b|\bcan be\b|\blater\b|\bfuture\b|\bor\b", _FLAGS)
_ON_UPDATE = re.compile(
    r"\bon[ _-]?update\b(?!\s+(?:cascade|restrict|no action|set null))|\bauto(?:matically)?[- ]?updat\w+|\bupdate[sd]? automatically\b"
    r"|\bupdated? on (?:every |each )?(?:change|update|modif\w+|write|save)|\bauto-?refresh\w*|\bupdates? when\b",
    _FLAGS,
)
_DEFAULT = re.compile(r"\bdefault(?:s|ed|ing)?\b(?:\s+value)?\s*(?:to\b|is\b|[:=])?\s*", _FLAGS)
_BOUND = re.compile(
    r"\bmax(?:imum)?(?:[\s_-]*length)?[\s:=of]{0,5}(?P<one>\d+)\b(?!\s*(?:per|items|entries|tags|failures|attempts|retries|mb|kb|%))"
    r"|\b(?:\d+)\s*(?:-|–|to|\.\.)\s*(?P<two>\d+)\s*(?:chars?|characters)|(?:≤|<=|up to|not exceed|at most|limit(?:ed)? (?:of|to))\s*(?P<three>\d+)\s*(?:chars?|characters)"
    r"|\b(?P<four>\d+)\s*(?:chars?|characters)\s*(?:max|maximum|or less|or fewer|limit)",
    _FLAGS,
)
_CHECK = re.compile(r"\bcheck\b\s*[:(]?\s*(?P<body>\(?.+)", _FLAGS)
_ENUM = re.compile(
    r"\b(?:enum(?:eration)?|one of|values?|allowed(?: values)?|choices)\b\s*[:=(\[{]*\s*(?P<body>[^)\]}]+)", _FLAGS
)
_NOW = re.compile(
    r"^(?:(?:utc\s*)?now(?:\(\))?(?:\s*\(?utc\)?)?|current[_ ]?timestamp(?:\(\))?|current (?:utc )?(?:date)?time(?:stamp)?|(?:datetime\.)?utcnow(?:\(\))?|func\.now\(\)|timezone\('utc'.*|getdate\(\)|utc now|creation time)$",
    _FLAGS,
)
_UUID = re.compile(
    r"^(?:gen_random_uuid\(\)|uuid_generate_v4\(\)|uuid\.?uuid4?(?:\(\))?|uuid_?v?[47]?(?:\(\))?|auto-?generated uuid|random uuid|generated uuid)$",
    _FLAGS,
)
_KEYWORDS = re.compile(
    r"\s+(?:not[ _]null|null|check|on update|on delete|primary key|unique|references|indexed|index|required|nullable|foreign key)\b.*",
    _FLAGS | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Words:
    """What the words beside a column say. values: of an enumeration; auto: the value comes by itself, from whom is not said."""

    primary_key: bool = False
    nullable: bool | None = None
    unique: bool = False
    indexed: bool = False
    default: str | None = None
    reference: Reference | None = None
    on_update: bool = False
    bound: int | None = None
    values: tuple[str, ...] = ()
    check: str = ""
    automatic: bool = False

    @property
    def says_nothing(self) -> bool:
        """Whether none of the words was understood."""
        return self == Words()


@lru_cache(maxsize=1 << 12)
def read_words(text: str) -> Words:
    """What a cell of constraints, or the parentheses of a list item, say."""
    quiet = re.sub(r"'[^']*'|\"[^\"]*\"", lambda found: "'" + "." * (len(found[0]) - 2) + "'", text)
    check = _check(text)
    primary = bool(_PRIMARY.search(quiet)) and not _FOREIGN.match(quiet.strip())
    default = _default(text)
    return Words(
        primary_key=primary,
        nullable=_nullable(quiet, default),
        unique=bool(_UNIQUE.search(quiet)),
        indexed=bool(_INDEXED.search(quiet)),
        default=None if default == "null" else default,
        reference=read_reference(quiet),
        on_update=bool(_ON_UPDATE.search(quiet)),
        bound=read_bound(text),
        values=_values(text) or _values_of_check(check),
        check=check,
        automatic=bool(
            re.search(
                r"\bauto(?:[-_ ]?(?:increment\w*|generated|set|populated))?\b|\bserial\b|\bidentity\b", quiet, _FLAGS
            )
        ),
    )


def constrained(column: StatedColumn, words: Words) -> StatedColumn:
    """The column with what the words say besides."""
    type = column.type
    if type and words.values and not type.values:
        type = replace(type, values=words.values)
    if type and words.automatic and type.fits[:1] in (("integer",), ("bigint",), ("smallint",)):
        type = replace(type, automatic=True)
    return replace(
        column,
        type=type,
        bound=column.bound if column.bound is not None else words.bound,
        nullable=column.nullable if column.nullable is not None else words.nullable,
        primary_key=column.primary_key or words.primary_key,
        unique=column.unique or words.unique,
        indexed=column.indexed or (words.indexed and not words.unique),
        default=column.default if column.default is not None else words.default,
        reference=column.reference or words.reference,
        on_update=column.on_update or words.on_update,
        check=column.check or _spoken(words.check, column.name),
    )


def _spoken(check: str, column: str) -> str:
    """The check with its column, which a cell beside the column's name may leave out: `CHECK IN ('a', 'b')`."""
    return f"{column} {check}" if re.match(r"(?:not\s+)?in\s*\(|between\b|[<>=]", check, _FLAGS) else check


def _nullable(text: str, default: str | None) -> bool | None:
    if _NOT_NULL.search(text):
        return False
    if _NULLABLE.search(text) or default == "null":
        return True
    return None


def read_reference(text: str) -> Reference | None:
    """Where the words `FOREIGN KEY (users.id)`, `FK → users(id)`, `references User` lead."""
    for match in _FOREIGN.finditer(text):
        rule = read_on_delete(text)
        table = match["table"] or ""
        column = match["dotted"] or match["inside"] or ""
        if table.lower() in _NO_TABLE:
            table = column = ""
        if not table and re.match(r"references?d?$", match[0].strip(" (:"), _FLAGS) and "foreign" not in text.lower():
            continue
        return Reference(table, column, rule)
    arrow = re.match(
        rf"\s*(?:→|->)\s*`?(?P<table>{NAME})`?(?:\.`?(?P<dotted>{NAME})`?|\(`?(?P<inside>{NAME})`?\))", text
    )
    if arrow:
        return Reference(arrow["table"], arrow["dotted"] or arrow["inside"] or "", read_on_delete(text))
    return None


def read_on_delete(text: str) -> OnDelete:
    """The rule for deletes, "" when none is stated or it is left open."""
    match = _ON_DELETE.search(text)
    if match is None or _OPTIONALLY.search(text[match.start() :]) or "(optional)" in text.lower():
        return ""
    word = next(part for part in match.groups() if part).lower().replace("_", " ")
    return cast("OnDelete", word)


def read_bound(text: str) -> int | None:
    """How many characters the prose allows."""
    match = _BOUND.search(text)
    return int(next(part for part in match.groups() if part)) if match else None


def says_on_update(text: str) -> bool:
    """Whether it is said that a value changes with the row."""
    return bool(_ON_UPDATE.search(text))


def _default(text: str) -> str | None:
    for match in _DEFAULT.finditer(text):
        rest = text[match.end() :]
        if match[0].strip().lower() in ("defaults", "defaulting") and not rest:
            continue
        value = _until_comma(rest)
        return read_default(value)
    return None


def _until_comma(text: str) -> str:
    depth, quoted = 0, ""
    for index, letter in enumerate(text):
        if quoted:
            quoted = "" if letter == quoted else quoted
        elif letter in "'\"":
            quoted = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if depth < 0:
                return text[:index]
        elif letter in ",;|" and depth == 0:
            return text[:index]
    return text


def read_default(value: str) -> str:
    """A default as SQL; "null" for none, "?" when it is not a value that SQL has."""
    text = _KEYWORDS.sub("", value.strip().strip("`*").strip()).strip("` .")
    if not text or text in ("-", "—"):
        return "?"
    if _NOW.match(text):
        return "CURRENT_TIMESTAMP"
    if _UUID.match(text):
        return "gen_random_uuid()"
    if text.lower() in ("true", "false", "null", "none"):
        return "null" if text.lower() == "none" else text.lower()
    if re.fullmatch(r"[+-]?\d+(?:\.\d+)?", text) or re.fullmatch(r"'(?:[^']|'')*'(?:::[\w\[\] ]+)?", text):
        return text
    if re.fullmatch(r'"[^"\']*"', text):
        return f"'{text[1:-1]}'"
    if text in ("{}", "[]"):
        return f"'{text}'"
    if re.fullmatch(r"[A-Za-z][\w-]*", text) and text.lower() not in (
        "auto",
        "empty",
        "none",
        "generated",
        "value",
        "values",
        "current",
        "now",
    ):
        return f"'{text}'"
    return "?"


def _check(text: str) -> str:
    """The expression after CHECK, when one is there."""
    match = _CHECK.search(text)
    if match is None:
        return ""
    body = match["body"].strip().strip("`")
    body = _until_comma(body[1:]) if body.startswith("(") and not _balanced(_until_comma(body)) else _until_comma(body)
    body = body.strip().removeprefix("(") if body.count("(") > body.count(")") else body.strip()
    return body if re.search(r"[<>=]|\bin\s*\(|\bbetween\b|~|\bis\b|\blike\b", body, _FLAGS) else ""


def _balanced(text: str) -> bool:
    return text.count("(") == text.count(")")


def _values(text: str) -> tuple[str, ...]:
    match = _ENUM.search(text)
    found = read_values(match["body"]) if match else ()
    return found if len(found) > 1 else ()  # the bars between values part a table's cells


def _values_of_check(expression: str) -> tuple[str, ...]:
    match = re.search(r"\bin\s*\((?P<body>[^)]*)\)", expression, _FLAGS)
    return read_values(match["body"]) if match else ()


def clauses(text: str) -> Iterator[str]:
    """The parts of a text between commas and semicolons that stand in no parentheses and no quotes."""
    rest = text
    while rest:
        part = _until_comma(rest)
        if part.strip():
            yield part.strip()
        rest = rest[len(part) + 1 :]
