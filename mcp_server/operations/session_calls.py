"""The part of check_isolation that calls the application's own functions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server.model.code_scope import Classes
    from mcp_server.model.isolation import Ownership
    from mcp_server.model.session_attack import SessionAttack
    from mcp_server.world.workspace import Workspace


async def call(
    workspace: Workspace,
    template: str,
    owned: Ownership,
    subject: str,
    classes: Classes | None,
    wanted: tuple[str, ...],
    statements: tuple[str, ...] = (),
) -> SessionAttack:
    """Call the functions that are wanted on a copy of a template. classes: as the models have them, None when they were not read.

    statements: run on the copy before.
    Raises NotFound for a function that is not there, Refused, ModelsError.
    """
    from mcp_server.model.names import split
    from mcp_server.world.rehearsal import copy_of
    from mcp_server.world.session_attack import call_functions
    from mcp_server.world.session_functions import find_functions

    shared = [split(one)[-1] for one in owned.shared]
    functions, applications, notes = await asyncio.to_thread(
        find_functions, workspace.settings.root, owned.owners, classes, shared, wanted
    )
    workspace.progress(f"calling {len(functions)} functions on a copy", 0.5)
    async with copy_of(workspace, template) as copy:
        await copy.run(statements)
        guarded = replace(owned, schema=await copy.read()) if statements else owned
        found = await call_functions(workspace, copy, guarded, subject, functions, applications)
    return replace(found, notes=(*notes, *found.notes))
