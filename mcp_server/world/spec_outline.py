"""Which table each block of a document speaks of, and what of it: columns, indexes, constraints, relations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mcp_server.model.orm import Place
from mcp_server.model.spec import Kind, StatedColumn
from mcp_server.world.markdown import Block, plain
from mcp_server.world.spec_names import EITHER, NOT_NAMES, WORD, Subject, is_shape, name_of_heading
from mcp_server.world.spec_types import end_of_type

Topic = Literal["", "columns", "indexes", "constraints", "relations", "values", "aside"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A block with its subject, None outside of any. path: the plain texts of the headings above, outermost first.

    is_aside: it stands under a heading that keeps it out of the present schema, such as "Future" or "Out of scope".
    """

    block: Block
    subject: Subject | None
    topic: Topic
    path: tuple[str, ...]
    is_aside: bool = False


_PAIR = re.compile(rf"^(?P<name>{WORD})\s*(?:→|->|<->|↔|—|--|to)\s*{WORD}", re.I)
_ID_FIRST = re.compile(r"^`?\*{0,2}`?id\b", re.I)
_CHANGED = re.compile(
    r"^\W*(?:\d+[.)]?\s*)?(?:modified|changed|altered|updated|extended|changes to)\s+(?:existing\s+)?(?:database\s+)?(?:tables?|entities|models?)\b",
    re.I,
)
_COLUMNS = re.compile(
    r"^(?:(?:add|added|new)\s+columns?|(?:table |data |key |core |new |main |database |field |existing |additional |required |standard )*(?:columns?|fields?|attributes?|properties|schema|structure)(?: definitions?| added| list)?)$",
    re.I,
)
_INDEXES = re.compile(r"\bind(?:ex(?:es|ing)?|ices)\b", re.I)
_CONSTRAINTS = re.compile(r"\bconstraints?\b|\bdata integrity\b", re.I)
_RELATIONS = re.compile(
    r"\brelation(?:ship)?s?\b|\bforeign keys?\b|\breferential\b|\bcascade\b|\bassociations?\b", re.I
)
_ASIDE = re.compile(
    r"\bfuture\b|out of scope|not implemented|\brollback\b|\bdowngrade\b|\bdeprecated\b|\balternatives?\b|\brejected\b|anti-?patterns?"
    r"|\bin[- ]memory\b|\bstate transitions?\b|\bsample\b|\bexamples?\b|\btesting\b|\bvalidation\b|\bbusiness rules?\b|\bquer(?:y|ies)\b|\bnotes?\b"
    r"|\bsecurity\b|\bperformance\b|\bdata flow\b|\bapi\b|\blifecycle\b|\boperations?\b|\baccess patterns?\b|\bbackup\b|\bscal",
    re.I,
)
_NOT_NOW = re.compile(
    r"\bfuture\b|out of scope|not implemented|\brollback\b|\bdowngrade\b|\bdeprecated\b|\brejected\b|anti-?patterns?|\bphase (?:iv|v|vi)+ ?\(future",
    re.I,
)
_BOLD_NAME = re.compile(rf"^\*\*`?(?P<name>{WORD})`?(?:\s+(?:table|entity|model))?:?\*\*:?$", re.I)
_CODED_TABLE = re.compile(rf"^(?:the\s+)?[`*]+(?P<name>{WORD})[`*]+\s+table\b[^.|]{{0,60}}$", re.I)
_ENTITY_ITEM = re.compile(r"^(?P<name>[A-Z][A-Za-z0-9_]*)\s*(?:\([^)]*\))?\s*(?::|–|—|-\s|$)")
_FIELDS_BELOW = re.compile(r"^(?:key |main )?(?:fields|attributes|columns|properties)\s*:", re.I)
_TABLE_NAME = re.compile(rf"^(?:database\s+)?table(?:\s+name)?\s*:\s*(?P<name>{WORD}(?:\.{WORD})?)\b", re.I)
_ENTITY_NAME = re.compile(rf"^(?:entity(?:\s+name)?|name|model(?:\s+name)?|class)\s*:\s*(?P<name>{WORD})\s*$", re.I)


