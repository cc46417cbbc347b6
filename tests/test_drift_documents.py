"""Spec documents in many forms, each held against models of which it is known where they disagree: nothing missed, nothing too much.

tests/drift/*.md: `spec <path>` fences are documents, `sql` makes the models, `python` says what Python does for a column,
`drift` lists `kind | table | column`. What is not listed is no disagreement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_server.model.described import describe_schema
from mcp_server.model.described_spec import describe_spec
from mcp_server.model.drift import compare
from mcp_server.model.orm import ModelClass, ModelField, Models, ModelTable
from mcp_server.model.schema import Column, Schema, Table
from mcp_server.model.spec import alike
from mcp_server.model.spec_fold import fold
from mcp_server.model.spec_table import Spec
from mcp_server.rules import judge
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes
from mcp_server.world.spec_ddl import fill_from_spec, makings
from mcp_server.world.specs import read_document

pytestmark = pytest.mark.anyio

FOLDER = Path(__file__).with_name("drift")
FENCE = re.compile(r"^````(\w+) ?([^\n]*)\n(.*?)^````$", re.MULTILINE | re.DOTALL)
Key = tuple[str, str, str]


def fences(case: str) -> tuple[tuple[str, str, str], ...]:
    """The fences of a case: word, rest of its line, text."""
    return tuple(FENCE.findall((FOLDER / f"{case}.md").read_text()))


def expected(text: str) -> Iterator[Key]:
    for line in filter(None, text.splitlines()):
        kind, table, column = (part.strip() for part in line.split("|"))
        yield kind, alike(table), column.lower()


def models_of(schema: Schema, told: str) -> Models:
    """The models of a Schema. told: `table.column default`, or `table.column on update`, a line each."""
    given = dict(line.split(" ", 1) for line in told.splitlines())
    tables = schema.all(Table)
    classes = tuple(ModelClass(one.name, "models", "", one.name, _fields(one, schema, given), ()) for one in tables)
    return Models(classes, tuple(ModelTable("", one.name) for one in tables), ())


def _fields(table: Table, schema: Schema, given: dict[str, str]) -> tuple[ModelField, ...]:
    found = []
    for column in schema.on(table.identity, Column):
        said = given.get(f"{table.name}.{column.name}", "")
        default, onupdate = ("", "now") if said == "on update" else (said, "")
        found.append(
            ModelField(column.name, column.name, column.type, column.nullable, default=default, onupdate=onupdate)
        )
    return tuple(found)


async def disagreements(sandboxes: Sandboxes, spec: Spec, sql: str, told: str) -> Iterator[Key]:
    async with sandboxes.lend() as sandbox:
        await fill_from_spec(sandbox, makings(spec), strict=False)
        connection = await connect(sandbox.url)
        real = await read_schema(connection)
        await connection.execute("drop schema public cascade; create schema public")
        await connection.execute(sql)
        schema = await read_schema(connection)
        await connection.close()
    found = compare((describe_spec(spec, real), describe_schema("models", schema, models_of(schema, told))))
    inside = [one.subject.partition(".") for one in judge(spec).findings if one.code.startswith("P1")]
    return iter(
        [(one.kind, alike(one.table), one.column.lower()) for one in found]
        + [("spec contradiction", alike(table), column.lower()) for table, _, column in inside]
    )


@pytest.mark.parametrize("case", sorted(path.stem for path in FOLDER.glob("*.md")))
async def test_what_a_document_and_the_models_say_differently_is_found_and_nothing_else(
    sandboxes: Sandboxes, case: str
) -> None:
    parts = fences(case)
    spec = fold(read_document(text, path) for word, path, text in parts if word == "spec")
    one = {word: text for word, _, text in parts if word != "spec"}
    found = await disagreements(sandboxes, spec, one["sql"], one.get("python", ""))
    assert sorted(found) == sorted(expected(one["drift"]))
