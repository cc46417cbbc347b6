"""Designed modules, proven: imported by the project's interpreter in a folder of their own, made real, compared, judged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server.model.design import Design
    from mcp_server.model.designed import Proof
    from mcp_server.world.interpreter import Interpreter
    from mcp_server.world.workspace import Workspace


async def prove(
    workspace: Workspace,
    design: Design,
    source: str,
    files: Mapping[str, str],
    folder: str,
    interpreter: Interpreter,
    refused: tuple[str, ...] = (),
) -> Proof:
    """Carry the modules out and compare them with the spec as its documents state it. Raises ModelsError when they cannot be imported.

    refused: what Postgres did not take of the settled spec.
    """
    from mcp_server.model.described import describe_schema
    from mcp_server.model.designed import Proof, parted
    from mcp_server.model.drift import compare
    from mcp_server.operations.compare import read_spec_told
    from mcp_server.rules import judge
    from mcp_server.world.code import read_code
    from mcp_server.world.external import without_external
    from mcp_server.world.models import read_models
    from mcp_server.world.revision_files import stage, staging
    from mcp_server.world.sources import materialise_models
    from mcp_server.world.templates import read_template

    settings = workspace.settings
    external = (*settings.external, *(one.table for one in design.stubs))
    with staging(workspace.cache) as place:
        await asyncio.to_thread(stage, place, {name: text for name, text in files.items() if name.endswith(".py")})
        staged = workspace.configured(
            root=place, python=str(interpreter.executable), models=("models", "db"), alembic="", external=external
        )
        sandboxes = await workspace.sandboxes()
        await sandboxes.start()
        models = await read_models(staged, sandboxes.server_version)
        code = await asyncio.to_thread(read_code, place)
    schema = without_external(await read_template(workspace, await materialise_models(workspace, models)), external)
    told = await read_spec_told(workspace, source)
    found = compare((told.described, describe_schema("models", schema, models)))
    against, added = parted(found, (*design.decisions, *design.left_out))
    findings = judge(schema, models, code).findings
    return Proof(
        against=against,
        added=added,
        judged=tuple(one for one in findings if one.code.startswith("S")),
        faults=tuple(
            replace(one, place=one.place or f"{folder}/models.py") for one in findings if not one.code.startswith("S")
        ),
        refused=refused,
        interpreter=str(interpreter),
        tables=len(design.classes),
    )
