"""The project's models, read by its own interpreter (guest/probe.py) -> Models."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_server.errors import ModelsError
from mcp_server.model.orm import ModelClass, ModelField, ModelProblem, ModelRelationship, Models, ModelTable, Place
from mcp_server.world.alembic_config import find_config
from mcp_server.world.guest_environment import guest_environment
from mcp_server.world.guest_process import Answer, visit
from mcp_server.world.interpreter import Interpreter, find_interpreter

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

LIMIT = 60.0
NAME_MODELS = 'Name the modules: [tool.dbarch] models = ["app.models"] in pyproject.toml.'


async def read_models(workspace: Workspace) -> Models:
    """The project's models. Nothing is connected to while they are imported.

    Raises ModelsError with the user's own file and line, ConfigError for settings that name nothing.
    """
    settings = workspace.settings
    interpreter = await asyncio.to_thread(find_interpreter, settings)
    workspace.progress(f"reading the models with {interpreter}")
    config = find_config(settings, ambiguous_is_none=True)
    folders = tuple({settings.root / "backend", config.path.parent} if config else {settings.root / "backend"})
    request = {
        "action": "models",
        "root": str(settings.root),
        "models": list(settings.models),
        "external": list(settings.external),
        "alembic": config.request() if config else None,
    }
    answer = await visit(
        interpreter, request, folder=settings.root, limit=LIMIT, environment=guest_environment(settings.root, folders)
    )
    if answer.result is None:
        raise models_error(answer, interpreter, settings.root)
    return _models(answer.result, answer.versions, interpreter)


def _models(result: Mapping[str, Any], versions: Mapping[str, str], interpreter: Interpreter) -> Models:
    return Models(
        classes=tuple(_class(item) for item in result["classes"]),
        tables=tuple(ModelTable(item["schema"], item["table"], Place(*item["place"])) for item in result["tables"]),
        ddl=tuple(result["ddl"]),
        schemas=tuple(result["schemas"]),
        extensions=tuple(result["extensions"]),
        problems=tuple(ModelProblem(item["message"], Place(*item["place"])) for item in result["problems"]),
        notes=tuple(result["notes"]),
        found_by=result["found_by"],
        interpreter=str(interpreter),
        versions=tuple(sorted(versions.items())),
    )


def _class(item: Mapping[str, Any]) -> ModelClass:
    def with_place(value: Mapping[str, Any]) -> dict[str, Any]:
        return {**value, "place": Place(*value["place"])}

    return ModelClass(
        name=item["name"],
        module=item["module"],
        schema=item["schema"],
        table=item["table"],
        fields=tuple(ModelField(**with_place(value)) for value in item["fields"]),
        relationships=tuple(ModelRelationship(**with_place(value)) for value in item["relationships"]),
        place=Place(*item["place"]),
    )


def models_error(answer: Answer, interpreter: Interpreter, root: Path) -> ModelsError:
    """What went wrong while the models were read, with the user's own place and the next step."""
    if not answer.error:
        return _no_answer(answer, interpreter)
    error = answer.error
    file, line = error["place"]
    message, hint = _told(error, interpreter)
    return ModelsError(message, hint, file, line)


def _told(error: Mapping[str, Any], interpreter: Interpreter) -> tuple[str, str]:
    message = f"{error['type']}: {error['message']}"
    match error["kind"]:
        case "forbidden":
            return (
                f"The models cannot be read: this line connects to {error['target']} when it is imported.",
                "Move it into a function or a start-up hook; importing models must not need a database. Nothing was connected to.",
            )
        case "missing module":
            return f"The models cannot be imported: {message}", missing_module_hint(str(error["module"]), interpreter)
        case "foreign key":
            return (
                f"A foreign key refers to table {error['table']!r}, which no model declares.",
                f'If another program owns that table: [tool.dbarch] external = ["{error["table"]}"] in pyproject.toml. '
                f"Else import the module that declares it, or name it in [tool.dbarch] models.",
            )
        case "no models" if error["roots"]:
            return (
                f"Tables are declared in several places: {', '.join(error['roots'])}.",
                'Say which are meant: [tool.dbarch] models = ["..."], or start in that folder.',
            )
        case "no models":
            return f"No models were found: {error['message']}.", NAME_MODELS
        case "unmakeable":
            return (
                f"Table {error['table']!r} cannot be made on PostgreSQL: {error['message']}",
                "Give the column a type that PostgreSQL has.",
            )
        case "syntax":
            return f"The models cannot be imported: {message}", f"They were read by {interpreter}."
    return f"The models cannot be imported: {message}", settings_hint(error)


def settings_hint(error: Mapping[str, Any]) -> str:
    """What to do about settings that are not set, the usual reason why an import fails in a fresh clone."""
    if error["type"] in ("ValidationError", "KeyError", "SettingsError", "UndefinedValueError"):
        return "If a setting is missing: put it into the project's .env, or a placeholder into .env.example."
    return ""


def missing_module_hint(module: str, interpreter: Interpreter) -> str:
    """Which interpreter was used, which were passed over, and how to name another."""
    passed = "".join(f" {each}." for each in interpreter.passed_over)
    return (
        f"{module or 'It'} is not installed for {interpreter}.{passed} Install it there, or name another interpreter: "
        f'[tool.dbarch] python = "path/to/.venv" in pyproject.toml.'
    )


def _no_answer(answer: Answer, interpreter: Interpreter) -> ModelsError:
    said = answer.output.strip()[-1_500:]
    if answer.timed_out:
        return ModelsError(
            f"The models were not imported within {LIMIT:.0f} seconds.",
            f"They were read by {interpreter}. It said last:\n{said}",
        )
    return ModelsError(
        f"{interpreter} ended without an answer.", f"It said last:\n{said}" if said else "It said nothing."
    )
