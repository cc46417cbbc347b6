"""The project's Alembic history: found, and replayed on sandboxes by the user's own Alembic and env.py.

The database they configured is never touched: see guest/engines.py and guest/guard.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.errors import MigrationError
from mcp_server.model.orm import History, Walk
from mcp_server.world.alembic_process import Alembic, open_alembic
from mcp_server.world.guest_errors import heads_text, migration_error
from mcp_server.world.guest_process import Answer
from mcp_server.world.history_fingerprint import fingerprint
from mcp_server.world.history_reading import read_history
from mcp_server.world.roles import missing_role, provide_role
from mcp_server.world.stand_ins import missing_below, missing_table, provide_above, provide_table
from mcp_server.world.templates import make_template
from mcp_server.world.walks import Errand, Step, Stopped, walk_steps

if TYPE_CHECKING:
    from mcp_server.world.sandbox import Sandbox
    from mcp_server.world.walker import Walker
    from mcp_server.world.workspace import Workspace

EMPTY = "an empty database"
PROVIDED = 20


async def find_history(workspace: Workspace) -> History:
    """The project's history; an empty one when it has none. Connects to nothing.

    Raises MigrationError when the revisions do not fit together or cannot be imported.
    """
    alembic = await open_alembic(workspace)
    return await read_history(alembic) if alembic else History()


async def replay(
    workspace: Workspace,
    revision: str = "heads",
    history: History | None = None,
    start: str = "",
    walker: Walker | None = None,
    *,
    wants_schema: bool = False,
) -> str:
    """The name of a sandbox template that holds what the history makes of an empty database, up to a revision.

    revision: an id or the beginning of one, a branch label, "head", "heads" or "base"; what else Alembic understands is
    left to it. history: as find_history() read it just now. start: a template of an earlier revision of the same history,
    to go on from. walker: one that has read the history, and need not be started. wants_schema: read_template() is next.
    Replayed once for the same files (history_fingerprint.py).
    Raises MigrationError.
    """
    alembic = await open_alembic(workspace)
    sandboxes = await workspace.sandboxes()
    if alembic is None:
        if revision not in ("head", "heads", "base"):
            raise MigrationError(f"There is no revision {revision}: the project has no Alembic configuration.")
        return await sandboxes.template(EMPTY, _leave_empty)
    known = history or (walker.history if walker else None) or await read_history(alembic)
    wanted = resolve(known, revision)
    if not wanted and revision in ("head", "heads", "base"):
        return await sandboxes.template(EMPTY, _leave_empty)

    async def fill(sandbox: Sandbox) -> None:
        count = len(known.ancestors(*wanted))
        workspace.progress(f"replaying {count} revisions of {known.config} on an empty database")
        async with aclosing(walk(workspace, sandbox, [("upgrade", revision)], history=known, walker=walker)) as walked:
            async for one in walked:
                _whole(one)

    key = await asyncio.to_thread(
        fingerprint, known, wanted, alembic.settings.root, (str(alembic.interpreter), *map(str, known.packages))
    )
    name = f"migrations {revision if not wanted else ' '.join(wanted)} {key}"
    promised = walker.sandbox if walker else None
    if wants_schema:
        return await make_template(workspace, name, fill, start, promised)
    return await sandboxes.template(name, fill, start, promised)


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
    workspace: Workspace,
    sandbox: Sandbox,
    revision: str = "heads",
    *,
    extra: Sequence[Path] = (),
    observed: bool = False,
) -> Walk:
    """Run the user's `alembic upgrade` on a sandbox. extra: further folders with revisions, such as one to be tried out.

    observed: see what each statement does (Walk.observed). Raises MigrationError with the user's file and line, the
    statement, and Postgres's words.
    """
    return await _run_found(workspace, sandbox, "upgrade", revision, extra, observed)


async def downgrade(
    workspace: Workspace, sandbox: Sandbox, revision: str, *, extra: Sequence[Path] = (), observed: bool = False
) -> Walk:
    """Run the user's `alembic downgrade` on a sandbox; as upgrade()."""
    return await _run_found(workspace, sandbox, "downgrade", revision, extra, observed)


