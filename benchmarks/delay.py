"""A proxy on loopback that delays every direction of a connection, as a far-away server would.

    async with delayed(target, milliseconds=10) as address: ...

`target` is a unix socket's path, or (host, port). `milliseconds` is one way: a round trip takes twice as long.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHUNK = 1 << 18


@asynccontextmanager
async def delayed(target: str | tuple[str, int], milliseconds: float) -> AsyncIterator[tuple[str, int]]:
    """Serve on a free port of loopback for the length of a block; yields (host, port)."""
    open_ones: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ones.add(task)
        there = await (
            asyncio.open_unix_connection(target) if isinstance(target, str) else asyncio.open_connection(*target)
        )
        with suppress(asyncio.CancelledError):
            await asyncio.gather(
                _relay(reader, there[1], milliseconds / 1000), _relay(there[0], writer, milliseconds / 1000)
            )
        open_ones.discard(task)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        for task in list(open_ones):
            task.cancel()


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Pass on what is read, each piece `seconds` after it came; pieces on their way do not wait for each other."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, piece = await queue.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not piece:
                writer.close()
                return
            writer.write(piece)

    delivering = asyncio.create_task(deliver())
    with suppress(OSError):
        while piece := await reader.read(CHUNK):
            queue.put_nowait((loop.time() + seconds, piece))
    queue.put_nowait((loop.time() + seconds, b""))
    with suppress(OSError):
        await delivering
