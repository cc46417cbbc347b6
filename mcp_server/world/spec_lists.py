"""What lists say of indexes and foreign keys: `tasks.user_id (for filtering)`, `tasks.user_id → users.id`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mcp_server.model.orm import Place
from mcp_server.model.spec import (
    OnDelete,
    Part,
    Reference,
    StatedIndex,
    StatedKey,
    Unread,
    alike,
)
from mcp_server.world.markdown import plain
from mcp_server.world.spec_outline import Placed
from mcp_server.world.spec_tables import read_keys
from mcp_server.world.spec_words import NAME, read_on_delete

Columns = Mapping[str, frozenset[str]]  # of each table, by what its names have in common, its columns in lower case

_INDEX_NAME = re.compile(
    r"^(?:(?:unique |composite |partial |gin )?index\s+)?(?P<name>(?:idx|ix|uq|uk|ux|index|unique)_\w+)\b\s*(?:[:\-–—]\s*)?",
    re.I,
)
_ON = re.compile(
    rf"\bon\s+(?:the\s+|columns?\s+|fields?\s+)?(?:(?P<table>{NAME})\s*)?\((?P<keys>(?:[^()]|\([^()]*\))*)\)", re.I
)
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
_SENTENCE = re.compile(r"^(?:index(?:es)?|indices)\s*:\s*", re.I)
_SKIPPED = re.compile(r"^(?:primary|pk\b|foreign|fk\b|pk_|fk_)|\bprimary (?:key|index)\b", re.I)
_NO_KEY = re.compile(
    r"\b(?:no|without(?: a)?)\s+(?:direct\s+|explicit\s+|physical\s+|hard\s+|database\s+)?(?:foreign[ -]keys?|FK)\b(?P<rest>.*)",
    re.I,
)
_ARROW = re.compile(
    rf"(?:(?P<table>{NAME})\.)?(?P<column>{NAME})\s*(?:→|->|=>|references|REFERENCES)\s*(?P<target>{NAME})(?:\.(?P<dotted>{NAME})|\s*\((?P<inside>{NAME})\))",
    re.I,
)
_NAMED_KEY = re.compile(rf"^fk_\w+\s*:\s*references\s+(?P<target>{NAME})\s*(?:\.|\()\s*(?P<column>{NAME})", re.I)
_DELETED = re.compile(
    rf"^(?:cascade(?:[sd]?| deletes?)?\s*:?\s*)?(?:when|if)\s+(?:a|an|the)?\s*(?P<parent>{NAME})(?:\s+(?:account|record|row))?\s+(?:is|gets|are)\s+deleted,?\s*(?:then\s+)?(?:all\s+|any\s+)?(?:of\s+)?(?:their|its|his|her|the|that|{NAME}'s)?\s*(?:associated\s+|related\s+|own(?:ed)?\s+)?(?P<children>{NAME}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+){NAME})*)\s+(?:are|is|will|should|must|also|get|cascade)",
    re.I,
)
_DELETES = re.compile(
    rf"^(?:delet(?:e|ing)(?: of)?(?: an?| the)?|on deleting)\s+(?P<parent>{NAME})\s*(?:→|->|=>|:|deletes|cascades to)\s*(?:delete\s+)?(?:(?:all|the|their|its|his|her|of)\s+)*(?:{NAME}'s\s+)?(?P<children>{NAME}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+){NAME})*)",
    re.I,
)
_HEDGED = re.compile(r"\boptional(?:ly)?\b|\bcan be\b|\bmay\b|\blater\b|\bfuture\b|\bnot implemented\b", re.I)


def read_indexes(placed: Sequence[Placed], path: str, columns: Columns) -> Iterator[Part]:
    """The indexes that list items under a heading or label of indexes name, and sentences that begin with "Indexes:"."""
    table = ""
    for one, text in (*_index_items(placed), *_index_sentences(placed)):
        if _SKIPPED.search(text.partition(" (")[0][:40]):
            continue
        subject = one.subject.name if one.subject else ""
        found = _index(text, subject, table, Place(path, one.block.line), columns)
        if isinstance(found, StatedIndex):
            table = found.table or table
        if found is not None:
            yield found


def _index_items(placed: Sequence[Placed]) -> Iterator[tuple[Placed, str]]:
    for one in placed:
        text = plain(one.block.text)
        listed = one.block.kind == "item" and one.topic == "indexes" and not one.is_aside
        if listed and (one.block.depth == 1 or re.search(r"ind|_|\(", text)):
            yield one, text


def _index_sentences(placed: Sequence[Placed]) -> Iterator[tuple[Placed, str]]:
    """`Indexes: a on (x) for lists; b on (y) where z.`, over as many lines as the paragraph has."""
    following: list[Placed] = []
    for one, after in zip(placed, (*placed[1:], None), strict=False):  # none at all has no successor
        if one.block.kind != "paragraph" or (not following and not _SENTENCE.match(plain(one.block.text))):
            following = []
            continue
        following.append(one)
        if after is None or after.block.kind != "paragraph" or after.block.line != one.block.line + 1:
            text = _SENTENCE.sub("", plain(" ".join(line.block.text for line in following)))
            yield from ((following[0], part) for part in re.split(r";\s+|\.\s+", text) if "(" in part)
            following = []


def _index(text: str, subject: str, before: str, at: Place, columns: Columns) -> Part | None:
    named = _INDEX_NAME.match(text)
    name = named["name"] if named else ""
    rest = text[named.end() :] if named else text
    label = _LABEL.match(rest)
    words = label["rest"] if label else rest
    on, on_word, listed = _ON.search(words), _ON_WORD.search(words), _PAREN.search(words)
    plus = _PLUS.match(words)
    if re.search(r"\bfull[- ]?text\b|\btsvector\b|\btrigram\b", text, re.I) and "(" not in (on["keys"] if on else ""):
        return Unread(at, text[:160], "the expression of a full-text index: GIN (to_tsvector(...))")
    if re.search(r"\bpostgis\b", text, re.I):
        return Unread(at, text[:160], "an index that plain Postgres has: PostGIS is in no sandbox")
    candidates = [(found["keys"], found["table"] or "") for found in (on,) if found]
    candidates += [(plus[0], "")] if plus and not on else []
    candidates += [(found["keys"], "") for found in (on_word, listed) if found]
    for candidate, table in candidates:
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
    match = re.search(r"\bwhere\s+(.+?)(?:,\s.*|\s+[-–—]\s.*|\s+for\s.*)?$", text, re.I)
    said = match[1].rstrip(" ).") if match else ""
    return said if re.search(r"[=<>]|\bis\b|\bin\b", said, re.I) or re.fullmatch(r"not \w+", said, re.I) else ""


def _method(text: str) -> str:
    match = re.search(r"\b(gin|gist|brin|hash|hnsw|ivfflat)\b", text, re.I)
    return match[1].lower() if match else ""


def _are_columns(keys: Sequence[str], table: str, columns: Columns) -> bool:
    names = {re.sub(r"^\w+\(|\)$| DESC$", "", key).lower() for key in keys}
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
            if not subject and not target[-1]:
                continue
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
    named = _NAMED_KEY.match(text)
    if named and one.subject is not None:
        led = Reference(named["target"], named["column"], read_on_delete(text))
        yield StatedKey(one.subject.name, (), led, at, "relations", "middle")


def _told_deletes(text: str, at: Place) -> Iterator[StatedKey]:
    match = _DELETED.match(text) or _DELETES.match(text)
    if match is None or re.search(r"\bnot\b|\bset null\b|\borphan", text, re.I):
        return
    for child in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", match["children"]):
        yield StatedKey(child, (), Reference(match["parent"], "", "cascade"), at, "relations", "middle")
