"""Oids and attribute numbers of one reading, and the names they stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mcp_server.errors import DatabaseError
from mcp_server.model.names import quote
from mcp_server.model.schema import Grant, qualified

_BOUNDS = {"smallint": 32767, "integer": 2147483647, "bigint": 9223372036854775807}
Sections = dict[str, dict[int, str]]
US, RS, GS, FS = "\x1f", "\x1e", "\x1d", "\x1c"
# Source: the table of access privilege letters in the manual, "5.8 Privileges".
_PRIVILEGES = {
    "r": "select", "w": "update", "a": "insert", "d": "delete", "D": "truncate", "x": "references", "t": "trigger",
    "m": "maintain", "X": "execute", "U": "usage", "C": "create", "c": "connect", "T": "temporary",
}  # fmt: skip
_ACL_ITEM = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,]+)')
_ACL_ROLE = re.compile(r'("(?:[^"]|"")*"|[^=]*)=([A-Za-z*]*)/')
ENABLED: dict[str, Literal["origin", "disabled", "replica", "always"]] = {
    "O": "origin", "D": "disabled", "R": "replica", "A": "always",
}  # fmt: skip
CLASS = {"relation": "1259", "type": "1247", "constraint": "2606", "trigger": "2620", "policy": "3256", "rule": "2618",
         "function": "1255", "schema": "2615", "extension": "3079", "statistics": "3381", "publication": "6104",
         "event trigger": "3466"}  # fmt: skip


# How many fields a record of a section has.
SIZES = {"A": 7, "C": 13, "I": 19, "G": 5, "P": 7, "W": 4, "Z": 6}


def records(payload: str, size: int) -> list[list[str]]:
    """The records of a payload, each with `size` fields.

    Raises DatabaseError when a name holds one of the control characters that part them.
    """
    found = [record.split(US) for record in payload.split(RS)]
    if any(len(record) != size for record in found):
        odd = next(record for record in found if len(record) != size)
        raise DatabaseError(
            f"An object near {odd[0]!r} has a control character (0x1c-0x1f) in its name or definition.",
            "Rename it: such a name cannot be told apart from the reader's own separators.",
        )
    return found


def flag(text: str) -> bool:
    """Postgres's boolean as COPY and concat() write it."""
    return text == "t"


def parts(text: str, separator: str) -> tuple[str, ...]:
    """A list that a section gathered with a separator; () for the empty text."""
    return tuple(text.split(separator)) if text else ()


@dataclass(frozen=True, slots=True)
class Type:
    """A row of pg_type that a column can name."""

    name: str
    kind: str
    schema: str
    plain: str
    owner: str
    storage: str
    collation: str
    detail: str
    category: str
    grants: str


