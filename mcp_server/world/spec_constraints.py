"""What lists say of constraints, and which tables are said to be managed by others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mcp_server.model.orm import Place
from mcp_server.model.spec import (
    Owned,
    Part,
    StatedCheck,
    StatedColumn,
    StatedIndex,
    StatedTable,
    Unread,
    alike,
    kind_of_name,
)
from mcp_server.world.markdown import plain
from mcp_server.world.spec_lists import Columns
from mcp_server.world.spec_names import EXTERNAL
from mcp_server.world.spec_outline import Placed
from mcp_server.world.spec_tables import read_keys
from mcp_server.world.spec_words import NAME, constrained, read_words

_PATH = rf"(?P<table>{NAME})\.(?P<column>{NAME})"
_CHECK = re.compile(
    r"^(?:(?P<name>(?:ck|chk|check)_\w+)\s*:\s*)?(?:check(?: constraint)?s?\s*[:(]\s*|check\s+)(?P<body>.+)$", re.I
)
_TOLD_CHECK = re.compile(r"^(?:(?P<name>(?:ck|chk|check)_\w+)\s*:\s*)?check constraints?\s+(?P<words>.+)$", re.I)
_LABELLED_KEY = re.compile(r"^(?P<what>primary key|unique(?: constraints?| key)?)\s*:\s*(?P<keys>.+)$", re.I)
_EMPTY = re.compile(
    rf"^(?:(?P<table>{NAME})(?:'s)?\s+)?(?P<column>{NAME})\s+(?:cannot|can not|must not|may not|should not)\s+be\s+(?:empty|blank)(?:\s+string)?\b(?P<rest>.*)$",
    re.I,
)
_ONE_OF = re.compile(
    rf"^(?:(?P<table>{NAME})(?:'s)?\s+)?(?P<column>{NAME})\s+must be (?:one of|either)\s*:?\s*(?P<values>.+)$", re.I
)
_ELSEWHERE = re.compile(r"\benforced (?:by|in|at)\b|\bapplication\b|\bvalidat|\bby not null\b", re.I)
_LABELLED = re.compile(rf"^(?P<table>{NAME})\s*:\s*(?=(?:check|unique|primary key)\b)", re.I)
_COLUMN_FACT = re.compile(rf"^{_PATH}\s*:\s*(?P<words>.+)$")
_UNIQUE_OF = re.compile(
    r"^(?:(?P<name>(?:uq|uk|unique)_\w+)\s*:\s*)?unique(?: constraint)?\s*(?:on\s*|:\s*)?\((?P<keys>(?:[^()]|\([^()]*\))*)\)",
    re.I,
)
_FILLERS = frozenset(
    """this the table tables is are fully primarily entirely automatically created and maintained managed management purpose
    note notes status model entity data it internally mainly completely externally both handled provided""".split()  # noqa: SIM905
)


def read_constraints(placed: Sequence[Placed], path: str, columns: Columns) -> Iterator[Part]:
    """The checks, uniquenesses and further words on columns that lists of constraints hold."""
    for one in placed:
        if one.block.kind == "paragraph" and not one.is_aside:
            yield from _labelled_keys(one, plain(one.block.text), Place(path, one.block.line))
        text = plain(one.block.text)
        is_told = one.topic == "constraints" or (one.topic == "columns" and says_constraint(text))
        if one.block.kind != "item" or not is_told or one.is_aside:
            continue
        at = Place(path, one.block.line)
        subject = one.subject.name if one.subject else ""
        labelled = _LABELLED.match(text)
        if labelled and alike(labelled["table"]) in columns:
            subject, text = labelled["table"], text[labelled.end() :]
        yield from _constraint(text, subject, at, columns)


def says_constraint(text: str) -> bool:
    """Whether an item between columns states a constraint of several: `UNIQUE (a, b)`, `CHECK (a > 0)`."""
    return bool(_UNIQUE_OF.match(text) or (_CHECK.match(text) and "(" in text))


def _constraint(text: str, subject: str, at: Place, columns: Columns) -> Iterator[Part]:
    fact, check, unique = _COLUMN_FACT.match(text), _CHECK.match(text), _UNIQUE_OF.match(text)
    told = _TOLD_CHECK.match(text)
    empty, one_of = _EMPTY.match(text), _ONE_OF.match(text)
    if fact and fact["column"].lower() in columns.get(alike(fact["table"]), frozenset()):
        words = read_words(fact["words"])
        if not words.says_nothing:
            column = constrained(StatedColumn(fact["column"], at), words)
            yield StatedTable(fact["table"], "entity", at, "constraints", "middle", (column,), adds=True)
    elif unique and read_keys(unique["keys"]):
        table = _holder(read_keys(unique["keys"]), subject, columns)
        keys = read_keys(unique["keys"])
        yield (
            StatedIndex(table, keys, at, "constraints", "middle", unique["name"] or "", True)
            if table
            else Unread(at, text, "a uniqueness under the heading of its table")
        )
    elif check and re.search(r"[<>=]|\bin\s*\(|\bbetween\b|~", check["body"], re.I):
        yield _check(_closed(check["body"]), check["name"] or "", subject, at, columns)
    elif told and subject:
        yield from _told_check(told["words"], told["name"] or "", subject, at, columns)
    elif empty and not _ELSEWHERE.search(empty["rest"]):
        table = _owner(empty["table"] or "", subject, empty["column"], columns)
        if table:
            yield StatedCheck(table, (empty["column"].lower(),), at, "constraints", "middle", wording="not empty")
    elif one_of:
        table = _owner(one_of["table"] or "", subject, one_of["column"], columns)
        values = [word.strip(" .'\"") for word in re.split(r",|\bor\b|\|", one_of["values"]) if word.strip(" .'\"")]
        if table and values and all(re.fullmatch(r"[\w-]+", value) for value in values):
            listed = ", ".join(f"'{value}'" for value in values)
            name = one_of["column"].lower()
            yield StatedCheck(table, (name,), at, "constraints", "middle", f"{name} IN ({listed})")


def _told_check(words: str, name: str, subject: str, at: Place, columns: Columns) -> Iterator[Part]:
    """A check that is told in words: "ensuring title is not empty", "limiting description to 1000 characters"."""
    if _ELSEWHERE.search(words):
        return
    names = [word.lower() for word in re.findall(NAME, words) if _is_column(word, subject, columns)]
    most = re.search(r"\b(?:to|at most|not exceed|max(?:imum)?)\s*(?:of\s*)?(\d+)\s*char", words, re.I)
    listed = re.search(r"\(([^)]*)\)\s*$", words)
    values = [word.strip(" '\"") for word in listed[1].split(",")] if listed and "," in listed[1] else []
    quoted = re.findall(r"['\"]([\w-]+)['\"]", words)
    values = values or (quoted if len(quoted) > 1 and re.search(r"\bor\b|\bone of\b", words, re.I) else [])
    if names and re.search(r"\bnot (?:be )?(?:empty|blank)\b|\bnon-?empty\b", words, re.I):
        yield StatedCheck(subject, (names[0],), at, "constraints", "middle", name=name, wording="not empty")
    elif names and most:
        yield StatedCheck(subject, (names[0],), at, "constraints", "middle", f"length({names[0]}) <= {most[1]}", name)
    elif names and values:
        sql = f"{names[0]} IN ({', '.join(repr(value) for value in values)})"
        yield StatedCheck(subject, (names[0],), at, "constraints", "middle", sql, name)
    else:
        yield Unread(at, f"{name}: {words}".strip(": "), "the check as SQL: CHECK (column > 0)")


def _labelled_keys(one: Placed, text: str, at: Place) -> Iterator[Part]:
    """`Primary Key: id`, `Unique Constraint: (a, b)` in the lines below a heading."""
    match = _LABELLED_KEY.match(text)
    subject = one.subject
    keys = read_keys(re.sub(r"\)\s*\(.*$|(?<=\w)\s+\(.*$", "", match["keys"])) if match else ()
    if match is None or subject is None or not keys:
        return
    if match["what"].lower().startswith("unique"):
        yield StatedIndex(subject.name, keys, at, "constraints", "middle", "", True)
        return
    columns = (StatedColumn(keys[0], at, primary_key=True),) if len(keys) == 1 else ()
    yield StatedTable(
        subject.name,
        kind_of_name(subject.name),
        at,
        "constraints",
        "middle",
        columns,
        keys if len(keys) > 1 else (),
        adds=True,
    )


def _check(sql: str, name: str, subject: str, at: Place, columns: Columns) -> Part:
    words = tuple(dict.fromkeys(re.findall(NAME, re.sub(r"'[^']*'", "", sql))))
    known = {column for names in columns.values() for column in names}
    table = _holder(tuple(word for word in words if word.lower() in known), subject, columns)
    if not table:
        return Unread(at, f"check: {sql}", "a check under the heading of its table")
    names = tuple(word for word in words if _is_column(word, table, columns))
    return StatedCheck(table, names, at, "constraints", "middle", sql, name)


def _holder(names: Sequence[str], subject: str, columns: Columns) -> str:
    """The table that a constraint on these columns is for: the one spoken of, or the only one that has them."""
    if subject:
        return subject
    wanted = {name.lower().removesuffix(" desc") for name in names}
    having = [table for table, known in columns.items() if wanted and wanted <= known]
    return having[0] if len(having) == 1 else ""


def _closed(text: str) -> str:
    """The expression, without what stands behind its last parenthesis that closes one too many."""
    text = re.split(r"\s+[-–—]\s+", text.strip().rstrip("."))[0]
    return text[:-1] if text.count(")") > text.count("(") and text.endswith(")") else text


def _is_column(name: str, table: str, columns: Columns) -> bool:
    return name.lower() in columns.get(alike(table), frozenset())


def _owner(named: str, subject: str, column: str, columns: Columns) -> str:
    """The table that has the column: the one that is named, the one spoken of, or the only one."""
    for table in (named, subject):
        if table and column.lower() in columns.get(alike(table), frozenset()):
            return table
    having = [name for name, known in columns.items() if column.lower() in known]
    return having[0] if len(having) == 1 and not named else ""


def read_owned(placed: Sequence[Placed], path: str, columns: Columns) -> Iterator[Owned]:
    """The tables that are said to be managed by others: by a heading, in a list, or in the lines below a heading."""
    for one in placed:
        text = plain(one.block.text) if one.block.kind in ("heading", "paragraph", "item") else ""
        at = Place(path, one.block.line)
        if one.block.kind == "heading" and one.subject is not None and one.subject.external and one.subject.place == at:
            yield Owned(one.subject.name, at, one.subject.owner)
        match = EXTERNAL.search(text)
        is_column = one.block.kind == "item" and one.topic == "columns" and one.subject is not None
        if match is None or one.block.kind == "heading" or (is_column and text[: match.start()].strip(" *-")):
            continue
        name = _spoken_of(text[: match.start()], one, columns)
        if name:
            yield Owned(name, at, match["owner"])


def _spoken_of(before: str, one: Placed, columns: Columns) -> str:
    """What is managed: the name that the line begins with, the last word before, or what the heading names."""
    first = re.match(rf"^({NAME})\s*(?:\(|:|–|—|-\s|table\b|$)", before.strip())
    if first and (alike(first[1]) in columns or first[1].lower() == first[1]) and first[1].lower() not in _FILLERS:
        return str(first[1])
    words = [word for word in re.findall(NAME, before) if alike(word) in columns]
    if words:
        return str(words[-1])
    is_filler = all(word.lower() in _FILLERS for word in re.findall(NAME, before))
    return one.subject.name if one.subject and is_filler else ""
