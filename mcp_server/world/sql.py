"""Reading SQL text with Postgres's own grammar: the door to the parser (libpg_query, PostgreSQL 18); sql_tree.py is
the other one.

Says how many statements a text holds, of which kind the one is, which parameters it has and which statement hides
inside an EXPLAIN, a CREATE TABLE AS or a DECLARE CURSOR. It reads the grammar's check and the flat list of tokens,
not the tree: the tree's transport format refuses statements nested deeper than a hundred levels.

What is read here decides on wording and early refusals. What keeps data safe is Postgres: one statement by the
extended protocol in a READ ONLY transaction (database.py) and the functions that the server itself resolves
(effects.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mcp_server.errors import Refused, StatementFailed

QUERIES = frozenset({"select", "insert", "update", "delete", "merge", "create table as", "declare cursor", "execute"})
CHANGING = ("insert", "update", "delete", "merge")
_MAIN_VERBS = ("select", "insert", "update", "delete", "merge", "values", "table")
_TRANSACTION = frozenset(
    {"begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"}
    | {"set transaction", "set session", "prepare transaction"}
)
_NAME_FOLLOWS = frozenset({"with", "recursive", ",", "by", "set", "cycle", "using", "to", "default"})
_COMMENTS = ("SQL_COMMENT", "C_COMMENT")
# The tokens of texts up to this many characters are kept for a while: a statement is looked at from several sides.
KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Token:
    """One token of SQL. text: as written. word: in lower case when it is a keyword or a plain name, else the text.

    start, end: offsets in characters. is_name: it is a name and no keyword.
    """

    text: str
    word: str
    start: int
    end: int
    is_name: bool = False

    @property
    def parameter(self) -> int:
        """The number of `$n`, 0 for anything else."""
        return int(self.text[1:]) if self.text[0] == "$" and self.text[1:].isdecimal() else 0


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement.

    text: what stands behind EXPLAIN, without comments before and semicolons after it; start: its offset in the text
    that was read. kind: select (also VALUES, TABLE), insert, update, delete, merge, create table as (also SELECT INTO
    and materialized views), declare cursor, execute, explain, transaction, or utility. verb: its first words, for
    messages. query, query_start: the query inside a CREATE TABLE AS or DECLARE CURSOR, else the text. parameters: the
    numbers of its `$n`. changes: the data-changing verbs in it, those of WITH parts and "select into" among them.
    """

    text: str
    start: int
    kind: str
    verb: str
    query: str
    query_start: int
    parameters: tuple[int, ...]
    changes: tuple[str, ...]


@lru_cache(maxsize=16)
def read_statement(sql: str) -> Statement:
    """The one statement of a text.

    Raises StatementFailed when it is not SQL (with line, column and caret), Refused when it holds none or several.
    """
    check_syntax(sql)
    tokens = scan(sql)
    meaningful = [index for index, token in enumerate(tokens) if token.text != ";"]
    if not meaningful:
        raise Refused("There is no statement in the text.", "Give one SQL statement.")
    tokens = tokens[meaningful[0] : meaningful[-1] + 1]
    if (count := count_statements(sql)) != 1:
        raise Refused(f"The text holds {count} statements; one at a time is taken.", "Give them one by one.")
    return _statement(sql, tokens)


def unwrap_explain(sql: str, statement: Statement) -> Statement:
    """The statement that an EXPLAIN explains, whatever options the EXPLAIN has; any other statement as it is."""
    if statement.kind != "explain":
        return statement
    tokens = [token for token in scan(sql) if statement.start <= token.start]
    first = 1
    if tokens[1].text == "(" and tokens[2].word not in (*_MAIN_VERBS, "with", "("):
        first = _closing(tokens, 1) + 1
    while tokens[first].word in ("analyze", "analyse", "verbose"):
        first += 1
    last = max(index for index, token in enumerate(tokens) if token.text != ";")
    return _statement(sql, tokens[first : last + 1])


