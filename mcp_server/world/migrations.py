"""The project's Alembic history: found, and replayed on sandboxes by the user's own Alembic and env.py.

The database they configured is never touched: see guest/engines.py and guest/guard.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_server.errors import MigrationError
from mcp_server.model.names import quote
from mcp_server.model.orm import History, Revision, Walk
from mcp_server.world.alembic_config import AlembicConfig, find_config
from mcp_server.world.database import connect, translating
from mcp_server.world.guest_environment import guest_environment
from mcp_server.world.guest_errors import heads_text, migration_error
from mcp_server.world.guest_process import Answer, visit
from mcp_server.world.history_fingerprint import fingerprint
from mcp_server.world.interpreter import Interpreter, find_interpreter
from mcp_server.world.roles import missing_role, provide_role
from mcp_server.world.stand_ins import missing_table, provide_table
from mcp_server.world.urls import read_url

if TYPE_CHECKING:
    from mcp_server.world.sandbox import Sandbox
    from mcp_server.world.workspace import Workspace

READ_LIMIT = 60.0
RUN_LIMIT = 300.0
EMPTY = "an empty database"
PROVIDED = 20


@dataclass(frozen=True, slots=True)
class Alembic:
    """The means to run the user's Alembic."""

    config: AlembicConfig
    interpreter: Interpreter
    root: Path

    async def visit(self, request: Mapping[str, Any], url: str, limit: float) -> Answer:
        """Run a request in the folder of the configuration. url: the sandbox's, "" for none."""
        folder = self.config.path.parent
        return await visit(
            self.interpreter,
            {"root": str(self.root), **self.config.request(), **request},
            folder=folder,
            environment=guest_environment(self.root, (folder,), url, driver=self.interpreter.driver),
            limit=limit,
        )


async def open_alembic(workspace: Workspace) -> Alembic | None:
    """The means to run the user's Alembic; None when the project does not configure any.

    Raises ConfigError and MigrationError as find_config and find_interpreter do.
    """
    config = find_config(workspace.settings)
    if config is None:
        return None
    interpreter = await asyncio.to_thread(find_interpreter, workspace.settings)
    return Alembic(config, interpreter, workspace.settings.root)


async def find_history(workspace: Workspace) -> History:
    """The project's history; an empty one when it has none. Connects to nothing.

    Raises MigrationError when the revisions do not fit together or cannot be imported.
    """
    alembic = await open_alembic(workspace)
    return await _read_history(alembic) if alembic else History()


async def _read_history(alembic: Alembic) -> History:
    answer = await alembic.visit({"action": "history"}, "", READ_LIMIT)
    if answer.result is None:
        raise migration_error(answer, alembic.interpreter, History(), READ_LIMIT)
    return replace(_history(answer.result, alembic), packages=tuple(answer.versions.items()))


def _history(result: Mapping[str, Any], alembic: Alembic) -> History:
    revisions = _ordered([_revision(item) for item in result["revisions"]])
    parents = {parent for item in revisions for parent in item.parents}
    options = result["options"]
    return History(
        config=alembic.config.label(alembic.root),
        folder=result["folder"],
        script_location=result["script_location"],
        versions=tuple(result["versions"]),
        revisions=revisions,
        heads=tuple(item.id for item in revisions if item.id not in parents),
        version_table=options.get("version_table") or "alembic_version",
        version_table_schema=options.get("version_table_schema") or "",
        options=tuple(sorted(options.items())),
        settings=tuple(sorted(result["settings"].items())),
        env_error=result.get("env_error", ""),
    )


def _revision(item: Mapping[str, Any]) -> Revision:
    return Revision(
        id=item["id"],
        parents=tuple(item["parents"]),
        file=item["file"],
        message=item["message"],
        depends_on=tuple(item["depends_on"]),
        labels=tuple(item["labels"]),
    )


def _ordered(revisions: Sequence[Revision]) -> tuple[Revision, ...]:
    """Parents before children, otherwise by id. A dependency may be a branch label."""
    by_label = {label: item.id for item in revisions for label in item.labels}
    waiting = {item.id: item for item in sorted(revisions, key=lambda item: item.id)}
    ordered: list[Revision] = []
    while waiting:
        ready = [
            item
            for item in waiting.values()
            if not {by_label.get(name, name) for name in item.parents + item.depends_on} & waiting.keys()
        ] or list(waiting.values())
        for item in ready:
            ordered.append(waiting.pop(item.id))
    return tuple(ordered)


async def replay(workspace: Workspace, revision: str = "heads", history: History | None = None) -> str:
    """The name of a sandbox template that holds what the history makes of an empty database, up to a revision.

    revision: an id or the beginning of one, a branch label, "head", "heads" or "base"; what else Alembic understands is
    left to it. history: as find_history() read it just now. Replayed once for the same files (history_fingerprint.py).
    Raises MigrationError.
    """
    alembic = await open_alembic(workspace)
    sandboxes = await workspace.sandboxes()
    if alembic is None:
        if revision not in ("head", "heads", "base"):
            raise MigrationError(f"There is no revision {revision}: the project has no Alembic configuration.")
        return await sandboxes.template(EMPTY, _leave_empty)
    known = history or await _read_history(alembic)
    wanted = resolve(known, revision)
    if not wanted and revision in ("head", "heads", "base"):
        return await sandboxes.template(EMPTY, _leave_empty)

    async def fill(sandbox: Sandbox) -> None:
        count = len(known.ancestors(*wanted))
        workspace.progress(f"replaying {count} revisions of {known.config} on an empty database")
        await _run(workspace, alembic, known, sandbox, "upgrade", revision, ())

    key = await asyncio.to_thread(
        fingerprint, known, wanted, alembic.root, (str(alembic.interpreter), *map(str, known.packages))
    )
    return await sandboxes.template(f"migrations {revision if not wanted else ' '.join(wanted)} {key}", fill)


