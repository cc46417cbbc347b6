"""Objects that a script expects to stand already, made up one after the other as Postgres asks for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from mcp_server.model.names import quote
from mcp_server.model.observation import Observed
from mcp_server.operations.walking import actions_of
from mcp_server.world.actions import split_statements

MOST = 40
TYPES = (
    "integer",
    "text",
    "bigint",
    "timestamp",
    "boolean",
    "jsonb",
    "uuid",
    "date",
    "numeric(10,2)",
    "int4range",
    "varchar(255)",
)
RELATION = re.compile(r'(?:relation|table|view|index) "([^"]+)" does not exist')
COLUMN = re.compile(
    r'column "([^"]+)" (?:of relation "([^"]+)" |named in key |referenced in foreign key constraint )?(?:.*)does not exist'
)
TYPE = re.compile(r'type "([^"]+)" does not exist')
SCHEMA = re.compile(r'schema "([^"]+)" does not exist')
CONSTRAINT = re.compile(r'constraint "([^"]+)" of (?:relation|domain) "([^"]+)" does not exist')


@dataclass
class Ground:
    """What was made up so far. columns: types by table and column; others: statements in their order."""

    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    tried: dict[tuple[str, str], int] = field(default_factory=dict)

    def sql(self) -> str:
        """The statements that make it all; without rows, because made-up values would refuse what real ones allow."""
        made = [*self.before]
        for table, columns in self.tables.items():
            listed = ", ".join(f"{quote(name)} {kind}" for name, kind in columns.items())
            made.append(f"create table {table} (id bigint primary key{', ' if listed else ''}{listed})")
        return ";\n".join([*made, *self.after])


def supply(ground: Ground, seen: Observed) -> bool:
    """Make up what a refused statement asked for; False when it cannot be known."""
    text = seen.error
    if found := SCHEMA.search(text):
        ground.before.append(f"create schema if not exists {quote(found[1])}")
        return True
    if found := CONSTRAINT.search(text):
        return _constraint(ground, found[1], found[2])
    if (found := COLUMN.search(text)) and ("column" in text):
        return _column(ground, found[1], found[2] or "", seen.sql)
    if found := TYPE.search(text):
        return _type(ground, found[1], seen.sql)
    if found := RELATION.search(text):
        return _relation(ground, found[1], seen.sql)
    if seen.sqlstate in ("42883", "42804", "22P02", "42601", "22007", "42846", "42P18", "0A000", "42830"):
        return _other_type(ground, seen)
    return False


def _relation(ground: Ground, name: str, sql: str) -> bool:
    plain = ".".join(quote(part) for part in name.split("."))
    verbs = {action.verb: action for action in actions_of(sql)}
    about_index = any(verb.endswith("index") for verb in verbs) and "create index" not in verbs
    if about_index or any(action.index.strip('"') == name for action in verbs.values()):
        return _index(ground, plain, verbs)
    if "refresh materialized view" in verbs or "drop materialized view" in verbs:
        ground.after.append(f"create materialized view {plain} as select g as id from generate_series(1, 9) g")
        ground.after.append(f"create unique index on {plain} (id)")
        return True
    if "drop view" in verbs:
        ground.after.append(f"create view {plain} as select 1 as id")
        return True
    if {"attach partition", "detach partition"} & verbs.keys() or any(
        "partition of" in one.flags for one in verbs.values()
    ):
        return _partitioned(ground, plain, verbs)
    if plain in ground.tables:
        return False
    ground.tables[plain] = {}
    return True


def _index(ground: Ground, name: str, verbs: dict[str, object]) -> bool:
    ground.tables.setdefault("made_up", {"value": "integer not null default 1"})
    table = next((getattr(one, "relation", "") for one in verbs.values() if getattr(one, "index", "")), "") or "made_up"
    ground.tables.setdefault(table, {})
    unique = "unique " if table != "made_up" else ""
    column = "id" if table != "made_up" else "value"
    schema, _, plain = name.rpartition(".")
    ground.after.append(
        f"create {unique}index {plain} on {table} ({column})"
        if not schema
        else f"create table {schema}.t_{len(ground.after)} (id int)"
    )
    return not schema


def _partitioned(ground: Ground, name: str, verbs: dict[str, object]) -> bool:
    one = next(iter(verbs.values()))
    parent = (
        getattr(one, "references", "") if "partition of" in getattr(one, "flags", ()) else getattr(one, "relation", "")
    )
    if name == parent.strip():
        ground.before.append(
            f"create table {name} (id bigint not null, created_at date not null) partition by range (created_at)"
        )
    elif "detach partition" in verbs:
        ground.before.append(
            f"create table {name} partition of {parent} for values from ('1990-01-01') to ('1991-01-01')"
        )
    else:
        ground.before.append(f"create table {name} (id bigint not null, created_at date not null)")
    return True


def _column(ground: Ground, name: str, relation: str, sql: str) -> bool:
    named = [action.relation for action in actions_of(sql) if action.relation]
    targets = [relation] if relation else [*named, *(one.references for one in actions_of(sql) if one.references)]
    for target in targets:
        plain = next(
            (key for key in ground.tables if key.rpartition(".")[2].strip('"') == target.rpartition(".")[2].strip('"')),
            "",
        )
        if plain and name not in ground.tables[plain]:
            ground.tables[plain][name] = _guess(name, sql)
            return True
    return False


def _guess(name: str, sql: str) -> str:
    for action in actions_of(sql):
        if action.verb == "alter column type" and action.name == name:
            return "integer" if action.type not in ("integer", "boolean") else "text"
    return "bigint" if name.endswith(("id", "_pk")) else TYPES[0]


def _type(ground: Ground, name: str, sql: str) -> bool:
    plain = ".".join(quote(part) for part in name.split("."))
    about_domain = any("domain" in action.verb for action in actions_of(sql))
    values = (
        "'"
        + "', '".join(
            dict.fromkeys(
                re.findall(r"(?:before|after|rename value)\s+'([^']+)'", sql, re.IGNORECASE) or ["one", "two"]
            )
        )
        + "'"
    )
    ground.before.append(
        f"create domain {plain} as text" if about_domain else f"create type {plain} as enum ({values})"
    )
    return True


def _constraint(ground: Ground, name: str, relation: str) -> bool:
    plain = next((key for key in ground.tables if key.rpartition(".")[2].strip('"') == relation), "")
    if not plain:
        return False
    ground.after.append(f"alter table {plain} add constraint {quote(name)} check (id > 0) not valid")
    return True


def _other_type(ground: Ground, seen: Observed) -> bool:
    """The next type for a column that the statement names."""
    words = set(re.findall(r"\w+", seen.sql))
    for table, columns in ground.tables.items():
        for name in columns:
            number = ground.tried.get((table, name), 0) + 1
            if name in words and number < len(TYPES):
                ground.tried[(table, name)] = number
                columns[name] = TYPES[number]
                return True
    return False


def statements_of(sql: str | Sequence[str]) -> tuple[str, ...]:
    """The statements of a text, or of several."""
    texts = [sql] if isinstance(sql, str) else sql
    return tuple(one for text in texts for one in split_statements(text))
