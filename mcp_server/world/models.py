"""The project's models, read by its own interpreter (guest/probe.py) -> Models."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_server.model.orm import ModelClass, ModelField, ModelProblem, ModelRelationship, Models, ModelTable, Place
from mcp_server.world.alembic_config import AlembicConfig, find_config
from mcp_server.world.guest_environment import guest_environment
from mcp_server.world.guest_errors import models_error
from mcp_server.world.guest_process import visit
from mcp_server.world.interpreter import find_interpreter
from mcp_server.world.settings import Settings

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace


async def read_models(workspace: Workspace, server_version: int = 0) -> Models:
    """The project's models. Nothing is connected to while they are imported.

    server_version: as server_version_num, of the Postgres that the DDL is for. When env.py cannot be asked, the models
    are looked for without it, in a process of their own. Raises ModelsError with the user's own file and line,
    ConfigError for settings that name nothing.
    """
    settings = workspace.settings
    interpreter = await asyncio.to_thread(find_interpreter, settings)
    workspace.progress(f"reading the models with {interpreter}")
    config = find_config(settings, ambiguous_is_none=True)
    folders = folders_of(settings, config)
    request = {
        "action": "models",
        "root": str(settings.root),
        "models": list(settings.models),
        "external": list(settings.external),
        "alembic": config.request() if config else None,
        "server_version": server_version,
    }
    environment = guest_environment(settings.root, folders, driver=interpreter.driver)
    answer = await visit(
        interpreter, request, folder=settings.root, limit=settings.import_seconds, environment=environment
    )
    notes: tuple[str, ...] = ()
    if answer.error.get("kind") == "env.py":
        notes = (answer.error["message"],)
        request["alembic"] = None
        answer = await visit(
            interpreter, request, folder=settings.root, limit=settings.import_seconds, environment=environment
        )
    if answer.result is None:
        raise models_error(answer, interpreter, settings.import_seconds)
    return as_models(answer.result, answer.versions, str(interpreter), notes)


def folders_of(settings: Settings, config: AlembicConfig | None) -> tuple[Path, ...]:
    """The folders besides the root whose .env the models are imported with."""
    return tuple({settings.root / "backend", config.path.parent} if config else {settings.root / "backend"})


def as_models(
    result: Mapping[str, Any], versions: Mapping[str, str], interpreter: str = "", notes: tuple[str, ...] = ()
) -> Models:
    """What the probe said, as values."""
    return Models(
        classes=tuple(_class(item) for item in result["classes"]),
        tables=tuple(ModelTable(item["schema"], item["table"], Place(*item["place"])) for item in result["tables"]),
        ddl=tuple(result["ddl"]),
        schemas=tuple(result["schemas"]),
        extensions=tuple(result["extensions"]),
        problems=tuple(ModelProblem(item["message"], Place(*item["place"])) for item in result["problems"]),
        notes=(*notes, *result["notes"]),
        found_by=result["found_by"],
        interpreter=interpreter,
        versions=tuple(sorted(versions.items())),
    )


def _class(item: Mapping[str, Any]) -> ModelClass:
    def with_place(value: Mapping[str, Any]) -> dict[str, Any]:
        listed = {name: tuple(given) for name, given in value.items() if isinstance(given, list)}
        return {**value, **listed, "place": Place(*value["place"])}

    return ModelClass(
        name=item["name"],
        module=item["module"],
        schema=item["schema"],
        table=item["table"],
        fields=tuple(ModelField(**with_place(value)) for value in item["fields"]),
        relationships=tuple(ModelRelationship(**with_place(value)) for value in item["relationships"]),
        place=Place(*item["place"]),
    )
