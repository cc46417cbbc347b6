"""Which table each block of a document speaks of, and what of it: columns, indexes, constraints, relations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mcp_server.model.orm import Place
from mcp_server.model.spec import Kind
from mcp_server.world.markdown import Block, plain
from mcp_server.world.spec_types import end_of_type

Topic = Literal["", "columns", "indexes", "constraints", "relations", "values", "aside"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is spoken of. kind: as in StatedTable, "" when only the columns below can tell whether it is a table."""

    name: str
    place: Place
    kind: Kind | Literal[""] = ""
    external: bool = False
    owner: str = ""


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


_NUMBER = r"(?:\d+(?:\.\d+)*[.):]?|[A-Z]\.|[ivx]+\.)"
_LEADING = re.compile(
    rf"^(?:[^\w`*'\"]+|{_NUMBER}\s+|(?:new|updated?|existing|extended|core|enhanced|modified|proposed|main)\s+(?=\S))+",
    re.I,
)
_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_LABELLED = re.compile(
    rf"^(?P<what>table|entity|model|core entity|database table|collection)(?:\s+name)?\s*(?:\d+\s*)?[:\-–—]\s*(?P<name>{_WORD}(?:\s+{_WORD}){{0,2}})\s*$",
    re.I,
)
_SUFFIXED = re.compile(
    rf"^(?:the\s+)?(?P<name>{_WORD}(?:\s+{_WORD}){{0,2}})\s+(?P<what>table|entity|model|schema|collection|sqlmodel|class)(?:\s+(?:schema|definition|structure|fields|columns|design|specification))?$",
    re.I,
)
_BARE = re.compile(rf"^(?P<name>{_WORD}(?:\s*/\s*{_WORD})?)$")
_PAIR = re.compile(rf"^(?P<name>{_WORD})\s*(?:→|->|<->|↔|—|--|to)\s*{_WORD}", re.I)
_NOT_NAMES = frozenset(
    """overview introduction summary entities entity tables table fields field columns column attributes attribute
    schema schemas structure indexes indices indexing index constraints constraint relationships relationship relations
    relation validation validations notes note description purpose security performance migrations migration references
    testing operations state states lifecycle example examples properties types enums enum enumerations models model
    definitions definition input output process usage queries query scalability versioning data database storage
    diagram diagrams erd checklist scope api frontend backend types assumptions requirements clarifications errors
    error backup monitoring retention approach rationale status goals goal context conclusion dependencies tools technology
    configuration connection implementation integration phase""".split()  # noqa: SIM905
)
_SHAPE = re.compile(
    r"(?:create|update|read|response|request|dto|base|props|state|public|payload|params?|input|output|event|result|config|configuration"
    r"|interface|component|context|store|cache|options|error|exception|service|manager|handler|hook|filters?|form|view|page|token|settings|command"
    r"|validation|lifecycle|object|schema|structure|flow|query|queries|operations?)$",
    re.IGNORECASE,
)
_COLUMNS = re.compile(
    r"^(?:(?:table |data |key |core |new |main |database |field |existing |additional |required |standard )*(?:columns?|fields?|attributes?|properties|schema|structure)(?: definitions?| added| list)?)$",
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
EXTERNAL = re.compile(
    r"(?:managed|owned|created|provided|handled|maintained)\s+(?:entirely\s+|fully\s+|internally\s+|automatically\s+)?by\s+(?P<owner>better[ -]?auth|next-?auth|auth\.js|clerk|supabase(?: auth)?|lucia|auth0)",
    re.I,
)
_OWNER_NAMED = re.compile(
    r"\((?:from |via |in )?(?P<owner>better[ -]?auth|next-?auth|clerk|supabase(?: auth)?)[^)]*\)", re.I
)
_BOLD_NAME = re.compile(rf"^\*\*`?(?P<name>{_WORD})`?(?:\s+(?:table|entity|model))?:?\*\*:?$", re.I)
_ENTITY_ITEM = re.compile(r"^(?P<name>[A-Z][A-Za-z0-9_]*)\s*(?:\([^)]*\))?\s*(?::|–|—|-\s|$)")
_FIELDS_BELOW = re.compile(r"^(?:key |main )?(?:fields|attributes|columns|properties)\s*:", re.I)
_TABLE_NAME = re.compile(rf"^(?:database\s+)?table(?:\s+name)?\s*:\s*(?P<name>{_WORD}(?:\.{_WORD})?)\b", re.I)
_ENTITY_NAME = re.compile(rf"^(?:entity(?:\s+name)?|name|model(?:\s+name)?|class)\s*:\s*(?P<name>{_WORD})\s*$", re.I)


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
            standing = _below_heading(standing, block, place)
        elif block.kind in ("paragraph", "item"):
            following = blocks[index + 1] if index + 1 < len(blocks) else None
            standing = _below_line(standing, block, following, place)
        subject = standing.subjects[-1][1] if standing.subjects else None
        names = tuple(text for _, text in standing.headings)
        yield Placed(block, subject, standing.topic, names, any(_NOT_NOW.search(name) for name in names))


def _below_heading(standing: _Standing, block: Block, place: Place) -> _Standing:
    text = plain(block.text)
    headings = (*(one for one in standing.headings if one[0] < block.depth), (block.depth, text))
    subjects = tuple(one for one in standing.subjects if one[0] < block.depth)
    topics = tuple(one for one in standing.topics if one[0] < block.depth)
    found, own = name_of_heading(block.text, place), topic_of(text)
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
    match = _BOLD_NAME.match(block.text.strip()) if block.kind == "paragraph" else None
    if match is None or following is None or following.kind != "table" or match["name"].lower() in _NOT_NAMES:
        return None
    return Subject(match["name"], place)


def _entity_of_item(block: Block, following: Block | None, place: Place) -> Subject | None:
    """The entity that an item names when its fields are nested below: `**Task**: what is done`, `Fields: id, title`."""
    nested = following is not None and following.kind == "item" and following.depth > block.depth
    if block.kind != "item" or following is None or not nested or not _FIELDS_BELOW.match(plain(following.text)):
        return None
    match = _ENTITY_ITEM.match(plain(block.text))
    return Subject(match["name"], place, "shape" if is_shape(match["name"]) else "entity") if match else None


def name_of_heading(text: str, place: Place) -> Subject | None:
    """The table or entity that a heading names: `### Users Table`, `## Entity: Task`, ``### 2.1 User Table (`user`)``."""
    owner = EXTERNAL.search(plain(text)) or _OWNER_NAMED.search(plain(text))
    coded = re.findall(r"`([A-Za-z_][\w.]*)`", text)
    words = _LEADING.sub("", re.sub(r"\([^)]*\)", " ", plain(text))).strip(" :.-–—*")
    words = re.sub(r"\s+[-–—:]\s+.*$", "", words) if not _LABELLED.match(words) else words
    found = _named(" ".join(words.split()))
    if found is None:
        return None
    name, kind = found
    if coded and kind in ("table", "entity") and not re.search(rf"`{re.escape(name)}`", text):
        name, kind = coded[0], "table"
    elif coded and kind == "" and coded[0] == name:
        kind = "table" if name == name.lower() else kind
    return Subject(name, place, kind, bool(owner), owner["owner"] if owner else "")


def _named(words: str) -> tuple[str, Kind | Literal[""]] | None:
    match = _LABELLED.match(words) or _SUFFIXED.match(words)
    if match:
        what = match["what"].lower()
        name = _joined(match["name"], "_" if "table" in what else "")
        if name.lower() in _NOT_NAMES or _pure(match["name"]):
            return None
        if "table" in what and _LABELLED.match(words):
            return (name, "table" if name == name.lower() else "entity")
        if "table" in what:
            return (name.lower(), "table")
        return (name, "shape" if what in ("schema", "class") or _SHAPE.search(name) else "entity")
    bare = _BARE.match(words)
    if bare and bare["name"].lower() not in _NOT_NAMES and "/" not in bare["name"]:
        return (bare["name"], "shape" if is_shape(bare["name"]) else "")
    return None


def is_shape(name: str) -> bool:
    """Whether a name is that of what travels between programs, or is held by one: `TaskCreate`, `LoginResponse`."""
    return bool(_SHAPE.search(name)) and name[:1].isupper()


def _pure(name: str) -> bool:
    """Whether a name is made of words that name parts of a document."""
    return all(
        word.lower() in _NOT_NAMES or word.lower() in ("the", "a", "all", "new", "full", "complete")
        for word in name.split()
    )


def _joined(name: str, glue: str) -> str:
    words = name.split()
    return glue.join(words).lower() if glue and len(words) > 1 else "".join(words)


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
