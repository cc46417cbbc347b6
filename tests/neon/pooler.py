"""A real PgBouncer in transaction mode with Neon's settings, in front of one Postgres; never as root."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from mcp_server.world.account import find_account
from tests.neon.compute import Address
from tests.neon.scram import Secret

# https://github.com/neondatabase/neon, compute/etc/pgbouncer.ini, and what Neon's documentation says of the pooler. The
# pool is small, so that clients share server connections at once.
SETTINGS = """
[databases]
* = host={host} port={port} application_name=pgbouncer
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
client_tls_sslmode = disable
server_tls_sslmode = disable
pool_mode = transaction
max_client_conn = 1000
default_pool_size = 4
max_prepared_statements = {prepared}
query_wait_timeout = 120
server_login_retry = 1
ignore_startup_parameters = extra_float_digits
logfile = {folder}/pgbouncer.log
log_connections = 1
log_disconnections = 0
log_pooler_errors = 1
"""
PATIENCE = 20.0


@dataclass(eq=False)
class Pooler:
    """program: of PgBouncer, where its user may run it. prepared: how many statements it keeps for each server connection."""

    program: Path
    folder: Path
    server: Address
    roles: dict[str, Secret]
    prepared: int = 1000
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def address(self) -> Address:
        return "127.0.0.1", self.port

    @property
    def logins(self) -> int:
        """How many clients have logged in, as PgBouncer's own log tells."""
        log = self.folder / "pgbouncer.log"
        return len(re.findall("login attempt:", log.read_text())) if log.exists() else 0

    async def start(self) -> None:
        self.port = self.port or _free_port()
        text = SETTINGS.format(
            host=self.server[0], port=self.server[1], own=self.port, folder=self.folder, prepared=self.prepared
        )
        users = "".join(f'"{name}" "{secret.text}"\n' for name, secret in self.roles.items())
        for name, content in (("pgbouncer.ini", text), ("users.txt", users)):
            (self.folder / name).write_text(content)
            self._give(self.folder / name)
        self._launch()
        await self._until_it_answers()

    async def _until_it_answers(self) -> None:
        assert self.process is not None
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                _, writer = await asyncio.open_connection(*self.address)
            except OSError:
                log = self.folder / "pgbouncer.log"
                alive = self.process.poll() is None and asyncio.get_running_loop().time() < deadline
                assert alive, log.read_text() if log.exists() else "PgBouncer did not start"
                await asyncio.sleep(0.01)
                continue
            writer.close()
            await writer.wait_closed()
            return

    def _launch(self) -> None:
        account = find_account()
        as_whom = {"user": account[0], "group": account[1], "extra_groups": ()} if account else {}
        command = [str(self.program), "-q", str(self.folder / "pgbouncer.ini")]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **as_whom,  # type: ignore[call-overload]
        )

    def _give(self, path: Path) -> None:
        if account := find_account():
            os.chown(path, *account)

    def stop(self) -> None:
        """End it at once, as a crash would: its clients and its servers lose their sockets."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def make_pooler(program: Path, folder: Path, server: Address, roles: dict[str, Secret], prepared: int = 1000) -> Pooler:
    """A pooler that is not started yet, with all it needs in `folder`."""
    folder.mkdir(mode=0o755, parents=True)
    own = folder / "pgbouncer"
    shutil.copy2(program, own)
    pooler = Pooler(own, folder, server, roles, prepared)
    pooler._give(folder)
    return pooler


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
