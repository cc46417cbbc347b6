"""apply_migration: exactly what was rehearsed, on the database that is in use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import ConfigError, MigrationError, Refused
from mcp_server.model.answer import Answer

if TYPE_CHECKING:
    from mcp_server.model.apply import ApplyPlan, Outcome
    from mcp_server.world.alembic_process import Alembic
    from mcp_server.world.apply_lock import Connection
    from mcp_server.world.carrying_out import Policy
    from mcp_server.world.urls import Target
    from mcp_server.world.workspace import Workspace

TARGETS = ("live", "sandbox", "branch", "branch:<name>")


async def apply_migration(
    workspace: Workspace,
    revision: str = "head",
    target: str = "live",
    plan_hash: str = "",
    confirm: tuple[str, ...] = (),
    lock_timeout_ms: int = 3_000,
    attempts: int = 10,
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Run the pending Alembic revisions on a database: only those that were rehearsed, exactly as they were rehearsed.

    The first call runs nothing: it shows the plan and its hash. The call with that hash carries the plan out, one
    revision at a time by the project's own Alembic, with short waits for locks; it stops at the first failure and says
    what was applied, what was not, and the way back. Afterwards the database is read and compared with the rehearsal.

    revision: the id to go to, or head. target: live (the configured database), sandbox (the one of `dbarch dev`), branch (a
    fresh Neon branch of live with its rows, removed afterwards) or branch:<name>; the hash is the same there as on live, so
    that a plan may be run on a branch first.
    plan_hash: the hash that the plan was shown with; empty to be shown the plan. confirm: the names of all tables,
    columns and types whose rows or values the plan destroys, as ["task.due"]. lock_timeout_ms: how long a statement
    waits for a lock, and others wait behind it. attempts: how often a revision is tried that only met locks.
    format: text, or json for programs.
    """
    from mcp_server.operations.branch_apply import apply_on_branch, tried_on_branch
    from mcp_server.world.carrying_out import Policy

    policy = Policy(lock_timeout_ms=max(1, lock_timeout_ms), attempts=max(1, attempts))
    if target.partition(":")[0] == "branch":
        return await apply_on_branch(workspace, Asked(revision, target, plan_hash, confirm, policy))
    async with _database(workspace, target) as database:
        answer = await apply_to(workspace, database, Asked(revision, target, plan_hash, confirm, policy))
    return tried_on_branch(workspace, answer) if target == "live" and not plan_hash else answer


@dataclass(frozen=True, slots=True)
class Asked:
    """What apply_migration was asked for; see there. agreed: see applying.Site."""

    revision: str
    target: str
    plan_hash: str
    confirm: tuple[str, ...]
    policy: Policy
    agreed: Target | None = None


async def apply_to(workspace: Workspace, database: Target, asked: Asked) -> Answer:
    """Show the plan for a database, or carry it out when its hash was given."""
    from mcp_server.operations.applying import Site, prepare
    from mcp_server.operations.carry_out import carry_out
    from mcp_server.render.apply_text import plan_data, render_plan
    from mcp_server.world.apply_lock import alone
    from mcp_server.world.migrations import find_history

    alembic = await _open_alembic(workspace)
    history = await find_history(workspace)
    if not asked.plan_hash:
        async with _looking(database) as connection:
            plan = await prepare(
                Site(workspace, history, asked.target, database, connection, asked.agreed), asked.revision
            )
        return Answer(
            render_plan(plan, asked.confirm), plan_data(plan), f"planned {len(plan.steps)} revisions, ran none"
        )
    async with alone(database) as connection:
        site = Site(workspace, history, asked.target, database, connection, asked.agreed)
        plan = await prepare(site, asked.revision)
        _check_consent(plan, asked.plan_hash, asked.confirm)
        return _told(plan, await carry_out(site, alembic, plan, asked.policy))


async def _open_alembic(workspace: Workspace) -> Alembic:
    from mcp_server.world.alembic_process import open_alembic

    alembic = await open_alembic(workspace)
    if alembic is None:
        raise MigrationError("The project has no Alembic configuration.", "autogenerate_migration makes one.")
    return alembic


@asynccontextmanager
async def _database(workspace: Workspace, word: str) -> AsyncIterator[Target]:
    """The way to the database that a target word means."""
    from mcp_server.operations.dev import development_database
    from mcp_server.world.urls import read_url

    if word == "live":
        if not workspace.settings.database_url:
            raise ConfigError(
                "No database is configured, so there is no target `live`.",
                'Set DBARCH_DATABASE_URL or DATABASE_URL, or apply to target="sandbox", the database of `dbarch dev`.',
            )
        yield read_url(workspace.settings.database_url)
    elif word == "sandbox":
        async with development_database(workspace) as running:
            workspace.redactor.add_url(running.url)
            yield read_url(running.url)
    else:
        raise ConfigError(f"There is no target {word!r}.", f"Targets are: {', '.join(TARGETS)}.")


@asynccontextmanager
async def _looking(database: Target) -> AsyncIterator[Connection]:
    from mcp_server.world.database import connect, finish

    connection = await connect(database, read_only=True)
    try:
        yield connection
    finally:
        await finish(connection.close(timeout=5))


def _check_consent(plan: ApplyPlan, plan_hash: str, confirm: tuple[str, ...]) -> None:
    """Raise Refused unless what is going to run is what somebody saw, and each loss was named."""
    if plan_hash != plan.hash:
        raise Refused(
            f"The plan is no longer, or never was, {plan_hash}; nothing was run.",
            "The database, a revision or a rehearsal changed: call it without plan_hash to see the plan as it is now.",
        )
    if unconfirmed := plan.unconfirmed(confirm):
        names = ", ".join(f'"{name}"' for name in unconfirmed)
        raise Refused(
            f"The plan destroys what was not named: {', '.join(unconfirmed)}; nothing was run.",
            f"When its rows and values may go, name it: confirm=[{names}].",
        )


def _told(plan: ApplyPlan, outcome: Outcome) -> Answer:
    from mcp_server.render.apply_text import outcome_data, render_outcome

    stop = outcome.stop
    done = f"applied {', '.join(outcome.applied) or 'nothing'} to {plan.label}"
    return Answer(
        render_outcome(plan, outcome),
        outcome_data(plan, outcome),
        f"{done}, stopped at {stop.revision}: {stop.message}" if stop else done,
        findings=1 if stop else 0,
        carried_out={"revisions": len(outcome.applied), "statements": outcome.statements},
    )
