"""The names of tables and entities that headings give, and what is no name but a part of a document."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mcp_server.model.orm import Place
from mcp_server.model.spec import Kind, StatedColumn, kind_of_name
from mcp_server.world.markdown import plain

_NUMBER = r"(?:\d+(?:\.\d+)*[.):]?|[A-Z]\.|[ivx]+\.)"
_LEADING = re.compile(
    rf"^(?:[^\w`*'\"]+|{_NUMBER}\s+|(?:new|updated?|existing|extended|core|enhanced|modified|proposed|main)\s+(?=\S))+",
    re.I,
)
WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_LABELLED = re.compile(
    rf"^(?P<what>table|entity|model|core entity|database table|collection)(?:\s+name)?\s*(?:\d+\s*)?[:\-–—]\s*(?P<name>{WORD}(?:\s+{WORD}){{0,2}})\s*$",
    re.I,
)
_SUFFIXED = re.compile(
    rf"^(?:the\s+)?(?P<name>{WORD}(?:\s+{WORD}){{0,2}})\s+(?P<what>table|entity|model|schema|collection|sqlmodel|class)(?:\s+(?:schema|definition|structure|fields|columns|design|specification))?$",
    re.I,
)
_BARE = re.compile(rf"^(?P<name>{WORD}(?:\s*/\s*{WORD})?)$")
NOT_NAMES = frozenset(
    """overview introduction summary entities entity tables table fields field columns column attributes attribute
    schema schemas structure indexes indices indexing index constraints constraint relationships relationship relations
    relation validation validations notes note description purpose security performance migrations migration references
    testing operations state states lifecycle example examples properties types enums enum enumerations models model
    definitions definition input output process usage queries query scalability versioning data database storage
    diagram diagrams erd checklist scope api frontend backend types assumptions requirements clarifications errors
    error backup monitoring retention approach rationale status goals goal context conclusion dependencies tools technology
    feature features specification spec plan glossary
    configuration connection implementation integration phase""".split()  # noqa: SIM905
)
# What is a table's name where its columns stand below, and a part of a document else.
EITHER = frozenset(
    """notes note goals goal tools errors error phases phase contexts context states status models model types examples
    assumptions requirements dependencies checklist technology connections connection configuration integration inputs outputs
    references operations processes process queries migrations diagrams backup""".split()  # noqa: SIM905
)
_SHAPE = re.compile(
    r"(?:create|update|read|response|request|dto|base|props|state|public|payload|params?|input|output|event|result|config|configuration"
    r"|interface|component|context|store|cache|options|error|exception|service|manager|handler|hook|filters?|form|view|page|token|settings|command"
    r"|validation|lifecycle|object|schema|structure|flow|query|queries|operations?)$",
    re.IGNORECASE,
)
_TRAVELS = re.compile(
    r"(?:create|update|read|response|request|dto|base|props|payload|params?|input|output|interface|component|exception|handler|hook|manager|command|validation|schema|structure|flow|object)$",
    re.I,
)
EXTERNAL = re.compile(
    r"(?:managed|owned|created|provided|handled|maintained)\s+(?:entirely\s+|fully\s+|internally\s+|automatically\s+)?by\s+(?P<owner>better[ -]?auth|next-?auth|auth\.js|clerk|supabase(?: auth)?|lucia|auth0)",
    re.I,
)
_OWNER_NAMED = re.compile(
    r"\((?:from |via |in )?(?P<owner>better[ -]?auth|next-?auth|clerk|supabase(?: auth)?)[^)]*\)", re.I
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is spoken of. kind: as in StatedTable, "" when only the columns below can tell whether it is a table."""

    name: str
    place: Place
    kind: Kind | Literal[""] = ""
    external: bool = False
    owner: str = ""


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
        is_said = "table" in what and name.lower() in EITHER
        if not is_said and (name.lower() in NOT_NAMES or _pure(match["name"])):
            return None
        if "table" in what and _LABELLED.match(words):
            return (name, "table" if name == name.lower() else "entity")
        if "table" in what:
            return (name.lower(), "table")
        return (name, "shape" if what in ("schema", "class") or _SHAPE.search(name) else "entity")
    bare = _BARE.match(words)
    if bare and bare["name"].lower() not in NOT_NAMES and "/" not in bare["name"]:
        return (bare["name"], "shape" if is_shape(bare["name"]) else "")
    return None


def kind_told(subject: Subject, columns: Iterable[StatedColumn]) -> Kind:
    """What a subject is by what is told of it: `RefreshToken` with a primary key is a table's, and travels nowhere."""
    if subject.kind == "shape" and not _TRAVELS.search(subject.name) and any(one.primary_key for one in columns):
        return "entity"
    return subject.kind or kind_of_name(subject.name)


def is_shape(name: str) -> bool:
    """Whether a name is that of what travels between programs, or is held by one: `TaskCreate`, `LoginResponse`."""
    return bool(_SHAPE.search(name)) and name[:1].isupper()


def _pure(name: str) -> bool:
    """Whether a name is made of words that name parts of a document."""
    return all(
        word.lower() in NOT_NAMES or word.lower() in ("the", "a", "all", "new", "full", "complete")
        for word in name.split()
    )


def _joined(name: str, glue: str) -> str:
    words = name.split()
    return glue.join(words).lower() if glue and len(words) > 1 else "".join(words)
