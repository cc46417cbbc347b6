"""Where specs and models disagree, held against disagreements that were worked out by hand.

    python -m benchmarks.spec_drift FOLDER [project ...]

FOLDER holds projects: specs/, models.json (create_all_ddl; tables with the defaults of their columns) and expected.json (a list
of {"spec": path, "drift": [{"kind", "table", "column"}]}). Every document of every project is read; where there are models and
expectations, the spec is made real and compared. Printed: what was missed, what was found too much, recall and precision.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mcp_server.model.described import describe_schema
from mcp_server.model.described_spec import describe_spec
from mcp_server.model.drift import Disagreement, compare
from mcp_server.model.orm import ModelClass, ModelField, Models, ModelTable
from mcp_server.model.schema import Schema
from mcp_server.model.spec import alike
from mcp_server.model.spec_fold import fold
from mcp_server.rules import judge
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes, open_sandboxes
from mcp_server.world.spec_ddl import fill_from_spec, makings
from mcp_server.world.specs import beside, read_file, read_spec

Key = tuple[str, str, str]
KINDS = {
    "table_renamed": "table renamed", "table_missing_in_models": "table missing", "table_extra_in_models": "table extra",
    "column_missing_in_models": "column missing", "column_extra_in_models": "column extra", "type": "type",
    "length": "length", "nullable": "nullable", "server_default": "server default", "ondelete": "ondelete",
    "fk_missing": "fk missing", "index_missing": "index missing", "index_extra": "index extra",
    "check_missing": "check missing", "onupdate_missing": "onupdate missing", "enum_values": "enum values", "enum": "enum values",
    "unique_missing": "unique missing", "spec_contradiction": "spec contradiction",
}  # fmt: skip


def models_of(document: dict[str, Any]) -> Models:
    """The models of a project, as far as the file tells: statements, and what Python gives each column."""
    classes = []
    for table, told in document["tables"].items():
        fields = tuple(
            ModelField(
                name,
                name,
                one["type"],
                one["nullable"],
                default=_default(one["default"]),
                onupdate=str(one["onupdate"] or ""),
            )
            for name, one in told["columns"].items()
        )
        schema, _, name = table.rpartition(".")
        classes.append(ModelClass(name, "models", schema, name, fields, ()))
    tables = tuple(ModelTable(one.schema, one.table) for one in classes)
    return Models(tuple(classes), tables, tuple(document["create_all_ddl"]))


def _default(text: str | None) -> str:
    return str(text).removeprefix("callable:") if text is not None else ""


async def made(sandboxes: Sandboxes, statements: Iterable[str]) -> Schema:
    """The Schema that statements make."""
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        try:
            for sql in statements:
                await connection.execute(sql)
            return await read_schema(connection)
        finally:
            await connection.close()


async def found_in(project: Path, spec_path: str, models: Models, sandboxes: Sandboxes) -> list[Key]:
    """The disagreements that dbarch finds between one document and the models."""
    spec = read_spec(project, "specs", spec_path)
    async with sandboxes.lend() as sandbox:
        await fill_from_spec(sandbox, makings(spec), strict=False)
        connection = await connect(sandbox.url)
        real = await read_schema(connection)
        await connection.close()
    schema = await made(sandboxes, models.ddl)
    drift = compare((describe_spec(spec, real), describe_schema("models", schema, models)))
    wider = fold(
        [read_file(project / spec_path, project), *(read_file(path, project) for path in beside(project, spec_path))]
    )
    said = judge(wider).findings
    return [_key(one) for one in drift] + [_contradiction(one.subject) for one in said if one.code.startswith("P1")]


def _contradiction(subject: str) -> Key:
    table, _, column = subject.partition(".")
    return ("spec contradiction", alike(table), column.lower())


def _key(one: Disagreement) -> Key:
    return (one.kind, alike(one.table), one.column.lower())


def _expected(drift: list[dict[str, Any]]) -> Iterator[Key]:
    for one in drift:
        column = (one["column"] or "").lower()
        yield (KINDS.get(one["kind"], one["kind"]), alike(one["table"]), column)


def matched(expected: list[Key], found: list[Key]) -> tuple[list[Key], list[Key]]:
    """What was missed, and what was found too much; each expectation is met once."""
    rest = list(found)
    missed = []
    for key in expected:
        if key in rest:
            rest.remove(key)
        else:
            missed.append(key)
    return missed, rest


def read_all(projects: list[Path]) -> None:
    """Read every document; a crash ends the benchmark."""
    began, count, unread = time.monotonic(), 0, 0
    for project in projects:
        for path in sorted(project.rglob("*.md")):
            document = read_file(path, project)
            count, unread = count + 1, unread + len(document.unread)
    print(f"{count} documents read in {time.monotonic() - began:.1f} s, {unread} lines listed as not understood\n")


def projects_in(folder: Path, names: list[str]) -> list[Path]:
    """The projects of the folder, or those of these names."""
    return [one for one in sorted(folder.iterdir()) if one.is_dir() and (not names or one.name in names)]


async def main(projects: list[Path]) -> int:
    """Compare, and print a table."""
    total, hits, too_many = 0, 0, 0
    with TemporaryDirectory() as cache:
        sandboxes = await open_sandboxes(cache=Path(cache))
        try:
            for project in projects:
                if not (project / "expected.json").is_file():
                    continue
                models = models_of(json.loads((project / "models.json").read_text()))
                for case in json.loads((project / "expected.json").read_text()):
                    expected = list(_expected(case["drift"]))
                    found = await found_in(project, case["spec"], models, sandboxes)
                    missed, rest = matched(expected, found)
                    total, hits, too_many = (
                        total + len(expected),
                        hits + len(expected) - len(missed),
                        too_many + len(rest),
                    )
                    print(f"{project.name}: {len(expected)} expected, {len(missed)} missed, {len(rest)} too many")
                    for words, keys in (("missed", missed), ("too many", rest)):
                        print("".join(f"    {words}: {' | '.join(key)}\n" for key in keys), end="")
        finally:
            await sandboxes.close()
    recall, precision = hits / max(total, 1), hits / max(hits + too_many, 1)
    print(f"\nrecall {recall:.1%} ({hits} of {total}), precision {precision:.1%} ({too_many} too many)")
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    chosen = projects_in(Path(sys.argv[1]), sys.argv[2:])
    read_all(chosen)
    sys.exit(asyncio.run(main(chosen)))