def check_syntax(sql: str) -> None:
    """Raise StatementFailed, with the place, when Postgres's grammar refuses the text."""
    from postgast import PgQueryError, split

    if "\0" in sql:
        raise StatementFailed("A zero byte is not allowed in SQL.", sqlstate="22021")
    try:
        split(sql)
    except UnicodeEncodeError as error:
        raise StatementFailed("The text is not valid Unicode.", sqlstate="22021") from error
    except PgQueryError as error:
        raise _refused_by_grammar(sql, error.message, error.cursorpos) from error


def is_sql(text: str) -> bool:
    """Whether Postgres's grammar takes the text."""
    try:
        check_syntax(text)
    except StatementFailed:
        return False
    return True


def count_statements(sql: str) -> int:
    """How many statements a text holds that the grammar takes."""
    from postgast import split

    return len(split(sql))


def scan(sql: str) -> Sequence[Token]:
    """The tokens of a text, comments left out. Raises StatementFailed when a quote or a comment does not end."""
    return _kept_tokens(sql) if len(sql) <= KEPT else _tokens(sql)


@lru_cache(maxsize=16)
def _kept_tokens(sql: str) -> tuple[Token, ...]:
    return _tokens(sql)


def _tokens(sql: str) -> tuple[Token, ...]:
    from postgast import PgQueryError
    from postgast import scan as scan_bytes
    from postgast.pg_query_pb2 import NO_KEYWORD
    from postgast.pg_query_pb2 import Token as Kind

    raw = sql.encode()
    comments = {Kind.Value(name) for name in _COMMENTS}
    name, one_byte = Kind.Value("IDENT"), sql.isascii()
    tokens: list[Token] = []
    done_bytes = done = 0
    try:
        scanned = scan_bytes(sql)
    except PgQueryError as error:
        raise _refused_by_grammar(sql, error.message, error.cursorpos) from error
    for found in scanned.tokens:
        first, last = found.start, found.end
        start = first if one_byte else done + len(raw[done_bytes:first].decode())
        text = sql[first:last] if one_byte else raw[first:last].decode()
        done_bytes, done = last, start + len(text)
        if found.token in comments:
            continue
        plain = found.keyword_kind != NO_KEYWORD or (found.token == name and text[0] != '"')
        tokens.append(Token(text, text.lower() if plain else text, start, done, found.token == name))
    return tuple(tokens)


def _refused_by_grammar(sql: str, message: str, position: int) -> StatementFailed:
    """position: in characters from 1, as Postgres counts; 0 when unknown."""
    place = point_at(sql, position - 1) if position else ""
    return StatementFailed(f"{message}{place}", "Correct the SQL.", sqlstate="42601")


def point_at(sql: str, offset: int) -> str:
    """The place of an offset as text: line and column, the line itself (bounded) and a caret below it."""
    offset = min(max(offset, 0), len(sql))
    line = sql.count("\n", 0, offset) + 1
    begin = sql.rfind("\n", 0, offset) + 1
    end = sql.find("\n", offset)
    column = offset - begin
    shown = sql[begin : end if end >= 0 else len(sql)].replace("\t", " ").rstrip("\r")
    cut = max(0, column - 60)
    window = ("…" if cut else "") + shown[cut : cut + 100] + ("…" if len(shown) > cut + 100 else "")
    caret = " " * (column - cut + (1 if cut else 0)) + "^"
    return f"\nline {line}, column {column + 1}:\n  {window}\n  {caret}"


