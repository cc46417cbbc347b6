"""Operations that only tests serve: each shows one thing that a door must do with it."""

from __future__ import annotations

import asyncio
from typing import Literal

from mcp_server.errors import ConfigError, StatementFailed
from mcp_server.model.answer import Answer
from mcp_server.operations import Operation
from mcp_server.world.workspace import Workspace

PASSWORD = "sw0rdfish-9x"


async def echo(
    workspace: Workspace,
    text: str,
    times: int = 1,
    tags: tuple[str, ...] = (),
    detail: Literal["short", "long"] = "short",
    renames: dict[str, str] | None = None,
    write: bool = True,
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Say a text again.

    text: what is said. times: how often, from 1. tags: words to add.

    It changes nothing.
    """
    said = " ".join((*[text] * times, *tags))
    data = {"said": said, "detail": detail, "renames": renames, "write": write}
    return Answer(said, data, f"said {times}")


async def find(workspace: Workspace, count: int = 1) -> Answer:
    """Find something.

    count: how many findings there are.
    """
    return Answer(f"{count} findings", verdict="found", findings=count)


async def refuse(workspace: Workspace) -> Answer:
    """Fail as expected."""
    raise ConfigError(f"postgresql://app:{PASSWORD}@db/app cannot be used.", "Name another.")


async def complain(workspace: Workspace) -> Answer:
    """Fail with words that somebody else wrote."""
    raise StatementFailed("\x1b[2Jdrop\u202e it \x00now" + "!" * 50_000, "\x1b[31mor else")


async def paint(workspace: Workspace) -> Answer:
    """Say what a terminal would obey."""
    return Answer("\x1b[2Jsay\u202e so\n", {"said": "say\u202e \x1bso"})


async def crash(workspace: Workspace) -> Answer:
    """Fail as nobody expected."""
    raise LookupError(f"postgresql://app:{PASSWORD}@db/app")


async def leak(workspace: Workspace) -> Answer:
    """Say a secret."""
    return Answer(f"password is {PASSWORD}", {"note": f"it is {PASSWORD}"})


async def fill(workspace: Workspace, lines: int) -> Answer:
    """Say many lines.

    lines: how many.
    """
    text = "".join(f"line {number}\n" for number in range(lines))
    return Answer(text, [text], reports={"r0ot": "the whole report"})


async def step(workspace: Workspace) -> Answer:
    """Tell of three steps, the first two of unknown size."""
    workspace.progress("first")
    workspace.progress("second")
    workspace.progress("third", 0.9)
    return Answer("stepped")


async def sleep_on_server(workspace: Workspace) -> Answer:
    """Let the database sleep for ten minutes."""
    connection = await workspace.live()
    workspace.progress("asleep")
    await connection.fetchval("select pg_sleep(600)")
    return Answer("awake")


async def hold_sandbox(workspace: Workspace) -> Answer:
    """Hold a throw-away database until cancelled."""
    sandboxes = await workspace.sandboxes()
    async with sandboxes.lend() as sandbox:
        workspace.progress(sandbox.name)
        await asyncio.Event().wait()
    return Answer("never")


SAMPLES = tuple(
    Operation(name, "tests.sample_operations", name.replace("_", " ").capitalize(), effect)
    for name, effect in (
        ("echo", "writes files"),
        ("find", "reads"),
        ("refuse", "reads"),
        ("complain", "reads"),
        ("paint", "reads"),
        ("crash", "reads"),
        ("leak", "reads"),
        ("fill", "reads"),
        ("step", "reads"),
        ("sleep_on_server", "reads"),
        ("hold_sandbox", "reads"),
    )
)
