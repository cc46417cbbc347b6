"""The proxy's way to Postgres or PgBouncer: what it passes on, how it logs in, and how it carries what both say."""

from __future__ import annotations

import asyncio
import contextlib

from tests.neon import messages
from tests.neon.compute import Compute, Relay
from tests.neon.scram import PLAIN, Prover

FORWARDED = frozenset({"user", "database", "application_name", "replication"})
OWN_OPTIONS = ("endpoint=", "project=", "neon_")
ADVICE = ". Please use unpooled connection or remove this parameter from the startup package."


class Rejected(Exception):
    """What Postgres or PgBouncer said to the login."""


def forwarded(parameters: dict[str, str], compute: Compute) -> dict[str, str]:
    """The start-up parameters that go on: https://github.com/neondatabase/neon, proxy/src/compute/mod.rs."""
    kept = {key: value for key, value in parameters.items() if key in FORWARDED}
    database = kept.get("database") or kept["user"]
    options = [word for word in parameters.get("options", "").split() if not word.startswith(OWN_OPTIONS)]
    if options:
        kept["options"] = " ".join(options)
    return {**kept, "database": compute.databases.get(database, database), "client_encoding": "UTF8"}


async def log_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: bytes) -> tuple[bytes, bytes]:
    """-> everything that the client is to be told up to ReadyForQuery, and the key for cancel requests.

    key: the client's, by SCRAM. Raises Rejected.
    """
    prover, told, cancel_key = Prover(key), b"", b""
    while True:
        kind, body = await messages.read_message(reader)
        if kind == b"E":
            words = messages.words_of(body)
            raise Rejected(words + ADVICE if words.startswith("unsupported startup parameter") else words)
        if kind == b"R":
            writer.write(_reply(prover, body))
            continue
        if kind == b"K":
            cancel_key = body
        told += messages.message(kind, body)
        if kind == b"Z":
            return told, cancel_key


def _reply(prover: Prover, body: bytes) -> bytes:
    """What a request to authenticate is answered with."""
    match messages.code_of(body):
        case 10:
            first = prover.first.encode()
            return messages.message(b"p", PLAIN.encode() + b"\0" + len(first).to_bytes(4, "big") + first)
        case 11:
            return messages.message(b"p", prover.proof(body[4:].decode()).encode())
    return b""


async def relay(
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    compute: Compute,
    *,
    pooled: bool,
) -> None:
    """Carry what both say until one of them hangs up or the compute falls asleep."""
    here = Relay(pooled)
    compute.relays.add(here)
    tasks = (
        asyncio.create_task(_carry(client[0], server[1])),
        asyncio.create_task(_carry(server[0], client[1])),
        asyncio.create_task(here.ended.wait()),
    )
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        compute.relays.discard(here)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