def place_blocks(blocks: Sequence[Block], path: str) -> tuple[Placed, ...]:
    """The blocks of a document, each with what it speaks of."""
    return tuple(_placed(blocks, path))


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where a reader stands: the headings, subjects and topics above, each with its level; list items have levels from 11."""

    headings: tuple[tuple[int, str], ...] = ()
    subjects: tuple[tuple[int, Subject], ...] = ()
    topics: tuple[tuple[int, Topic], ...] = ()
    topic: Topic = ""


def _placed(blocks: Sequence[Block], path: str) -> Iterator[Placed]:
    standing = _Standing()
    for index, block in enumerate(blocks):
        place = Place(path, block.line)
        if block.kind == "heading":
            standing = _below_heading(standing, block, place, _plain_table(block, blocks[index + 1 :], place))
        elif block.kind in ("paragraph", "item"):
            following = blocks[index + 1] if index + 1 < len(blocks) else None
            standing = _below_line(standing, block, following, place)
        subject = standing.subjects[-1][1] if standing.subjects else None
        names = tuple(text for _, text in standing.headings)
        yield Placed(block, subject, standing.topic, names, any(_NOT_NOW.search(name) for name in names))


def _plain_table(block: Block, after: Sequence[Block], place: Place) -> Subject | None:
    """The table that a heading names by a word that parts of documents have, too, when its columns stand right below."""
    word = plain(block.text).strip(" :")
    if word.lower() not in EITHER:
        return None
    below = next((one for one in after if one.kind != "paragraph"), None)
    if below is None or not _begins_columns(below, word):
        return None
    return Subject(word, place, "table" if word == word.lower() else "entity")


def _begins_columns(block: Block, name: str) -> bool:
    if block.kind == "fence":
        return re.search(rf"\bcreate\s+table\s+[^(]*\b{re.escape(name)}\b", block.text, re.I) is not None
    if block.kind == "table" and len(block.rows) > 1:
        header = " ".join(plain(cell) for cell in block.rows[0].cells[:3])
        return bool(re.search(r"\btype\b", header, re.I)) and bool(_ID_FIRST.match(block.rows[1].cells[0]))
    return block.kind == "item" and bool(_ID_FIRST.match(block.text))


def _below_heading(standing: _Standing, block: Block, place: Place, told: Subject | None) -> _Standing:
    text = plain(block.text)
    headings = (*(one for one in standing.headings if one[0] < block.depth), (block.depth, text))
    subjects = tuple(one for one in standing.subjects if one[0] < block.depth)
    topics = tuple(one for one in standing.topics if one[0] < block.depth)
    found, own = name_of_heading(block.text, place), topic_of(text)
    if told is not None or (found is not None and found.kind == "table" and own == "aside"):
        found, own = told or found, ""
    topic: Topic = own if own or found is None else "columns"
    topics = (*topics, (block.depth, topic or (topics[-1][1] if topics else "")))
    if found is not None and own != "aside":
        subjects = (*subjects, (block.depth, found))
    return _Standing(headings, subjects, topics, topics[-1][1])


def _below_line(standing: _Standing, block: Block, following: Block | None, place: Place) -> _Standing:
    """After a paragraph or an item: it may name the subject, and announce what follows."""
    text = plain(block.text)
    known = standing.subjects[-1][1] if standing.subjects else None
    subject = _renamed(known, text, place) or _entity_of_item(block, following, place)
    subject = subject or _table_in_bold(block, following, place)
    if subject is not None and block.kind == "item":
        standing = _below_naming_item(standing, subject, block)
    elif subject is not None:
        level = standing.subjects[-1][0] if standing.subjects else 9
        kept = tuple(one for one in standing.subjects if one[0] < level)
        standing = replace(standing, subjects=(*kept, (level, subject)))
    elif block.kind == "paragraph":
        standing = replace(standing, subjects=tuple(one for one in standing.subjects if one[0] <= 10))
    label = topic_of_label(block)
    if label is not None:
        return replace(standing, topic=label)
    if block.kind == "paragraph" and not text.endswith(":") and standing.topics:
        return replace(standing, topic=standing.topics[-1][1])
    return standing


def _below_naming_item(standing: _Standing, subject: Subject, block: Block) -> _Standing:
    """`Table Name: x` names the table that a heading speaks of; `Table: X` begins one whose columns are nested below."""
    level = 10 + block.depth
    kept = tuple(one for one in standing.subjects if one[0] < level)
    if kept and subject == kept[-1][1]:
        return replace(standing, subjects=kept)
    renames = bool(kept) and subject.kind == "table" and _TABLE_NAME.match(plain(block.text)) is not None
    if renames:
        return replace(standing, subjects=(*kept, (kept[-1][0], subject)), topic=standing.topic or "columns")
    return replace(standing, subjects=(*kept, (level, subject)), topic="columns")


def _table_in_bold(block: Block, following: Block | None, place: Place) -> Subject | None:
    """The table that a line in bold names, right above its columns: `**users**`."""
    text = block.text.strip()
    match = (_BOLD_NAME.match(text) or _CODED_TABLE.match(text)) if block.kind == "paragraph" else None
    if match is None or following is None or following.kind != "table" or match["name"].lower() in NOT_NAMES:
        return None
    return Subject(match["name"], place)


def _entity_of_item(block: Block, following: Block | None, place: Place) -> Subject | None:
    """The entity that an item names when its fields are nested below: `**Task**: what is done`, `Fields: id, title`."""
    nested = following is not None and following.kind == "item" and following.depth > block.depth
    if block.kind != "item" or following is None or not nested or not _FIELDS_BELOW.match(plain(following.text)):
        return None
    match = _ENTITY_ITEM.match(plain(block.text))
    return Subject(match["name"], place, "shape" if is_shape(match["name"]) else "entity") if match else None


def is_changed(placed: Placed, columns: Iterable[StatedColumn]) -> bool:
    """Whether these are further columns of a table that stands already, below "Modified Tables"."""
    return any(_CHANGED.match(name) for name in placed.path) and not any(
        one.primary_key or one.name.lower() == "id" for one in columns
    )


def topic_of(text: str) -> Topic:
    """What a heading announces, "" when it announces nothing of these."""
    words = text.strip(" :*")
    if _COLUMNS.match(re.sub(r"\([^)]*\)", "", words).strip()):
        return "columns"
    if _INDEXES.search(words):
        return "indexes"
    if _RELATIONS.search(words):
        return "relations"
    if _CONSTRAINTS.search(words):
        return "constraints"
    return "aside" if _ASIDE.search(words) else ""


def topic_of_label(block: Block) -> Topic | None:
    """What a bold label, or a list item that ends with a colon, announces for what follows; None when it is no label."""
    first = block.text.strip().partition("\n")[0].strip()
    text = plain(first)
    bold = re.match(r"^\*\*([^*]+)\*\*\s*(?:\([^)]*\))?\s*(:?)\s*(.*)$", first)
    if block.kind == "item" and not text.endswith(":"):
        return None
    if bold is None and not text.endswith(":"):
        return None
    if bold is not None and bold[3] and block.kind == "paragraph":
        return None
    label = plain(bold[1] if bold else text).strip(" :")
    if len(label.split()) > 7:
        return None
    found = topic_of(label)
    return found or ("aside" if block.kind == "paragraph" else None)


def _renamed(subject: Subject | None, text: str, place: Place) -> Subject | None:
    """The subject that a line names: `Table Name: tasks`, `Entity Name: User`; None when it names none."""
    lines = text.split("\n")
    table = _TABLE_NAME.match(lines[0])
    if table:
        kind: Kind = "table" if table["name"] == table["name"].lower() or "name" in lines[0].lower() else "entity"
        known = subject or Subject(table["name"], place)
        return replace(known, name=table["name"].rpartition(".")[2], kind=kind, place=place)
    entity = _ENTITY_NAME.match(lines[0])
    if entity and (subject is not None or "entity" in lines[0].lower()) and not end_of_type(entity["name"]):
        shaped = is_shape(entity["name"]) or (subject is not None and subject.kind == "shape")
        known = subject or Subject(entity["name"], place)
        return replace(known, name=entity["name"], kind="shape" if shaped else "entity")
    return None