def _statement(sql: str, tokens: Sequence[Token]) -> Statement:
    text = sql[tokens[0].start : tokens[-1].end]
    kind = _kind(tokens)
    inner = tokens[_query_inside(kind, tokens) :]
    if kind == "create table as":
        inner = _without_data_clause(inner)
    query = sql[inner[0].start : inner[-1].end] if inner else text
    verb = " ".join(token.word for token in tokens[: 2 if kind == "utility" else 1] if token.word[0].isalpha())
    return Statement(
        text=text,
        start=tokens[0].start,
        kind=kind,
        verb=(kind if kind in QUERIES else verb).upper(),
        query=query,
        query_start=inner[0].start if inner else tokens[0].start,
        parameters=tuple(sorted({token.parameter for token in tokens} - {0})),
        changes=tuple(dict.fromkeys(_changes(kind, tokens))),
    )


def _kind(tokens: Sequence[Token]) -> str:
    first = next((token.word for token in tokens if token.text != "("), "")
    pair = f"{first} {tokens[1].word}" if len(tokens) > 1 else first
    if first == "with":
        first = _verb_after_with(tokens)
    if first in ("select", "values", "table"):
        return "create table as" if _into(tokens) is not None else "select"
    if first in (*CHANGING, "execute", "explain"):
        return first
    if first in _TRANSACTION or pair in _TRANSACTION:
        return "transaction"
    if first == "declare":
        return "declare cursor"
    return "create table as" if first == "create" and _query_of_create(tokens) else "utility"


def _verb_after_with(tokens: Sequence[Token]) -> str:
    """The verb of a statement that begins with WITH: the first at depth 0 that is not the name of a WITH part."""
    for index, token in _at_depth(tokens, 0):
        if token.word in _MAIN_VERBS and index and tokens[index - 1].word not in _NAME_FOLLOWS:
            return token.word
    return "select"


def _query_of_create(tokens: Sequence[Token]) -> int:
    """Where the query of CREATE [TEMP | UNLOGGED] TABLE … AS or CREATE MATERIALIZED VIEW … AS begins; 0 for none."""
    words = [token.word for token in tokens[:5]]
    if "table" not in words and not ("materialized" in words and "view" in words):
        return 0
    for index, token in _at_depth(tokens, 0):
        following = tokens[index + 1].word if index + 1 < len(tokens) else ""
        if token.word == "as" and following in (*_MAIN_VERBS, "with", "(", "execute"):
            return index + 1
    return 0


def _query_inside(kind: str, tokens: Sequence[Token]) -> int:
    """The index of the token where the query inside the statement begins."""
    if kind == "create table as" and tokens[0].word == "create":
        return _query_of_create(tokens)
    if kind == "declare cursor":
        return next(index + 1 for index, token in _at_depth(tokens, 0) if token.word == "for")
    return 0


def _without_data_clause(tokens: Sequence[Token]) -> Sequence[Token]:
    words = [token.word for token in tokens[-3:]]
    if words[-2:] == ["with", "data"]:
        return tokens[:-2]
    return tokens[:-3] if words == ["with", "no", "data"] else tokens


def _into(tokens: Sequence[Token]) -> int | None:
    """Where a SELECT INTO has its INTO, if it is one; the INTO of INSERT and MERGE follows its verb."""
    for index, token in enumerate(tokens):
        if token.word == "into" and tokens[index - 1].word not in ("insert", "merge"):
            return index
    return None


def _changes(kind: str, tokens: Sequence[Token]) -> Iterator[str]:
    if kind in CHANGING:
        yield kind
    if _into(tokens) is not None:
        yield "select into"
    for index, token in enumerate(tokens[:-1]):
        following = tokens[index + 1].word
        opens_part = token.text == "(" and index and tokens[index - 1].word in ("as", "materialized")
        if opens_part and following in CHANGING:
            yield following


def _at_depth(tokens: Sequence[Token], wanted: int) -> Iterator[tuple[int, Token]]:
    depth = 0
    for index, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == wanted:
            yield index, token


def _closing(tokens: Sequence[Token], opening: int) -> int:
    """The index of the parenthesis that closes the one at `opening`."""
    depth = 0
    for index in range(opening, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[index].text, 0)
        if depth == 0:
            return index
    raise AssertionError("the grammar took a text with an open parenthesis")
