"""What the rules count on models of real projects, beside what a count of the models' metadata says.

    python -m benchmarks.faults <folder>

The folder holds `<project>/models.json`: the metadata of a project's classes as they were imported (tables with columns, keys,
indexes) and the DDL that they make. Each project's DDL is run on a throw-away Postgres and its tables are judged; the columns of
the table are rule, projects and places by the rule, projects and places by the metadata.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mcp_server.model.finding import Finding
from mcp_server.model.orm import ModelClass, ModelField, Models
from mcp_server.rules import judge
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes, open_sandboxes

Table = dict[str, Any]
Documents = dict[str, dict[str, Any]]
Counter = Callable[[str, Table], Iterator[str]]
RESERVED = {"user", "order", "group", "table", "end", "desc", "default", "check", "references", "limit", "offset"}


def naive(_: str, table: Table) -> Iterator[str]:
    yield from (name for name, one in table["columns"].items() if one["type"].startswith("TIMESTAMP WITHOUT"))


def without_on_delete(_: str, table: Table) -> Iterator[str]:
    yield from (",".join(key["columns"]) for key in table["fks"] if not key["ondelete"])


def without_index(_: str, table: Table) -> Iterator[str]:
    starts = [table["pk"], *(one["columns"] for one in table["indexes"] if not one["where"])]
    starts += [one["columns"] if isinstance(one, dict) else one for one in table["uniques"]]
    for key in table["fks"]:
        if not any(sorted(start[: len(key["columns"])]) == sorted(key["columns"]) for start in starts):
            yield ",".join(key["columns"])


def undated(_: str, table: Table) -> Iterator[str]:
    for name, one in table["columns"].items():
        if name in ("created_at", "createdAt") and not one["server_default"]:
            yield name


def never_updated(_: str, table: Table) -> Iterator[str]:
    for name, one in table["columns"].items():
        if name in ("updated_at", "updatedAt") and not one["onupdate"]:
            yield name


def bare_states(_: str, table: Table) -> Iterator[str]:
    checked = " ".join(str(one) for one in table["checks"])
    for name, one in table["columns"].items():
        is_state = re.search(r"(?:^|_)(?:status|priority|role)$", name) and re.match("VARCHAR|TEXT", one["type"])
        if is_state and name not in checked:
            yield name


def plain_json(_: str, table: Table) -> Iterator[str]:
    yield from (name for name, one in table["columns"].items() if one["type"] == "JSON")


def reserved(name: str, _: Table) -> Iterator[str]:
    if name in RESERVED:
        yield name


def nullable_booleans(_: str, table: Table) -> Iterator[str]:
    yield from (name for name, one in table["columns"].items() if one["type"] == "BOOLEAN" and one["nullable"])


def index_on_key(_: str, table: Table) -> Iterator[str]:
    yield from (one["name"] for one in table["indexes"] if one["columns"] == table["pk"] and not one["unique"])


def twice(_: str, table: Table) -> Iterator[str]:
    seen: list[list[str]] = [one["columns"] if isinstance(one, dict) else one for one in table["uniques"]]
    for one in table["indexes"]:
        if one["columns"] in seen and not one["where"] and one["columns"] != table["pk"]:
            yield one["name"]
        seen.append(one["columns"])


def unreferenced(_: str, table: Table) -> Iterator[str]:
    keyed = {name for key in table["fks"] for name in key["columns"]}
    yield from (name for name in table["columns"] if name == "user_id" and name not in keyed)


def nullable_times(_: str, table: Table) -> Iterator[str]:
    for name, one in table["columns"].items():
        if name in ("created_at", "updated_at") and one["nullable"]:
            yield name


def clocks(_: str, table: Table) -> Iterator[str]:
    yield from (name for name, one in table["columns"].items() if "utcnow" in f"{one['default']} {one['onupdate']}")


COUNTED: dict[str, Counter] = {
    "S102": without_index,
    "S103": without_on_delete,
    "S104": naive,
    "S105": twice,
    "S106": index_on_key,
    "S108": plain_json,
    "S109": reserved,
    "S110": bare_states,
    "S111": nullable_times,
    "S112": undated,
    "S114": nullable_booleans,
    "S115": unreferenced,
    "O103": clocks,
    "O104": never_updated,
}


def as_models(document: dict[str, Any]) -> Models:
    """The metadata as the probe would tell it, as far as it goes."""
    classes = [
        ModelClass(
            name,
            "models",
            "",
            name,
            tuple(
                ModelField(
                    column, column, one["type"].replace("WITHOUT TIME ZONE", "").strip(), one["nullable"],
                    default=re.sub(r"^callable:(utcnow|now)$", r"datetime.\1()", str(one["default"] or "")),
                    onupdate=str(one["onupdate"] or ""),
                )
                for column, one in table["columns"].items()
            ),
            (),
        )
        for name, table in document["tables"].items()
    ]  # fmt: skip
    return Models(tuple(classes), (), ())


async def judged(sandboxes: Sandboxes, document: dict[str, Any]) -> tuple[Finding, ...]:
    """What the rules find in a project's tables and classes."""
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        try:
            for statement in document["create_all_ddl"]:
                await connection.execute(statement)
            schema = await read_schema(connection)
        finally:
            await connection.close()
    return judge(schema, as_models(document)).findings


async def review(documents: Documents, cache: Path) -> dict[str, tuple[Finding, ...]]:
    """The findings of each project."""
    async with await open_sandboxes(cache=cache) as sandboxes:
        return {name: await judged(sandboxes, document) for name, document in documents.items()}


def rows(documents: Documents, found: dict[str, tuple[Finding, ...]]) -> Iterator[str]:
    """The rows of the table; the last cell names the projects whose two counts differ."""
    for code in sorted({one.code for findings in found.values() for one in findings} | set(COUNTED)):
        by_rule = {name: [one.subject for one in each if one.code == code] for name, each in found.items()}
        row = [code, str(sum(map(bool, by_rule.values()))), str(sum(map(len, by_rule.values()))), "", "", ""]
        if code in COUNTED:
            counted = {name: _counted(COUNTED[code], document) for name, document in documents.items()}
            differ = [name for name in documents if len(by_rule[name]) != len(counted[name])]
            row[3:] = [str(sum(map(bool, counted.values()))), str(sum(map(len, counted.values()))), " ".join(differ)]
        yield f"| {' | '.join(row)} |"


def _counted(counter: Counter, document: dict[str, Any]) -> list[str]:
    return [f"{name}.{one}" for name, table in document["tables"].items() for one in counter(name, table)]


def main(folder: Path) -> None:
    documents = {path.parent.name: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*/models.json"))}
    with tempfile.TemporaryDirectory() as cache:
        Path(cache).chmod(0o711)
        found = asyncio.run(review(documents, Path(cache)))
    print(f"{len(documents)} projects\n")
    print(
        "| rule | projects | places | projects by metadata | places by metadata | differ |\n|---|---|---|---|---|---|"
    )
    print("\n".join(rows(documents, found)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
