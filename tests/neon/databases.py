"""The databases behind the branches of the emulated API: real ones on the tests' Postgres, each reached by an address of its own.

A branch is a copy by pg_dump, which needs nobody to leave its parent. Every branch has its own loopback address, and each
calls its database `neondb`, as at Neon: whoever mixes addresses up is on another branch's rows. Their role is no superuser.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from struct import pack, unpack
from typing import Any

from mcp_server.world.installation import installations
from mcp_server.world.sandbox import Sandbox
from mcp_server.world.urls import Target, read_url

NAME = "neondb"
# Roles of other names lose their rights on the embedded server, see roles.disarm_roles().
OWNER = "dbarch_neon_owner"
PASSWORD = "npg_emulated4Tests"
NO_TLS, CANCEL = 80877103, 80877102


@dataclass
class Databases:
    """By branch: the real database, and where it answers. server: any database of the tests' Postgres."""

    server: Sandbox
    prefix: str
    loop: asyncio.AbstractEventLoop
    real: dict[str, str] = field(default_factory=dict)
    ways: dict[str, tuple[str, asyncio.Server]] = field(default_factory=dict)
    made: int = 0

    @property
    def target(self) -> Target:
        return read_url(self.server.url)

    def make(self, branch: str, parent: str = "", *, schema_only: bool = False) -> None:
        """A database for a branch: empty, or what its parent's holds now."""
        self.made += 1
        self.real[branch] = f"{self.prefix}_{self.made}"
        self._create(branch)
        if parent:
            self._copy(parent, branch, schema_only=schema_only)
        host = f"127.0.1.{self.made}"
        listening = asyncio.start_server(lambda *both: self._serve(branch, *both), host, 0)
        self.ways[branch] = (host, self._done(listening))

    def restore(self, branch: str, source: str) -> None:
        """Make a branch's database what another's is now."""
        self._drop(branch)
        self._create(branch)
        self._copy(source, branch)

    def drop(self, branch: str) -> None:
        """Drop a branch's database; its address answers no more."""
        self._done(self._closed(self.ways.pop(branch)[1]))
        self._drop(branch)
        del self.real[branch]

    def host(self, branch: str) -> str:
        return self.ways[branch][0]

    def url(self, branch: str) -> str:
        """The address of a branch's database, as the API tells it."""
        host, server = self.ways[branch]
        port = server.sockets[0].getsockname()[1]
        return f"postgresql://{OWNER}:{PASSWORD}@{host}:{port}/{NAME}"

    def close(self) -> None:
        for branch in tuple(self.real):
            self.drop(branch)

    def _create(self, branch: str) -> None:
        self._psql(
            "postgres",
            f"""do $$ begin create role {OWNER} login createdb createrole bypassrls password '{PASSWORD}';
            exception when duplicate_object or unique_violation then null; end $$""",
        )
        self._psql("postgres", f'create database "{self.real[branch]}" owner {OWNER}')
        self._psql(self.real[branch], f"alter schema public owner to {OWNER}")

    def _drop(self, branch: str) -> None:
        self._psql("postgres", f'drop database if exists "{self.real[branch]}" with (force)')

    def _copy(self, source: str, goal: str, *, schema_only: bool = False) -> None:
        words = ["--schema-only"] if schema_only else []
        dumped = self._run("pg_dump", *words, "-d", self.target.url(database=self.real[source]))
        self._psql(self.real[goal], dumped)

    def _psql(self, database: str, sql: str) -> None:
        self._run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.target.url(database=database), given=sql)

    def _run(self, program: str, *words: str, given: str = "") -> str:
        major = self.server.server_version // 10_000
        folder = next(one.folder for one in installations() if one.major == major)
        done = subprocess.run(
            [folder / "bin" / program, *words],
            input=given,
            capture_output=True,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
        )
        assert done.returncode == 0, done.stderr[-800:]
        return done.stdout

    def _done(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    async def _closed(self, server: asyncio.Server) -> None:
        server.close()

    async def _serve(self, branch: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client: its start-up packet with the real database's name, then every byte as it comes."""
        with suppress(OSError, EOFError, KeyError), closing(writer):
            packet = await self._started(branch, reader, writer)
            there, back = await asyncio.open_connection(self.target.host, self.target.port)
            with closing(back):
                back.write(packet)
                await asyncio.gather(_pass(reader, back), _pass(there, writer))

    async def _started(self, branch: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        while True:
            length, code = unpack("!II", await reader.readexactly(8))
            rest = await reader.readexactly(length - 8)
            if code == NO_TLS:
                writer.write(b"N")
                continue
            if code == CANCEL:
                return pack("!II", length, code) + rest
            words = rest.split(b"\0")
            told = dict(zip(words[::2], words[1::2], strict=False))
            if told.get(b"database") == NAME.encode():
                told[b"database"] = self.real[branch].encode()
            body = b"".join(key + b"\0" + value + b"\0" for key, value in told.items() if key) + b"\0"
            return pack("!II", len(body) + 8, code) + body


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextmanager
def databases(server: Sandbox) -> Iterator[Databases]:
    """Databases on a server for the length of a block; their addresses are served by a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    opened = Databases(server, f"{server.name}_branch", loop)
    try:
        yield opened
    finally:
        opened.close()
        asyncio.run_coroutine_threadsafe(_ended(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _ended() -> None:
    """Every client that is still served is let go."""
    rest = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
    for one in rest:
        one.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
