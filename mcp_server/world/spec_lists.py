"""What lists say of indexes, constraints and foreign keys: `tasks.user_id (for filtering)`, `Check: status IN (…)`, `tasks.user_id → users.id`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mcp_server.model.orm import Place
from mcp_server.model.spec import (
    OnDelete,
    Owned,
    Part,
    Reference,
    StatedCheck,
    StatedColumn,
    StatedIndex,
    StatedKey,
    StatedTable,
    Unread,
    alike,
)
from mcp_server.world.markdown import plain
from mcp_server.world.spec_outline import EXTERNAL, Placed
from mcp_server.world.spec_tables import read_keys
from mcp_server.world.spec_words import NAME, constrained, read_on_delete, read_words

Columns = Mapping[str, frozenset[str]]  # of each table, by what its names have in common, its columns in lower case

_PATH = rf"(?P<table>{NAME})\.(?P<column>{NAME})"
_INDEX_NAME = re.compile(
    r"^(?:(?:unique |composite |partial |gin )?index\s+)?(?P<name>(?:idx|ix|uq|uk|ux|index|unique)_\w+)\b\s*(?:[:\-–—]\s*)?",
    re.I,
)
_ON = re.compile(rf"\bon\s+(?:the\s+|columns?\s+|fields?\s+)?(?:(?P<table>{NAME})\s*)?\((?P<keys>[^)]*)\)", re.I)
_ON_WORD = re.compile(
    rf"\bon\s+(?:the\s+|columns?\s+|fields?\s+)?(?P<keys>{NAME}(?:\.{NAME})?(?:\s+(?:asc|desc)\b)?(?:\s*(?:,|\+|&|\band\b)\s*{NAME}(?:\.{NAME})?(?:\s+(?:asc|desc)\b)?)*)",
    re.I,
)
_PAREN = re.compile(r"\((?P<keys>[^)]*)\)")
_PLUS = re.compile(
    rf"^{NAME}(?:\.{NAME})?(?:\s+(?:asc|desc))?(?:\s*\+\s*{NAME}(?:\.{NAME})?(?:\s+(?:asc|desc))?)*(?=\s*(?:$|[:(–—-]|\s(?:asc|desc)))",
    re.I,
)
_LABEL = re.compile(r"^(?P<label>[A-Z][\w /-]*?(?:index(?:es)?|key|constraint))\s*:\s*(?P<rest>.+)$", re.I)
_SKIPPED = re.compile(r"^(?:primary|pk\b|foreign|fk\b|pk_|fk_)|\bprimary (?:key|index)\b", re.I)
_NO_KEY = re.compile(
    r"\b(?:no|without(?: a)?)\s+(?:direct\s+|explicit\s+|physical\s+|hard\s+|database\s+)?(?:foreign[ -]keys?|FK)\b(?P<rest>.*)",
    re.I,
)
_ARROW = re.compile(
    rf"(?:(?P<table>{NAME})\.)?(?P<column>{NAME})\s*(?:→|->|=>|references|REFERENCES)\s*(?P<target>{NAME})(?:\.(?P<dotted>{NAME})|\s*\((?P<inside>{NAME})\))",
    re.I,
)
_DELETED = re.compile(
    rf"^(?:cascade(?:[sd]?| deletes?)?\s*:?\s*)?(?:when|if)\s+(?:a|an|the)?\s*(?P<parent>{NAME})(?:\s+(?:account|record|row))?\s+(?:is|gets|are)\s+deleted,?\s*(?:then\s+)?(?:all\s+|any\s+)?(?:of\s+)?(?:their|its|his|her|the|that|{NAME}'s)?\s*(?:associated\s+|related\s+|own(?:ed)?\s+)?(?P<children>{NAME}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+){NAME})*)\s+(?:are|is|will|should|must|also|get|cascade)",
    re.I,
)
_DELETES = re.compile(
    rf"^(?:delet(?:e|ing)(?: of)?(?: an?| the)?|on deleting)\s+(?P<parent>{NAME})\s*(?:→|->|=>|:|deletes|cascades to)\s*(?:delete\s+)?(?:all\s+)?(?:{NAME}'s\s+)?(?P<children>{NAME}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+){NAME})*)",
    re.I,
)
_HEDGED = re.compile(r"\boptional(?:ly)?\b|\bcan be\b|\bmay\b|\blater\b|\bfuture\b|\bnot implemented\b", re.I)
_CHECK = re.compile(
    r"^(?:(?P<name>(?:ck|chk|check)_\w+)\s*:\s*)?(?:check(?: constraint)?s?\s*[:(]\s*|check\s+)(?P<body>.+)$", re.I
)
_EMPTY = re.compile(
    rf"^(?:(?P<table>{NAME})(?:'s)?\s+)?(?P<column>{NAME})\s+(?:cannot|can not|must not|may not|should not)\s+be\s+(?:empty|blank)(?:\s+string)?\b(?P<rest>.*)$",
    re.I,
)
_ONE_OF = re.compile(
    rf"^(?:(?P<table>{NAME})(?:'s)?\s+)?(?P<column>{NAME})\s+must be (?:one of|either)\s*:?\s*(?P<values>.+)$", re.I
)
_ELSEWHERE = re.compile(r"\benforced (?:by|in|at)\b|\bapplication\b|\bvalidat|\bby not null\b", re.I)
_COLUMN_FACT = re.compile(rf"^{_PATH}\s*:\s*(?P<words>.+)$")
_FILLERS = frozenset(
    """this the table tables is are fully primarily entirely automatically created and maintained managed management purpose
    note notes status model entity data it internally mainly completely externally both handled provided""".split()  # noqa: SIM905
)
_UNIQUE_OF = re.compile(
    r"^(?:(?P<name>(?:uq|uk|unique)_\w+)\s*:\s*)?unique(?: constraint)?\s*(?:on\s*|:\s*)?\((?P<keys>[^)]*)\)", re.I
)


def read_indexes(placed: Sequence[Placed], path: str, columns: Columns) -> Iterator[Part]:
    """The indexes that list items under a heading or label of indexes name."""
    table = ""
    for one in placed:
        if one.block.kind != "item" or one.topic != "indexes" or one.is_aside:
            continue
        text = plain(one.block.text)
        if (one.block.depth > 1 and not re.search(r"ind|_|\(", text)) or _SKIPPED.search(text.partition(" (")[0][:40]):
            continue
        subject = one.subject.name if one.subject else ""
        found = _index(text, subject, table, Place(path, one.block.line), columns)
        if isinstance(found, StatedIndex):
            table = found.table or table
        if found is not None:
            yield found


def _index(text: str, subject: str, before: str, at: Place, columns: Columns) -> Part | None:
    named = _INDEX_NAME.match(text)
    name = named["name"] if named else ""
    rest = text[named.end() :] if named else text
    label = _LABEL.match(rest)
    words = label["rest"] if label else rest
    on, on_word, listed = _ON.search(words), _ON_WORD.search(words), _PAREN.search(words)
    plus = _PLUS.match(words)
    table = (on["table"] or "") if on else ""
    candidates = [found["keys"] for found in (on,) if found] + ([plus[0]] if plus and not on else [])
    candidates += [found["keys"] for found in (on_word, listed) if found]
    for candidate in candidates:
        written = re.sub(r"\s*(?:&|\band\b)\s*", ", ", candidate)
        owner = re.match(rf"({NAME})\.", written.strip())
        keys = read_keys(written)
        owned = table or (owner[1] if owner else "")
        for target in [owned] if owned else [subject, before, ""]:
            if keys and _are_columns(keys, target, columns):
                unique = bool(re.search(r"\bunique\b", text, re.I)) and "not unique" not in text.lower()
                return StatedIndex(target, keys, at, "index list", "middle", name, unique, _where(text), _method(text))
    if name and re.search(r"\b(?:composite|partial|index)\b", rest, re.I) is not None and not listed:
        return None
    if re.search(r"\bindex\b", text, re.I) and re.search(r"\(|\bon\b", text):
        return Unread(at, text[:160], "an index on columns of a table: `name` on (column, …)")
    return None


def _where(text: str) -> str:
    match = re.search(r"\bwhere\s+(.+?)(?:\s+[-–—]\s.*)?$", text, re.I)
    return match[1].rstrip(" )") if match and re.search(r"[=<>]|\bis\b|\bin\b", match[1], re.I) else ""


def _method(text: str) -> str:
    match = re.search(r"\b(gin|gist|brin|hash|hnsw|ivfflat)\b", text, re.I)
    return match[1].lower() if match else ""


def _are_columns(keys: Sequence[str], table: str, columns: Columns) -> bool:
    names = {re.sub(r" DESC$", "", key).lower() for key in keys}
    if table:
        return alike(table) in columns and names <= columns[alike(table)]
    return any(names <= known for known in columns.values())


def read_relations(placed: Sequence[Placed], path: str, columns: Columns) -> Iterator[Part]:
    """The foreign keys that lists and sentences name, with the rule for deletes that stands beside or below them."""
    run: list[StatedKey] = []
    for one in placed:
        if one.block.kind not in ("item", "paragraph", "heading") or one.is_aside:
            continue
        text = plain(one.block.text)
        at = Place(path, one.block.line)
        denied = _NO_KEY.search(text)
        if denied:
            target = re.findall(rf"\b({NAME})\s+tables?\b", denied["rest"]) or [""]
            subject = one.subject.name if one.subject and one.topic == "columns" else ""
            yield StatedKey(subject, (), Reference(target[-1]), at, "prose", "middle", denied=True)
            continue
        if one.topic not in ("relations", "constraints", "columns"):
            continue
        if one.block.kind == "heading":
            yield from run
            run = []
        found = (
            list(_arrows(text, one, at, columns)) if not (one.topic == "columns" and one.block.kind == "item") else []
        )
        rule = read_on_delete(text)
        if found:
            yield from run
            run = found
        elif rule and run and one.block.kind == "item" and not _HEDGED.search(text):
            run = [key if key.reference.on_delete else _with_rule(key, rule) for key in run]
        if not _HEDGED.search(text):
            yield from _told_deletes(text, at)
    yield from run


def _with_rule(key: StatedKey, rule: OnDelete) -> StatedKey:
    return StatedKey(
        key.table,
        key.columns,
        Reference(key.reference.table, key.reference.column, rule),
        key.place,
        key.form,
        key.strength,
    )


def _arrows(text: str, one: Placed, at: Place, columns: Columns) -> Iterator[StatedKey]:
    for match in _ARROW.finditer(text):
        table = match["table"] or (one.subject.name if one.subject else "")
        target, column = match["target"], match["dotted"] or match["inside"]
        if match["column"].lower() == "id" and column.lower() != "id":
            table, target, name, column = target, table, column, match["column"]
        else:
            name = match["column"]
        known = columns.get(alike(table))
        if not table or (known is not None and name.lower() not in known):
            continue
        yield StatedKey(table, (name,), Reference(target, column, read_on_delete(text)), at, "relations", "middle")


def _told_deletes(text: str, at: Place) -> Iterator[StatedKey]:
    match = _DELETED.match(text) or _DELETES.match(text)
    if match is None or re.search(r"\bnot\b|\bset null\b|\borphan", text, re.I):
        return
    for child in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", match["children"]):
        yield StatedKey(child, (), Reference(match["parent"], "", "cascade"), at, "relations", "middle")


def read_constraints(placed: Sequence[Placed], path: str, columns: Columns) -> Iterator[Part]:
    """The checks, uniquenesses and further words on columns that lists of constraints hold."""
    for one in placed:
        if one.block.kind != "item" or one.topic != "constraints" or one.is_aside:
            continue
        text = plain(one.block.text)
        at = Place(path, one.block.line)
        yield from _constraint(text, one.subject.name if one.subject else "", at, columns)


def _constraint(text: str, subject: str, at: Place, columns: Columns) -> Iterator[Part]:
    fact, check, unique = _COLUMN_FACT.match(text), _CHECK.match(text), _UNIQUE_OF.match(text)
    empty, one_of = _EMPTY.match(text), _ONE_OF.match(text)
    if fact and fact["column"].lower() in columns.get(alike(fact["table"]), frozenset()):
        words = read_words(fact["words"])
        if not words.says_nothing:
            column = constrained(StatedColumn(fact["column"], at), words)
            yield StatedTable(fact["table"], "entity", at, "constraints", "middle", (column,), adds=True)
    elif unique and read_keys(unique["keys"]):
        yield StatedIndex(subject, read_keys(unique["keys"]), at, "constraints", "middle", unique["name"] or "", True)
    elif check and re.search(r"[<>=]|\bin\s*\(|\bbetween\b|~", check["body"], re.I):
        sql = _closed(check["body"])
        names = tuple(
            word
            for word in dict.fromkeys(re.findall(NAME, re.sub(r"'[^']*'", "", sql)))
            if _is_column(word, subject, columns)
        )
        yield StatedCheck(subject, names, at, "constraints", "middle", sql, check["name"] or "")
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
