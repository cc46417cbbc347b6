"""Neon's proxy on loopback: TLS, routing by SNI or `options`, SCRAM with and without channel binding, its filter, its words.

One port serves direct and pooled hosts. Only user, database, application_name, replication and options go on to the
compute; every error of the proxy itself has the code XX000 (https://github.com/neondatabase/neon, proxy/src). A fault
that was ordered meets one connection, at one step of its handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any

from tests.neon import messages
from tests.neon.certificates import Certificates
from tests.neon.compute import Address, Compute, Visit
from tests.neon.scram import PLAIN, PLUS, Verifier, WrongProof
from tests.neon.upstream import Rejected, forwarded, log_in, relay

STEPS = ("accepted", "tls asked", "tls", "started", "challenged", "proven", "woken", "connected", "ready")
INSECURE = "connection is insecure (try using `sslmode=require`)"
NO_ENDPOINT = (
    "Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) for SNI support or pass "
    "the endpoint ID (first part of the domain name) as a parameter: '?options=endpoint%3D<endpoint-id>'."
)
UNKNOWN = "Control plane request failed: endpoint cannot be found"
NO_COMPUTE = "Couldn't connect to compute node"


class ProxyError(Exception):
    """What the proxy says before it hangs up."""


class Dropped(Exception):
    """The socket is to be cut."""


@dataclass(frozen=True)
class Fault:
    """What one connection meets at a step: "drop" (the socket is cut), "stall" (nothing more is said), or words of an error."""

    step: str
    kind: str = "drop"


@dataclass(eq=False)
class Client:
    """A client and what is known of it. name: of its host, as its TLS said; "" without."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    fault: Fault | None = None
    name: str = ""

    @property
    def is_encrypted(self) -> bool:
        return self.writer.get_extra_info("ssl_object") is not None

    async def at(self, step: str) -> None:
        """Meet the fault that is due here."""
        if self.fault is None or self.fault.step != step:
            return
        if self.fault.kind == "stall":
            await self.reader.read()
        if self.fault.kind in ("stall", "drop"):
            raise Dropped
        raise ProxyError(self.fault.kind)

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> bytes:
        return (await messages.read_message(self.reader))[1]


