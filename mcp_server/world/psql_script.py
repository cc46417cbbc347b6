"""A script as psql reads it -> statements with their lines.

Follows psql's own lexer where a statement ends: at a semicolon outside of quotes, parentheses and the bodies that
`BEGIN ATOMIC ... END` makes (https://www.postgresql.org/docs/current/app-psql.html). Rows after `COPY ... FROM stdin`
belong to no schema and are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"""(?P<space>[ \t\f\v\r\n]+)
    |(?P<line_comment>--[^\n]*)
    |(?P<comment>/\*)
    |(?P<string>[eE]'(?:[^'\\]|\\.|'')*'|(?:[uU]&)?'(?:[^']|'')*'|(?:[uU]&)?"(?:[^"]|"")*")
    |(?P<dollar>\$(?:[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)?\$)
    |(?P<word>[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*)
    |(?P<end>;)
    |(?P<open>\()
    |(?P<close>\))
    |(?P<command>\\[^\n]*)
    |(?P<quote>['"])
    |(?P<other>\d[\w.]*|.)""",
    re.VERBOSE | re.DOTALL,
)
COMMENT_EDGE = re.compile(r"/\*|\*/")
COPY = re.compile(r"\s*copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
ROUTINE = re.compile(r"create(?: or replace)? (?:function|procedure)\b")


class Unterminated(Exception):
    """A quote, comment or parenthesis that opens on `line` is never closed."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(line, what)
        self.line = line
        self.what = what


@dataclass(frozen=True, slots=True)
class Piece:
    """A statement without its semicolon, or a backslash command of psql. line: where it begins, from 1."""

    text: str
    line: int
    is_command: bool = False


@dataclass(slots=True)
class _Statement:
    """A statement that is being read. words: the first of it, in lower case. blocks: depth of BEGIN ATOMIC and CASE."""

    start: int = -1
    depth: int = 0
    blocks: int = 0
    words: list[str] = field(default_factory=list)

    def take_word(self, word: str) -> None:
        """Count a word; inside a routine, BEGIN and CASE open what END closes."""
        word = word.lower()
        if len(self.words) < 5:
            self.words.append(word)
        if self.depth or not ROUTINE.match(" ".join(self.words)):
            return
        if word == "begin" or (word == "case" and self.blocks):
            self.blocks += 1
        elif word == "end" and self.blocks:
            self.blocks -= 1


def read_script(text: str) -> Iterator[Piece]:
    """The statements and commands of a script, in order. Raises Unterminated."""
    lines = _Lines(text)
    statement = _Statement()
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        assert match is not None
        kind, after = match.lastgroup, match.end()
        if kind in ("space", "line_comment"):
            position = after
            continue
        if kind == "comment":
            position = _end_of_comment(text, position, lines)
            continue
        if kind == "command" and statement.start < 0:
            yield Piece(match[0].strip(), lines.at(position), is_command=True)
            position = after
            continue
        ends = kind == "command" and match[0].startswith("\\g")
        if (kind == "end" and not statement.depth and not statement.blocks) or ends:
            if statement.start >= 0:
                piece = Piece(text[statement.start : position].strip(), lines.at(statement.start))
                yield piece
                after = _after_rows(text, after) if COPY.match(piece.text) else after
            statement, position = _Statement(), after
            continue
        if statement.start < 0:
            statement.start = position
        position = _advance(text, match, statement, lines)
    if statement.start >= 0:
        if statement.depth > 0:
            raise Unterminated(lines.at(statement.start), "parenthesis")
        yield Piece(text[statement.start :].strip(), lines.at(statement.start))


def _advance(text: str, match: re.Match[str], statement: _Statement, lines: _Lines) -> int:
    """Take one token of a statement; the position after it."""
    kind = match.lastgroup
    if kind == "word":
        statement.take_word(match[0])
    elif kind == "open":
        statement.depth += 1
    elif kind == "close":
        statement.depth = max(0, statement.depth - 1)
    elif kind == "quote":
        raise Unterminated(lines.at(match.start()), "quote")
    elif kind == "dollar":
        end = text.find(match[0], match.end())
        if end < 0:
            raise Unterminated(lines.at(match.start()), f"{match[0]} quote")
        return end + len(match[0])
    return match.end()


def _end_of_comment(text: str, position: int, lines: _Lines) -> int:
    """Comments nest in SQL."""
    depth = 0
    for edge in COMMENT_EDGE.finditer(text, position):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    raise Unterminated(lines.at(position), "comment")


def _after_rows(text: str, position: int) -> int:
    """The position after the rows of a COPY, which end with a line `\\.` or with the text."""
    end = re.compile(r"^\\\.[ \t\r]*$", re.MULTILINE).search(text, position)
    return end.end() if end else len(text)


class _Lines:
    """Positions of a text -> line numbers; asked for in rising order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._line = 1

    def at(self, position: int) -> int:
        """The line of a position."""
        if position < self._position:
            return self._line - self._text.count("\n", position, self._position)
        self._line += self._text.count("\n", self._position, position)
        self._position = position
        return self._line
