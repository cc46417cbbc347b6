"""review_schema: a schema, the models that state it and the code around it, judged by the rules."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from mcp_server.model.answer import Answer

if TYPE_CHECKING:
    from mcp_server.model.code import Code
    from mcp_server.model.orm import Models
    from mcp_server.model.schema import Schema
    from mcp_server.model.schema_review import SchemaReview
    from mcp_server.model.spec_table import Spec
    from mcp_server.world.workspace import Workspace

NEXT = "change the spec where it says so, or ask what is meant; then design_models, or compare_schemas with the models."


async def review_schema(
    workspace: Workspace,
    source: str = "models",
    fix: bool = False,
    write: bool = False,
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Judge a schema by the mistakes that real projects make, each with file and line, the evidence and a fix.

    Of models: the tables that they make (made real on a throw-away Postgres), the classes, and the project's code around
    them: engines, sessions, routes, queries, start-up, secrets that git keeps. Of a spec: what contradicts in it, and its
    tables. Of any other source: its tables. The code is read, never run; models are imported by the project's own
    interpreter, without a database.

    source: models, live, migrations, migrations:<revision>, spec, spec:<path> or file:<path.sql>. fix: also show the mechanical fixes as a
    diff. write: make these changes in the files; without it nothing is written. format: text or json.
    """
    from mcp_server.operations.mending import mend
    from mcp_server.operations.reviewed import answer_of

    review = await _judged(workspace, source)
    if fix or write:
        review = await asyncio.to_thread(mend, workspace.settings.root, review, write)
    return answer_of(review, "schema", {"files": len(review.written)} if review.written else {})


async def _judged(workspace: Workspace, source: str) -> SchemaReview:
    """What the rules find in a source, each with its place."""
    from mcp_server.model.finding import Report
    from mcp_server.model.schema_review import SchemaReview
    from mcp_server.operations.placing import placed, stated
    from mcp_server.rules import judge, rules

    seen = await _look(workspace, source)
    report = judge(*(one for one in (seen.spec, seen.schema, seen.models, seen.code) if one is not None))
    in_spec = (stated(one, seen.schema, seen.spec) for one in report.findings)
    found = Report.of(placed(one, seen.schema, seen.models, seen.code) for one in in_spec)
    titles = tuple((one.rule.code, one.page.partition("\n")[0]) for one in rules())
    digests = seen.code.digests if seen.code else ()
    notes, failures = seen.notes(), tuple(seen.failures)
    return SchemaReview(
        source, found, _counts(seen), notes, failures, titles, digests=digests, next=NEXT if seen.spec else ""
    )


async def _look(workspace: Workspace, source: str) -> Seen:
    from mcp_server.errors import DatabaseError, ModelsError, SourceError
    from mcp_server.world.external import without_external
    from mcp_server.world.sources import parse_source, read_source

    seen = Seen([])
    parsed = parse_source(source)
    if parsed.kind == "spec":
        return await _look_at_spec(workspace, parsed.argument, source)
    if parsed.kind != "models":
        seen.schema = without_external(await read_source(workspace, source), workspace.settings.external)
        return seen
    seen.code = await _code(workspace)
    try:
        seen.models = await _models(workspace)
        workspace.progress("making the tables", 0.4)
        schema = await read_source(workspace, source)
        seen.schema = without_external(schema, workspace.settings.external)
    except (ModelsError, SourceError, DatabaseError) as error:
        if not seen.code.files:
            raise
        part = "the tables" if seen.models else "the models"
        seen.failures.append(f"{part}. {' '.join(str(error).split())[:600]}")
    return seen


async def _look_at_spec(workspace: Workspace, path: str, source: str) -> Seen:
    """What a spec states, and the tables that it makes; a spec that makes none is judged by what it states."""
    from mcp_server.errors import DatabaseError, SourceError
    from mcp_server.world.external import without_external
    from mcp_server.world.sources import load_spec, read_source

    seen = Seen([])
    seen.spec = await load_spec(workspace, path)
    seen.others = tuple(one.name for one in seen.spec.tables if one.external)
    try:
        schema = await read_source(workspace, source)
        seen.schema = without_external(schema, (*workspace.settings.external, *seen.others))
    except (SourceError, DatabaseError) as error:
        seen.failures.append(f"the tables. {' '.join(str(error).split())[:600]}")
    return seen


async def _code(workspace: Workspace) -> Code:
    from mcp_server.world.code import read_code

    workspace.progress("reading the code", 0.1)
    return await asyncio.to_thread(read_code, workspace.settings.root)


async def _models(workspace: Workspace) -> Models:
    from mcp_server.world.models import read_models

    return await read_models(workspace)


class Seen:
    """What of a source could be read. failures: what could not, one sentence each."""

    def __init__(self, failures: list[str]) -> None:
        self.failures = failures
        self.spec: Spec | None = None
        self.others: tuple[str, ...] = ()
        self.schema: Schema | None = None
        self.models: Models | None = None
        self.code: Code | None = None

    def notes(self) -> tuple[str, ...]:
        """What a reader should know of what was read."""
        models, code = self.models, self.code
        left = (f"Left out, for others own them: {', '.join(self.others)}.",) if self.others else ()
        return (*left, *(models.notes if models else ()), *(code.notes if code else ()))


def _counts(seen: Seen) -> tuple[tuple[str, int], ...]:
    from mcp_server.model.schema import Table

    schema, models, code = seen.schema, seen.models, seen.code
    return (
        ("tables", sum(1 for _ in schema.all(Table)) if schema is not None else 0),
        ("classes", len(models.classes) if models else 0),
        ("Python files", len(code.files) if code else 0),
        ("queries", len(code.queries) if code else 0),
        ("files that git keeps", len(code.tracked) if code else 0),
    )