class Proxy:
    """Serves hosts `<compute>.<domain>` and `<compute>-pooler.<domain>`. faults: one for each of the next connections."""

    def __init__(self, certificates: Certificates, domain: str) -> None:
        self.domain = domain
        self.computes: dict[str, Compute] = {}
        self.faults: deque[Fault | None] = deque()
        self.accepted = 0
        self._certificates = certificates
        self._context = certificates.context()
        self._context.sni_callback = _note_name
        self._cancels: dict[bytes, Address] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._socket.setblocking(False)
        self.port = int(self._socket.getsockname()[1])

    def start(self) -> None:
        self._keep(asyncio.create_task(self._accept()))

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.close()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        while True:
            accepted, _ = await asyncio.get_running_loop().sock_accept(self._socket)
            self.accepted += 1
            self._keep(asyncio.create_task(self._serve(accepted, self.faults.popleft() if self.faults else None)))

    async def _serve(self, accepted: socket.socket, fault: Fault | None) -> None:
        client = None
        try:
            is_tls = await _first_byte(accepted) == b"\x16"
            client = await self._open(accepted, is_tls)
            client.fault = fault
            await client.at("accepted")
            await self._greet(client)
        except ProxyError as refusal:
            assert client is not None
            with contextlib.suppress(OSError):
                await client.say(messages.error(str(refusal)))
        except (OSError, EOFError, Dropped):
            pass
        finally:
            if client is None:
                accepted.close()
            elif isinstance(fault, Fault) and fault.kind == "drop":
                client.writer.transport.abort()
            else:
                client.writer.close()
                with contextlib.suppress(OSError):
                    await client.writer.wait_closed()

    async def _open(self, accepted: socket.socket, is_tls: bool) -> Client:
        """Streams on a socket, over TLS when the client began with it (`sslnegotiation=direct`)."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        writers: list[asyncio.StreamWriter] = []
        protocol = asyncio.StreamReaderProtocol(reader, lambda _, writer: writers.append(writer))
        context = self._context if is_tls else None
        await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=context)
        return Client(reader, writers[0], name=_name_of(writers[0]))

    async def _greet(self, client: Client) -> None:
        code, body = await messages.read_opening(client.reader)
        while code in (messages.TLS_REQUEST, messages.GSS_REQUEST):
            if code == messages.GSS_REQUEST:
                await client.say(b"N")
            else:
                await client.at("tls asked")
                await client.say(b"S")
                await client.writer.start_tls(self._context)
                client.name = _name_of(client.writer)
                await client.at("tls")
            code, body = await messages.read_opening(client.reader)
        if code == messages.CANCEL_REQUEST:
            await self._cancel(body)
            return
        if not client.is_encrypted:
            raise ProxyError(INSECURE)
        await client.at("started")
        await self._log_in(client, messages.read_parameters(body))

    async def _log_in(self, client: Client, parameters: dict[str, str]) -> None:
        name = self._route(client.name, parameters.get("options", ""))
        user = parameters["user"]
        if name:
            compute = self._compute(name)
            key = await self._authenticate(client, compute, user)
        else:
            name, key = await self._ask_for_name(client, user)
            compute = self._compute(name)
        await self._wake(client, compute)
        await client.at("woken")
        await self._pass_on(client, compute, parameters, key, pooled=name.endswith("-pooler"))

    def _route(self, host: str, options: str) -> str:
        """The compute that is meant, with `-pooler` for its pooler; "" when nothing says which."""
        named = [word.partition("=")[2] for word in options.split() if word.startswith(("endpoint=", "project="))]
        first, _, domain = host.partition(".")
        by_host = first if domain == self.domain else ""
        if named and by_host and named[0] != by_host:
            raise ProxyError(
                f"Inconsistent project name inferred from SNI ('{by_host}') and project option ('{named[0]}')."
            )
        return named[0] if named else by_host

    def _compute(self, name: str) -> Compute:
        compute = self.computes.get(name.removesuffix("-pooler"))
        if compute is None:
            raise ProxyError(UNKNOWN)
        return compute

    async def _ask_for_name(self, client: Client, user: str) -> tuple[str, bytes]:
        """A client without SNI writes `endpoint=<id>;<password>` where a password is asked for."""
        await client.say(messages.authentication(3))
        found = re.fullmatch(r"(?:endpoint|project)=([\w-]+)[;$](.*)", (await client.hear()).rstrip(b"\0").decode())
        if found is None:
            raise ProxyError(NO_ENDPOINT)
        secret = self._compute(found[1]).roles.get(user)
        try:
            key = secret.key_of(found[2]) if secret else b""
        except WrongProof:
            key = b""
        if not key:
            raise ProxyError(f"password authentication failed for user '{user}'")
        await client.say(messages.authentication(0))
        return found[1], key

    async def _authenticate(self, client: Client, compute: Compute, user: str) -> bytes:
        """The client's key, once it has proven that it knows the password."""
        offered = b"".join(name.encode() + b"\0" for name in (PLUS, PLAIN)) + b"\0"
        await client.say(messages.authentication(10, offered))
        verifier = Verifier(compute.roles.get(user), self._certificates.end_point)
        try:
            mechanism, _, first = (await client.hear()).partition(b"\0")
            await client.say(
                messages.authentication(11, verifier.challenge(mechanism.decode(), first[4:].decode()).encode())
            )
            await client.at("challenged")
            key, last = verifier.verify((await client.hear()).decode())
        except WrongProof:
            raise ProxyError(f"password authentication failed for user '{user}'") from None
        await client.say(messages.authentication(12, last.encode()) + messages.authentication(0))
        await client.at("proven")
        return key

    async def _wake(self, client: Client, compute: Compute) -> None:
        if compute.refusal:
            raise ProxyError(compute.refusal)
        if compute.is_stalled:
            await client.reader.read()
            raise Dropped
        await compute.wake()

    async def _pass_on(
        self, client: Client, compute: Compute, parameters: dict[str, str], key: bytes, *, pooled: bool
    ) -> None:
        passed = forwarded(parameters, compute)
        dropped = sorted(set(parameters) - set(passed) - {"options"})
        compute.visits.append(Visit(pooled, passed, tuple(dropped)))
        address = compute.pooler if pooled else compute.direct
        try:
            reader, writer = await asyncio.open_connection(*address)
        except OSError:
            raise ProxyError(NO_COMPUTE) from None
        cancel_key = b""
        try:
            await client.at("connected")
            writer.write(messages.start_up(passed))
            told, cancel_key = await log_in(reader, writer, key)
            self._cancels[cancel_key] = address
            await client.say(told)
            await client.at("ready")
            await relay((client.reader, client.writer), (reader, writer), compute, pooled=pooled)
        except Rejected as refusal:
            raise ProxyError(str(refusal)) from None
        except EOFError:
            raise ProxyError(NO_COMPUTE) from None
        finally:
            self._cancels.pop(cancel_key, None)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _cancel(self, key: bytes) -> None:
        """A cancel request goes to whoever gave that key."""
        if key in self._cancels:
            _, writer = await asyncio.open_connection(*self._cancels[key])
            writer.write(len(key + b"\0" * 8).to_bytes(4, "big") + messages.CANCEL_REQUEST.to_bytes(4, "big") + key)
            await writer.drain()
            writer.close()
            await writer.wait_closed()


def _note_name(connection: Any, name: str | None, _: ssl.SSLContext) -> None:
    connection.asked_for = name or ""


def _name_of(writer: asyncio.StreamWriter) -> str:
    return str(getattr(writer.get_extra_info("ssl_object"), "asked_for", ""))


async def _first_byte(accepted: socket.socket) -> bytes:
    """Look at what the client sends first, and leave it there."""
    loop, seen = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(accepted, seen.set)
    try:
        await seen.wait()
    finally:
        loop.remove_reader(accepted)
    return accepted.recv(1, socket.MSG_PEEK)