async def stamp(workspace: Workspace, sandbox: Sandbox, revision: str, *, extra: Sequence[Path] = ()) -> Walk:
    """Run the user's `alembic stamp` on a sandbox; as upgrade()."""
    return await _run_found(workspace, sandbox, "stamp", revision, extra, False)


async def _run_found(
    workspace: Workspace, sandbox: Sandbox, command: str, revision: str, extra: Sequence[Path], observed: bool
) -> Walk:
    async with aclosing(walk(workspace, sandbox, [(command, revision)], extra=extra, observed=observed)) as walked:
        async for one in walked:
            return _whole(one)
    raise AssertionError("a walk of one step ends with that step")


def _whole(walked: Walked) -> Walk:
    if walked.failure is not None:
        raise walked.failure
    return walked.walk


@dataclass(frozen=True, slots=True)
class Walked:
    """A step that was carried out, or that failed: then `walk` holds only what was observed of it."""

    walk: Walk
    failure: MigrationError | None = None


async def walk(
    workspace: Workspace,
    sandbox: Sandbox,
    steps: Sequence[Step],
    *,
    extra: Sequence[Path] = (),
    observed: bool = False,
    history: History | None = None,
    walker: Walker | None = None,
    owner: Sandbox | None = None,
) -> AsyncGenerator[Walked, None]:
    """Carry out several commands of the user's Alembic in one process, each told while the process waits.

    steps: ("upgrade", "downgrade" or "stamp", revision) each. A step that fails is the last. extra, observed: as for
    upgrade(). history: as it was read, for the words of an error. walker: one that may do it, where the sandbox is the
    one that it can reach. owner: the sandbox by the way of another role, which they run as. Use it within
    contextlib.aclosing().
    """
    alembic = await open_alembic(workspace)
    if alembic is None:
        raise MigrationError(
            "The project has no Alembic configuration.", "Create one with `alembic init -t async migrations`."
        )
    left = list(steps)
    for _ in range(PROVIDED):
        began, stopped = len(left), None
        is_first = walker is None or not walker.can_walk(sandbox, extra)
        async with aclosing(walk_steps(alembic, sandbox, Errand(left, extra, observed, owner), walker)) as walking:
            async for one in walking:
                if isinstance(one, Stopped):  # the last that it says
                    stopped = one
                else:
                    left = left[1:]
                    yield Walked(one)
        if stopped is None:
            return
        if not await _may_go_on(workspace, sandbox, stopped, is_first=is_first and len(left) == began):
            yield Walked(Walk((), (), observed=stopped.observed), await _failure(alembic, stopped.answer, history))
            return
        walker = None


async def _may_go_on(workspace: Workspace, sandbox: Sandbox, stopped: Stopped, *, is_first: bool) -> bool:
    """Whether a step that stopped may be begun again in a process of its own.

    A role, or a table of others with its schema and types, that a statement names and the sandbox lacks is made; an env.py
    may be such that it runs only once. is_first: it was the first thing that its process did.
    """
    error = stopped.answer.error
    role, table = missing_role(error), missing_table(error, workspace.settings.external)
    if role:
        return await provide_role(await workspace.sandboxes(), sandbox, role)
    if table and await provide_table(workspace, sandbox, table):
        return True
    word, name = missing_below(error)
    if name and await provide_above(workspace, sandbox, word, name):
        return True
    return not is_first and bool(error) and not error.get("running") and not error.get("done")


async def _failure(alembic: Alembic, answer: Answer, history: History | None) -> MigrationError:
    known = history or History()
    if answer.error.get("kind") == "heads" and not known.revisions:
        known = await read_history(alembic)
    return migration_error(answer, alembic.interpreter, known, alembic.settings.run_seconds)
