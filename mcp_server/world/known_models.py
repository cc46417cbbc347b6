"""The project's models, read once for the same sources: what they depend on -> one hash, the answer kept in the cache.

They depend on the Python files and settings of the project, the interpreter with its packages, the environment, and the
Postgres that their DDL is for. Whoever reads models to change something asks read_models() itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_server.model.orm import ModelClass, ModelField, ModelProblem, ModelRelationship, Models, ModelTable, Place
from mcp_server.world.files import replace
from mcp_server.world.history_fingerprint import SETTINGS, content_of, project_files
from mcp_server.world.interpreter import Interpreter, find_interpreter
from mcp_server.world.models import read_models
from mcp_server.world.settings import Settings

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

FOLDER = "models"
KEPT = 8
VOLATILE = frozenset({"PWD", "OLDPWD", "SHLVL", "_", "COLUMNS", "LINES", "PYTEST_CURRENT_TEST"})


async def read_known_models(workspace: Workspace, server_version: int) -> Models:
    """As read_models(), and without running the project's code when nothing that they depend on has changed since."""
    key, known = await find_known_models(workspace, server_version)
    if known is not None:
        return known
    models = await read_models(workspace, server_version)
    await keep_models(workspace, key, models)
    return models


async def find_known_models(workspace: Workspace, server_version: int) -> tuple[str, Models | None]:
    """The key of what the models depend on now, and the models if they were read for it."""
    key = await asyncio.to_thread(sources_key, workspace.settings, server_version)
    return key, await asyncio.to_thread(_load, workspace.cache / FOLDER / f"{key}.json")


async def keep_models(workspace: Workspace, key: str, models: Models) -> None:
    """Keep models that were read for this key."""
    await asyncio.to_thread(keep, workspace.cache / FOLDER, key, asdict(models))


def sources_key(settings: Settings, server_version: int) -> str:
    """One hash over all that the project's code depends on."""
    digest = hashlib.sha256()
    for text in _told(settings, find_interpreter(settings), server_version):
        digest.update(f"{text}\x1e".encode())
    paths = (*project_files(settings.root, (".py", ".ini", ".toml")), *(settings.root / name for name in SETTINGS))
    for path in paths:
        digest.update(f"\x1e{path}\x1f".encode())
        digest.update(content_of(path))
    return digest.hexdigest()[:32]


def _told(settings: Settings, interpreter: Interpreter, server_version: int) -> Iterator[str]:
    yield f"{interpreter} {server_version} {settings.models} {settings.external} {settings.alembic}"
    home = interpreter.executable.parent.parent
    for pattern in ("lib/python*/site-packages", "Lib/site-packages"):
        for folder in sorted(home.glob(pattern)):
            yield " ".join(sorted(one.name for one in folder.iterdir()))
    yield repr(sorted((name, value) for name, value in os.environ.items() if name not in VOLATILE))


def keep(folder: Path, key: str, answer: dict[str, Any]) -> None:
    """Keep an answer, and the newest few besides. A cache that cannot be written costs time alone."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        replace(folder / f"{key}.json", json.dumps(answer).encode())
        for old in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
            old.unlink(missing_ok=True)


def _load(path: Path) -> Models | None:
    """What was kept, None when there is nothing or an older version wrote it."""
    try:
        found = json.loads(path.read_bytes())
        return _models(found)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _models(found: dict[str, Any]) -> Models:
    return Models(
        **{
            **found,
            "classes": tuple(_class(one) for one in found["classes"]),
            "tables": tuple(ModelTable(**_placed(one)) for one in found["tables"]),
            "problems": tuple(ModelProblem(**_placed(one)) for one in found["problems"]),
            "versions": tuple((name, version) for name, version in found["versions"]),
            **{name: tuple(found[name]) for name in ("ddl", "schemas", "extensions", "notes")},
        }
    )


def _class(one: dict[str, Any]) -> ModelClass:
    fields = tuple(ModelField(**_placed(field)) for field in one["fields"])
    relationships = tuple(ModelRelationship(**_placed(other)) for other in one["relationships"])
    return ModelClass(**{**_placed(one), "fields": fields, "relationships": relationships})


def _placed(one: dict[str, Any]) -> dict[str, Any]:
    """The fields of a value, as JSON gave them back."""
    listed = {name: tuple(given) for name, given in one.items() if isinstance(given, list)}
    return {**one, **listed, "place": Place(**one["place"])}
