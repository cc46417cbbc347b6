"""What is known of an Alembic history as a whole, gathered for the rules that judge it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.errors import ArchitectError, MigrationError
from mcp_server.model.chronicle import Chronicle
from mcp_server.model.orm import History
from mcp_server.model.schema import Schema, Table
from mcp_server.model.walked import Environment, RevisionFile
from mcp_server.world.migrations import replay
from mcp_server.world.models import read_models
from mcp_server.world.project_code import find_makings
from mcp_server.world.rehearsal import copy_of
from mcp_server.world.revision_text import read_revision_file
from mcp_server.world.timeout_text import sets_lock_timeout

if TYPE_CHECKING:
    from mcp_server.world.walker import Walker
    from mcp_server.world.workspace import Workspace

End = tuple[Schema | None, MigrationError | None]
MISSING_RELATION = re.compile(r'relation "((?:[^"]|"")+)" does not exist')
INCLUDES = re.compile(r"\binclude_(?:object|name)\b")
SQLMODEL = re.compile(r"\b(?:import|from)\s+sqlmodel\b")


def read_environment(history: History) -> Environment:
    """How the history's env.py runs its revisions."""
    options = dict(history.options)
    text = _text(_env(history))
    return Environment(
        is_alembic=True,
        transaction_per_migration=bool(options.get("transaction_per_migration")),
        has_lock_timeout=sets_lock_timeout(text),
        file=str(_env(history)),
    )


async def read_chronicle(workspace: Workspace, history: History, end: End) -> Chronicle:
    """The history as a whole: its files read, the project's code searched. end: as replayed() tells it."""
    root = workspace.settings.root
    reached, failure = end
    unmade = MISSING_RELATION.search(failure.message) if failure else None
    template = Path(history.script_location) / "script.py.mako"
    env = _text(_env(history))
    files = await asyncio.to_thread(_files, root, history)
    return Chronicle(
        config=history.config,
        env=_relative(_env(history), root),
        heads=history.heads,
        replay_failure=" ".join(failure.message.split())[:600] if failure else "",
        failed_place=_place(failure) if failure else "",
        unmade=unmade[1] if unmade else "",
        transaction_per_migration=read_environment(history).transaction_per_migration,
        has_include=INCLUDES.search(env) is not None,
        declared=workspace.settings.external,
        makings=await asyncio.to_thread(find_makings, root, Path(history.script_location)),
        files=files,
        modelled=await _modelled(workspace) if unmade else None,
        template=_relative(template, root),
        lacks_import=await asyncio.to_thread(_lacks_import, template, env, root, history),
        reached=reached,
        foreign=await _foreign(workspace, history, reached) if reached is not None else (),
    )


def failed_replay(history: History, error: MigrationError) -> Chronicle:
    """A history of which is known only that it does not replay on an empty database."""
    return Chronicle(
        history.config,
        replay_failure=" ".join(error.message.split())[:600],
        failed_place=_place(error),
    )


async def replayed(workspace: Workspace, walker: Walker, start: str = "") -> End:
    """The history on an empty database: what it leads to, or why it fails. start: as for replay()."""
    try:
        async with copy_of(workspace, await replay(workspace, "heads", start=start, walker=walker)) as copy:
            return await copy.read(), None
    except MigrationError as error:
        return None, error


async def _modelled(workspace: Workspace) -> frozenset[str] | None:
    try:
        models = await read_models(workspace)
    except ArchitectError:
        return None
    return frozenset(table.identity for table in models.tables)


async def _foreign(workspace: Workspace, history: History, reached: Schema) -> tuple[str, ...]:
    """Tables of the live database that no revision makes; () without one, or when it cannot be reached."""
    if not workspace.settings.database_url:
        return ()
    try:
        live = await workspace.live_schema()
    except ArchitectError:
        return ()
    known = {table.identity for table in reached.all(Table)} | {history.version_table_identity}
    return tuple(table.identity for table in live.all(Table) if table.identity not in known)


def _files(root: Path, history: History) -> tuple[RevisionFile, ...]:
    found = []
    for revision in history.revisions:
        try:
            found.append(read_revision_file(root, revision.file))
        except MigrationError:
            continue
    return tuple(found)


def _lacks_import(template: Path, env: str, root: Path, history: History) -> bool:
    """Whether the project uses SQLModel and the template of new revisions does not import it."""
    text = _text(template)
    if not text or SQLMODEL.search(text) or "sqlmodel" in str(dict(history.options).get("user_module_prefix", "")):
        return False
    return bool(SQLMODEL.search(env)) or any(SQLMODEL.search(_text(root / one.file)) for one in history.revisions)


def _env(history: History) -> Path:
    return Path(history.script_location) / "env.py"


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _place(error: MigrationError) -> str:
    return f"{error.file}:{error.line}" if error.line else error.file


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