class Lookup:
    """Names by oid; tables are built when first needed."""

    def __init__(self, sections: Sections) -> None:
        self.sections = sections
        self.version, self.database_owner, self.database = sections["s"][0].split(US)[:3]
        self._comments: dict[int, dict[tuple[str, str], str]] = {}
        self._attributes: dict[int, dict[str, str]] = {}
        self._rows: dict[str, list[list[str]]] = {}
        self._rows_of = 0

    def rows(self, tag: str, oid: int) -> list[list[str]]:
        """The records of a section about one relation; those of the latest relation are kept."""
        if oid != self._rows_of:
            self._rows, self._rows_of = {}, oid
        known = self._rows.get(tag)
        if known is None:
            payload = self.section(tag).get(oid)
            known = self._rows[tag] = records(payload, SIZES[tag]) if payload is not None else []
        return known

    def section(self, tag: str) -> dict[int, str]:
        return self.sections.get(tag, {})

    @cached_property
    def schemas(self) -> dict[str, str]:
        return {str(oid): payload.split(US, 1)[0] for oid, payload in self.section("S").items()}

    @cached_property
    def members(self) -> frozenset[str]:
        """Every member of an extension, as "classid oid"."""
        return frozenset(entry for payload in self.section("K").values() for entry in payload.split(RS))

    def is_member(self, word: str, oid: int) -> bool:
        return f"{CLASS[word]} {oid}" in self.members

    @cached_property
    def types(self) -> dict[str, Type]:
        found: dict[str, Type] = {}
        for oid, payload in self.section("Y").items():
            field = payload.split(US)
            name, kind, schema, plain, owner, storage, collation, detail, _, category, grants = field
            found[str(oid)] = Type(name, kind, schema, plain, owner, storage, collation, detail, category, grants)
        return found

    @cached_property
    def row_types(self) -> dict[str, str]:
        """Names of the row types of tables, and of arrays of them, by oid."""
        found: dict[str, str] = {}
        for oid in self.section("R"):
            field = self.relation_fields(oid)
            found[field[15]] = self.relation_name(oid)
            found[field[16]] = self.relation_name(oid) + "[]"
        return found

    @cached_property
    def identity_options(self) -> dict[int, dict[str, str]]:
        """What an identity column's sequence has beyond the default, as SQL, by table and attribute number."""
        found: dict[int, dict[str, str]] = {}
        for payload in self.section("Q").values():
            field = payload.split(US)
            if field[11] == "i":
                found.setdefault(int(field[12]), {})[field[13]] = _identity_options(field)
        return found

    def type_name(self, oid: str, with_modifier: str) -> str:
        """A type as columns.sql gives it: its oid, and the finished text where it has a modifier."""
        if with_modifier:
            return with_modifier
        known = self.types.get(oid)
        return known.name if known else self.row_types.get(oid, f"unknown type {oid}")

    def relation_fields(self, oid: int) -> list[str]:
        return records(self.section("R")[oid].replace(RS, FS), 21)[0]

    @cached_property
    def relation_names(self) -> dict[int, str]:
        """Identities of the relations that lie in a schema of the user's."""
        found: dict[int, str] = {}
        for oid, payload in self.section("R").items():
            namespace, name, _ = payload.split(US, 2)
            if namespace in self.schemas:
                found[oid] = qualified(self.schemas[namespace], name)
        for oid, payload in self.section("B").items():
            schema, name, _ = payload.split(US, 2)
            found.setdefault(oid, qualified(schema, name))
        return found

    def relation_name(self, oid: int) -> str:
        return self.relation_names.get(oid, str(oid))

    def attributes(self, oid: int) -> dict[str, str]:
        """Column names of a relation by attribute number."""
        known = self._attributes.get(oid)
        if known is None:
            if oid in self.section("A"):
                pairs = (record.split(US, 2)[:2] for record in self.section("A")[oid].split(RS))
            else:
                listed = self.section("B").get(oid, US * 2).split(US)[2]
                pairs = (record.split(GS) for record in parts(listed, RS))
            known = self._attributes[oid] = {entry[0]: entry[1] for entry in pairs}
        return known

    def column_names(self, oid: int, numbers: str) -> tuple[str, ...]:
        """Names for attribute numbers that stand parted by spaces."""
        names = self.attributes(oid)
        return tuple(names.get(number, "") for number in numbers.split())

    def owner(self, oid: str) -> str:
        """A role's name, "" for the owner of the database."""
        return "" if oid == self.database_owner else self.section("o").get(int(oid), oid)

    def grantee(self, role: str) -> str:
        """A role of an access list: "public", "" for the owner of the database, else its name."""
        if not role:
            return "public"
        return "" if role == self.section("o").get(int(self.database_owner)) else role

    def role(self, oid: str) -> str:
        return "public" if oid == "0" else self.section("o").get(int(oid), oid)

    def tablespace(self, oid: str) -> str:
        return self.section("t").get(int(oid), "") if oid != "0" else ""

    def collation(self, oid: str, own: str) -> str:
        """A collation as SQL, "" when it is the type's own."""
        if (oid or "100") in ("0", own):
            return ""
        namespace, name = self.section("L")[int(oid or 100)].split(US)
        return qualified(self.schemas.get(namespace, "pg_catalog"), name)

    def comment(self, word: str, oid: int, column: str = "0") -> str:
        payload = self.section("M").get(oid)
        if payload is None:
            return ""
        known = self._comments.get(oid)
        if known is None:
            entries = (record.split(US, 2) for record in payload.split(RS))
            known = self._comments[oid] = {(entry[0], entry[1]): entry[2] for entry in entries}
        return known.get((CLASS[word], column), "")

    def grants(self, word: str, target: str, listed: str) -> tuple[Grant, ...]:
        """Grant objects of an access list as the `:acl{}` mark writes it."""
        given, taken = privileges(listed)
        roles = sorted(given.keys() | taken.keys())
        return tuple(
            Grant(word, target, self.grantee(role), given.get(role, ()), taken.get(role, ())) for role in roles
        )


def privileges(listed: str) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """What an access list gives beyond Postgres's default, and what it takes away, by role ("" for everybody)."""
    if not listed:
        return {}, {}
    held, default = (_entries(text) for text in listed.split(GS))
    return _words(held, default), _words(default, held)


def _words(here: dict[str, set[str]], there: dict[str, set[str]]) -> dict[str, tuple[str, ...]]:
    """The privileges of `here` that `there` has not, in words, by role."""
    found = {role: letters - there.get(role, set()) for role, letters in here.items()}
    return {role: tuple(sorted(map(_word, letters))) for role, letters in found.items() if letters}


def _word(letter: str) -> str:
    return _PRIVILEGES[letter[0]] + (" with grant option" if letter.endswith("*") else "")


def _entries(text: str) -> dict[str, set[str]]:
    """An aclitem[] as Postgres prints it: letters, with a star for the grant option, by role."""
    found: dict[str, set[str]] = {}
    for match in _ACL_ITEM.finditer(text.strip("{}")):
        item = match[2] if match[1] is None else re.sub(r"\\(.)", r"\1", match[1])
        role, letters = _ACL_ROLE.match(item).groups()  # type: ignore[union-attr]
        plain = role[1:-1].replace('""', '"') if role.startswith('"') else role
        found.setdefault(plain, set()).update(re.findall(r"[A-Za-z]\*?", letters))
    return found


def option(text: str) -> str:
    """A storage parameter "name=value" as SQL."""
    name, _, value = text.partition("=")
    return f"{name}='{value}'" if value else quote(name)


def _identity_options(field: list[str]) -> str:
    start, increment, minimum, maximum, cache = (int(value) for value in field[3:8])
    up = increment > 0
    bound = _BOUNDS[field[2]]
    usual_minimum, usual_maximum = (1, bound) if up else (-bound - 1, -1)
    words = [
        f"START WITH {start}" if start != (minimum if up else maximum) else "",
        f"INCREMENT BY {increment}" if increment != 1 else "",
        f"MINVALUE {minimum}" if minimum != usual_minimum else "",
        f"MAXVALUE {maximum}" if maximum != usual_maximum else "",
        f"CACHE {cache}" if cache != 1 else "",
        "CYCLE" if flag(field[8]) else "",
    ]
    return " ".join(word for word in words if word)
