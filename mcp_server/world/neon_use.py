"""How the project uses Neon, gathered: its URL, its server, its files, and Neon's API where a key is at hand."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.errors import ArchitectError, ConfigError
from mcp_server.model.neon_use import NeonUse
from mcp_server.world.alembic_config import find_config
from mcp_server.world.code import read_code
from mcp_server.world.neon_project import open_project
from mcp_server.world.urls import Target, read_url

if TYPE_CHECKING:
    from mcp_server.model.health import Health
    from mcp_server.world.workspace import Workspace

_WORKERS = re.compile(r"(?:--workers[ =\",\]]+|WEB_CONCURRENCY[ =:\"]+|^workers\s*=\s*|\bworkers=)(\d+)", re.MULTILINE)
_STARTING = (
    "Dockerfile", "Procfile", "docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml", "fly.toml",
    "render.yaml", "railway.toml", "gunicorn.conf.py", "start.sh", "entrypoint.sh", "main.py", "app/main.py",
)  # fmt: skip
_LARGEST = 200_000


async def read_neon_use(workspace: Workspace, health: Health) -> tuple[NeonUse | None, tuple[str, ...]]:
    """How the project uses Neon, None when its database is not there; and what could not be asked, a sentence each."""
    settings = workspace.settings
    target = read_url(settings.database_url) if settings.database_url else Target()
    asked = bool(settings.neon_key and settings.neon_address)
    if not (target.is_neon or health.server.neon or asked):
        return None, ()
    code = await asyncio.to_thread(read_code, settings.root)
    workers, at = await asyncio.to_thread(_workers, settings.root)
    env = await asyncio.to_thread(_environment, workspace)
    server = health.server
    use = NeonUse(
        pooled=target != target.direct(),
        origin=settings.database_origin or "the database URL",
        role=server.role,
        bypasses_row_security=server.bypasses_row_security or server.superuser,
        row_security_tables=server.row_security_tables,
        max_connections=server.max_connections,
        up_days=server.up_days,
        counts_statements=bool(server.statements_schema),
        code=code,
        workers=workers,
        workers_at=at,
        migrations=env.relative_to(settings.root).as_posix() if env else "",
        migrations_text=env.read_text("utf-8", "replace")[:_LARGEST] if env else "",
        hosts=tuple(_hosts(settings.database_url, *settings.other_urls)),
    )
    return await _with_api(workspace, use)


async def _with_api(workspace: Workspace, use: NeonUse) -> tuple[NeonUse, tuple[str, ...]]:
    """The same with what the API tells, where a key is set."""
    if not workspace.settings.neon_key:
        return use, ("compute, branch, replicas and history at Neon: no NEON_API_KEY is set",)
    try:
        async with open_project(workspace) as project:
            plan = await project.neon.plan(project.id)
            live = project.live.id if project.live else ""
            own = [one for one in project.endpoints if one.branch_id == live]
            return replace(
                use,
                plan=plan,
                branch=project.live,
                endpoint=next((one for one in own if one.kind == "read_write"), None),
                replicas=tuple(one.host for one in own if one.kind == "read_only"),
            ), ()
    except ArchitectError as error:
        return use, (f"compute, branch, replicas and history at Neon: {error.message}",)


def _hosts(*urls: str) -> Iterator[str]:
    for url in urls:
        try:
            yield read_url(url).host
        except ConfigError:  # the URL of something else
            continue


def _workers(root: Path) -> tuple[int, str]:
    """The most worker processes that a file of the project starts, and that file."""
    found = (1, "")
    for folder in (root, root / "backend"):
        for name in _STARTING:
            path = folder / name
            try:
                text = path.read_text("utf-8", "replace")[:_LARGEST]
            except OSError:
                continue
            for match in _WORKERS.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                found = max(found, (int(match[1]), f"{path.relative_to(root).as_posix()}:{line}"))
    return found


def _environment(workspace: Workspace) -> Path | None:
    """Alembic's env.py, as far as it lies beside the configuration."""
    try:
        config = find_config(workspace.settings, ambiguous_is_none=True)
    except ArchitectError:
        return None
    places = sorted(config.path.parent.glob("*/env.py")) if config else []
    return next((path for path in places if (path.parent / "versions").is_dir()), places[0] if places else None)
