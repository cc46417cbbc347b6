"""Findings of the rules held against counts of the same mistakes that are made from the models' metadata, by other code.

    python -m benchmarks.counted_rules FOLDER [project ...]

FOLDER holds projects with models.json (create_all_ddl; tables with columns, pk, fks, indexes and uniques). The counts are made
from the metadata alone and by the plain definition of each mistake; the findings from a database that the DDL was run on.
Printed: a row a mistake with both sums and projects, then each place that one side has and the other has not.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.spec_drift import made, models_of, projects_in
from mcp_server.model.schema import Constraint, Index, Schema
from mcp_server.rules import judge
from mcp_server.world.sandbox import Sandboxes, open_sandboxes

Place = tuple[str, str]  # the table, and the columns or "" for the table itself
ALLOWED = 0.05
MISTAKES = {
    "S101": "table without primary key", "S102": "foreign key without index", "S103": "foreign key without ondelete",
    "S104": "naive timestamp", "S105": "index made twice", "S106": "index on the primary key", "S107": "index covered by another",
    "S108": "json, not jsonb", "S109": "reserved name of a table", "S110": "state as bare text", "S111": "row time nullable",
    "S112": "created_at without server default", "S113": "moment as text", "S114": "boolean nullable",
    "S115": "reference without foreign key", "S116": "money as float", "O104": "updated_at without onupdate",
}  # fmt: skip
STATES = re.compile(r"(?:^|_)(?:status|priority|role)$")
_REFERS = re.compile(r"_id$|[a-z]Id$")
CREATED = ("created_at", "createdat", "created_on", "created")
CHANGED = ("updated_at", "updatedat", "modified_at", "changed_at")
RESERVED = (
    "user",
    "order",
    "group",
    "table",
    "end",
    "column",
    "check",
    "default",
    "references",
    "grant",
    "limit",
    "offset",
    "desc",
    "when",
)


def counted(tables: Mapping[str, Any]) -> Iterator[tuple[str, Place]]:
    """Every mistake that the metadata shows."""
    for name, table in tables.items():
        if not table["pk"]:
            yield "S101", (name, "")
        if name in RESERVED:
            yield "S109", (name, "")
        for column, told in table["columns"].items():
            yield from ((code, (name, column)) for code in _of_column(column, told, table, tables))
        yield from _of_keys(name, table)
        yield from _of_indexes(name, table)


def _of_column(
    name: str, told: Mapping[str, Any], table: Mapping[str, Any], tables: Mapping[str, Any]
) -> Iterator[str]:
    kind, lower = told["type"].upper(), name.lower()
    is_text, is_moment = kind.startswith(("VARCHAR", "TEXT")), kind.startswith("TIMESTAMP")
    checked = any(re.search(rf"\b{re.escape(name)}\b", str(check)) for check in table["checks"])
    keyed = any(name in key["columns"] for key in table["fks"])
    rules = {
        "S104": kind == "TIMESTAMP WITHOUT TIME ZONE",
        "S108": kind == "JSON",
        "S110": is_text and bool(STATES.search(lower)) and not checked and not keyed,
        "S111": is_moment and lower in CREATED + CHANGED and told["nullable"],
        "S112": is_moment and lower in CREATED and told["server_default"] is None,
        "S113": is_text and bool(re.search(r"(?:_at|_date|_time|date|timestamp)$", lower)),
        "S114": kind == "BOOLEAN" and told["nullable"],
        "S115": bool(_REFERS.search(name)) and not keyed and name not in table["pk"] and _leads(lower, tables),
        "S116": kind.startswith(("FLOAT", "DOUBLE", "REAL")) and bool(re.search(r"price|amount|cost|total|balance", lower)),
        "O104": is_moment and lower in CHANGED and told["onupdate"] is None,
    }  # fmt: skip
    yield from (code for code, is_so in rules.items() if is_so)


def _leads(column: str, tables: Mapping[str, Any]) -> bool:
    """Whether a column is named after a table that is there, or after whoever owns the row."""
    thing = column.removesuffix("id").removesuffix("_")
    plurals = (thing, f"{thing}s", f"{thing.removesuffix('y')}ies")
    return thing in ("user", "owner") or any(one in tables for one in plurals)


def _of_keys(name: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Place]]:
    leading = [_plain(one["columns"]) for one in table["indexes"] if not one["where"]]
    leading += [list(table["pk"]), *(_plain(_columns(one)) for one in table["uniques"])]
    for key in table["fks"]:
        at = (name, ",".join(key["columns"]))
        if key["ondelete"] is None:
            yield "S103", at
        if not any(one[: len(key["columns"])] == key["columns"] for one in leading):
            yield "S102", at


def _columns(unique: Any) -> list[str]:
    return list(unique["columns"] if isinstance(unique, dict) else unique)


def _plain(keys: list[str]) -> list[str]:
    return [str(one).rpartition(".")[2].lower().removesuffix(" desc").strip() for one in keys]


def _of_indexes(name: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Place]]:
    """Indexes of the same columns, of the primary key, of the first columns of another. Only plain ones can be told so."""
    plain = [one for one in table["indexes"] if not one["where"] and not one["using"]]
    keys = [",".join(one["columns"]) for one in plain]
    uniques = [",".join(_columns(one)) for one in table["uniques"]]
    for number, (index, key) in enumerate(zip(plain, keys, strict=True)):
        others = keys[:number] + uniques
        if key == ",".join(table["pk"]):
            yield "S106", (name, key)
        elif key in others:
            yield "S105", (name, key)
        elif not index["unique"] and any(one.startswith(f"{key},") for one in keys + uniques + [",".join(table["pk"])]):
            yield "S107", (name, key)


async def found(schema: Schema, document: Mapping[str, Any]) -> list[tuple[str, Place]]:
    """What the rules find."""
    models = models_of(dict(document))
    tables = {one.name: one.table for one in models.classes}
    places = []
    for finding in judge(schema, models).findings:
        if finding.code in MISTAKES:
            places.append((finding.code, _place(finding.subject, schema, tables)))
    return places


def _place(subject: str, schema: Schema, tables: Mapping[str, str]) -> Place:
    """The table and the columns that a finding is about: a column, a key, an index or a table."""
    for item in (*schema.all(Constraint), *schema.all(Index)):
        if subject in (item.identity, f"{item.table}.{item.name}", item.name):
            columns = tuple(one for one in item.columns if one)
            return _name(item.table), ",".join(columns)
    table, _, column = subject.removeprefix("public.").partition(".")
    return _name(tables.get(table, table)), column.strip('"')


def _name(table: str) -> str:
    return table.removeprefix("public.").strip('"')


async def main(projects: list[Path]) -> int:
    """Print the table and the differences. -> 0 when every sum is within 5 % of what was counted."""
    mine: set[tuple[str, str, Place]] = set()
    theirs: set[tuple[str, str, Place]] = set()
    with TemporaryDirectory() as cache:
        sandboxes: Sandboxes = await open_sandboxes(cache=Path(cache))
        try:
            for project in projects:
                if not (project / "models.json").is_file():
                    continue
                document = json.loads((project / "models.json").read_text())
                schema = await made(sandboxes, document["create_all_ddl"])
                mine |= {(code, project.name, at) for code, at in counted(document["tables"])}
                theirs |= {(code, project.name, at) for code, at in await found(schema, document)}
        finally:
            await sandboxes.close()
    return _print(mine, theirs)


def _print(mine: set[tuple[str, str, Place]], theirs: set[tuple[str, str, Place]]) -> int:
    print("| rule | mistake | counted | projects | found | projects | |\n|---|---|---|---|---|---|---|")
    apart = 0
    for code, mistake in MISTAKES.items():
        sums = [[one for one in side if one[0] == code] for side in (mine, theirs)]
        told = " | ".join(f"{len(one)} | {len({project for _, project, _ in one})}" for one in sums)
        is_near = abs(len(sums[0]) - len(sums[1])) <= ALLOWED * max(len(sums[0]), 1)
        apart += not is_near
        print(f"| {code} | {mistake} | {told} | {'' if is_near else 'apart'} |")
    for title, side in (("counted and not found", mine - theirs), ("found and not counted", theirs - mine)):
        print(f"\n{title}:")
        print(
            "".join(f"    {code} {project} {table}.{column}\n" for code, project, (table, column) in sorted(side)),
            end="",
        )
    return 1 if apart else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(projects_in(Path(sys.argv[1]), sys.argv[2:]))))
