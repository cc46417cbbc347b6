"""A Neon project on loopback: its proxy, a real Postgres behind the direct host, a real PgBouncer behind the pooled one."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes
from mcp_server.world.urls import read_url
from tests.neon.certificates import Certificates, make_certificates
from tests.neon.compute import Compute
from tests.neon.pooler import Pooler, make_pooler
from tests.neon.proxy import Proxy
from tests.neon.scram import read_secret

DOMAIN = "local.aws.neon.tech"
PROJECT = "ep-quiet-frost-123456"


@dataclass(frozen=True)
class Ground:
    """sandbox: the database's own URL, past the proxy, as its owner's superuser."""

    proxy: Proxy
    compute: Compute
    pooler: Pooler
    certificates: Certificates
    sandbox: str
    role: str
    password: str
    database: str = "neondb"

    def host(self, *, pooled: bool = False) -> str:
        return f"{PROJECT}{'-pooler' if pooled else ''}.{DOMAIN}"

    def url(self, *, pooled: bool = False, query: str = "sslmode=require&channel_binding=require") -> str:
        """What Neon's console shows, with this proxy's port."""
        login = f"{self.role}:{self.password}@{self.host(pooled=pooled)}:{self.proxy.port}"
        return f"postgresql://{login}/{self.database}" + (f"?{query}" if query else "")

    async def suspend(self, *, abruptly: bool = False) -> None:
        """Scale to zero: every session ends, on the server, too."""
        self.compute.fall_asleep(abruptly=abruptly)
        await self.ask(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        )

    async def ask(self, sql: str) -> Any:
        """One value from the database, past the proxy."""
        connection = await connect(self.sandbox)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()


@asynccontextmanager
async def open_ground(sandboxes: Sandboxes, program: Path, folder: Path, prepared: int = 1000) -> AsyncIterator[Ground]:
    """A project with a database of its own, whose role owns it; reachable by name while the block lasts."""
    async with sandboxes.lend() as sandbox:
        server, password = read_url(sandbox.url), secrets.token_urlsafe(12)
        role = f"{sandbox.name}_owner"  # by its start told from roles that revisions make, see world/roles.py
        secret = read_secret(await _make_role(sandbox.url, role, password, sandbox.name))
        pooler = make_pooler(program, folder / "pooler", (server.host, server.port), {role: secret}, prepared)
        certificates = make_certificates(folder / "tls", (f"*.{DOMAIN}", DOMAIN, "localhost"))
        proxy = Proxy(certificates, DOMAIN)
        try:
            await pooler.start()
            compute = Compute(
                PROJECT, (server.host, server.port), pooler.address, {role: secret}, {"neondb": sandbox.name}
            )
            proxy.computes[PROJECT] = compute
            proxy.start()
            with reachable(certificates.authority):
                yield Ground(proxy, compute, pooler, certificates, sandbox.url, role, password)
        finally:
            await proxy.close()
            pooler.stop()
            await _drop_role(sandbox.url, role)


@asynccontextmanager
async def lend_ground(sandboxes: Sandboxes, program: Path, cache: Path) -> AsyncIterator[Ground]:
    """A project in a folder of its own, which is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="neon-", dir=cache))
    folder.chmod(0o755)
    async with open_ground(sandboxes, program, folder) as ground:
        yield ground
    shutil.rmtree(folder)


@contextmanager
def reachable(authority: Path) -> Iterator[None]:
    """The names of this Neon lead to this machine, and its authority is one of the system's."""
    resolve, trusted = socket.getaddrinfo, os.environ.get("SSL_CERT_FILE")

    def look_up(host: Any, *given: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return resolve("127.0.0.1" if str(name).endswith(DOMAIN) else host, *given, **named)

    socket.getaddrinfo = look_up
    os.environ["SSL_CERT_FILE"] = str(authority)
    try:
        yield
    finally:
        socket.getaddrinfo = resolve
        os.environ.pop("SSL_CERT_FILE")
        if trusted is not None:
            os.environ["SSL_CERT_FILE"] = trusted


async def _make_role(url: str, role: str, password: str, database: str) -> str:
    """-> its secret, as Postgres keeps it."""
    connection = await connect(url)
    try:
        await connection.execute(f"""
            create role {role} login createdb createrole bypassrls password '{password}';
            alter database "{database}" owner to {role};
            alter schema public owner to {role};
        """)
        return str(await connection.fetchval("select rolpassword from pg_authid where rolname = $1", role))
    finally:
        await connection.close()


async def _drop_role(url: str, role: str) -> None:
    connection = await connect(url)
    try:
        await connection.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{role}'")
        await connection.execute(f"reassign owned by {role} to current_user; drop owned by {role}; drop role {role}")
    except asyncpg.PostgresError as error:
        raise AssertionError(f"the role is still used: {error}") from None
    finally:
        await connection.close()