async def _leave_empty(sandbox: Sandbox) -> None:
    """What an empty template is filled with."""


def resolve(history: History, revision: str) -> tuple[str, ...]:
    """The ids that a word stands for; () for "base", and for words that only Alembic understands (relative ones).

    Raises MigrationError when "head" stands for several, or an id for none or several.
    """
    if revision in ("base", "heads"):
        return history.heads if revision == "heads" else ()
    if revision == "head":
        if len(history.heads) > 1:
            raise MigrationError(*heads_text(history))
        return history.heads
    if any(sign in revision for sign in "@+-:"):
        return ()
    labelled = tuple(item.id for item in history.revisions if revision in item.labels)
    found = labelled or tuple(item.id for item in history.revisions if item.id == revision)
    found = found or tuple(item.id for item in history.revisions if item.id.startswith(revision))
    if len(found) == 1:
        return found
    heads = ", ".join(history.heads) or "none"
    if not found:
        raise MigrationError(f"There is no revision {revision}.", f"Heads are: {heads}.")
    raise MigrationError(f"{revision} is the beginning of several revisions: {', '.join(found)}.", "Write more of it.")


async def upgrade(
    workspace: Workspace, sandbox: Sandbox, revision: str = "heads", *, extra: Sequence[Path] = ()
) -> Walk:
    """Run the user's `alembic upgrade` on a sandbox. extra: further folders with revisions, such as one to be tried out.

    Raises MigrationError with the user's file and line, the statement, and Postgres's words.
    """
    return await _run_found(workspace, sandbox, "upgrade", revision, extra)


async def downgrade(workspace: Workspace, sandbox: Sandbox, revision: str, *, extra: Sequence[Path] = ()) -> Walk:
    """Run the user's `alembic downgrade` on a sandbox; as upgrade()."""
    return await _run_found(workspace, sandbox, "downgrade", revision, extra)


async def stamp(workspace: Workspace, sandbox: Sandbox, revision: str, *, extra: Sequence[Path] = ()) -> Walk:
    """Run the user's `alembic stamp` on a sandbox; as upgrade()."""
    return await _run_found(workspace, sandbox, "stamp", revision, extra)


async def _run_found(
    workspace: Workspace, sandbox: Sandbox, command: str, revision: str, extra: Sequence[Path]
) -> Walk:
    alembic = await open_alembic(workspace)
    if alembic is None:
        raise MigrationError(
            "The project has no Alembic configuration.", "Create one with `alembic init -t async migrations`."
        )
    return await _run(workspace, alembic, History(), sandbox, command, revision, extra)


async def _run(
    workspace: Workspace,
    alembic: Alembic,
    history: History,
    sandbox: Sandbox,
    command: str,
    revision: str,
    extra: Sequence[Path],
) -> Walk:
    """Run a command; a role or a table of others that a statement names and the sandbox lacks is made, and it runs again."""
    request = _request(alembic, sandbox, command, revision, extra)
    for _ in range(PROVIDED):
        answer = await alembic.visit(request, sandbox.url, RUN_LIMIT)
        if not await _provided(workspace, sandbox, answer.error):
            break
    if answer.result is None:
        if answer.error.get("kind") == "heads" and not history.revisions:
            history = await _read_history(alembic)
        raise migration_error(answer, alembic.interpreter, history, RUN_LIMIT)
    result = answer.result
    walk = Walk(tuple(result["done"]), tuple(sorted(result["heads"])), result["statements"])
    await _check_committed(alembic, sandbox, walk, result["options"])
    return walk


async def _provided(workspace: Workspace, sandbox: Sandbox, error: Mapping[str, Any]) -> bool:
    """Whether what Postgres missed could be made on the sandbox."""
    role, table = missing_role(error), missing_table(error, workspace.settings.external)
    if role:
        return await provide_role(await workspace.sandboxes(), sandbox, role)
    return bool(table) and await provide_table(workspace, sandbox, table)


def _request(alembic: Alembic, sandbox: Sandbox, command: str, revision: str, extra: Sequence[Path]) -> dict[str, Any]:
    target = read_url(sandbox.url)
    return {
        "action": "run",
        "command": command,
        "revision": revision,
        "extra": [str(folder) for folder in extra],
        "target": {
            "host": target.host,
            "port": target.port or 5432,
            "user": target.user,
            "password": target.password,
            "database": target.database,
            "sslmode": target.sslmode,
        },
    }


async def _check_committed(alembic: Alembic, sandbox: Sandbox, walk: Walk, options: Mapping[str, Any]) -> None:
    """Raise MigrationError when the revisions ran and env.py did not commit them."""
    if not walk.done:
        return
    table = quote(options.get("version_table") or "alembic_version")
    schema = options.get("version_table_schema")
    name = f"{quote(schema)}.{table}" if schema else table
    connection = await connect(sandbox.url)
    try:
        with translating("reading the version table"):
            exists = await connection.fetchval("select to_regclass($1) is not null", name)
            rows = await connection.fetch(f"select version_num from {name}") if exists else []
    finally:
        await connection.close()
    if tuple(sorted(row[0] for row in rows)) != walk.heads:
        raise MigrationError(
            f"env.py ran {len(walk.done)} revisions and committed nothing.",
            "A statement that env.py sends before context.configure() opens a transaction that Alembic does not commit: "
            "commit it, or send it on another connection.",
            f"{alembic.config.label(alembic.root)}",
        )
