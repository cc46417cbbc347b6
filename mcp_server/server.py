"""The MCP door: operations become tools, resources and prompts. The only importer of `mcp`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.prompts.base import PromptArgument
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import CallToolResult, InputRequiredResult, Tool, ToolAnnotations
from pydantic import ValidationError
from starlette.applications import Starlette

from mcp_server import __version__
from mcp_server.arguments import mistakes, signed, stated, unknown
from mcp_server.door import Contract, Door, contract_of
from mcp_server.errors import ArchitectError, NotFound
from mcp_server.instructions import instructions
from mcp_server.operations import OPERATIONS, Operation
from mcp_server.operations.kept import read_kept
from mcp_server.prompts import WORKFLOWS, Workflow
from mcp_server.world.glance import glance
from mcp_server.world.workspace import Workspace

LISTED_SOURCES = ("live", "models", "migrations")
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
T = TypeVar("T")


class ArchitectServer(MCPServer[Any]):
    """The SDK's server with our tools, which are made when they are first asked for."""

    def __init__(self, workspace: Workspace, operations: Sequence[Operation] = OPERATIONS) -> None:
        super().__init__(
            "dbarch",
            title="Database architect",
            version=__version__,
            instructions=instructions(workspace.settings, glance(workspace.settings)),
            log_level="WARNING",
        )
        self.door = Door(workspace)
        self._operations = operations
        self._contracts: dict[str, Contract] = {}
        self._running: set[asyncio.Future[Any]] = set()
        self._add_resources()
        for workflow in WORKFLOWS:
            self.add_prompt(_prompt(workflow))

    async def list_tools(self) -> list[Tool]:
        """The tools, made now if they were not yet."""
        self.contracts()
        tools = await super().list_tools()
        return [tool.model_copy(update={"input_schema": stated(tool.input_schema)}) for tool in tools]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool. Raises ToolError; its text is exactly what the model reads."""
        contract = self.contracts().get(name)
        if contract is None:
            raise ToolError(unknown("tool", name, tuple(self.contracts())))
        known = tuple(argument.name for argument in contract.arguments)
        if strange := [given for given in arguments if given not in known]:
            raise ToolError(unknown(f"argument of {name}", strange[0], known))
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(self.door.redact(mistakes(name, error.__cause__))) from error.__cause__
            if isinstance(error.__cause__, ToolError):
                raise error.__cause__ from None
            raise

    def contracts(self) -> dict[str, Contract]:
        """The operations' contracts by name; the first call imports the operations and makes the tools."""
        if not self._contracts:
            self._contracts = {operation.name: contract_of(operation) for operation in self._operations}
            for contract in self._contracts.values():
                self._add_tool(contract)
        return self._contracts

    async def run_tool(self, contract: Contract, context: Context[Any, Any], arguments: dict[str, Any]) -> str:
        """The one adapter: an operation's answer as text, its errors as ToolError."""
        progress = ProgressLine(context)
        try:
            answer = await self._to_the_end(self.door.carry_out(contract, arguments, progress))
            return self.door.say(answer, as_json=arguments.get("format") == "json")
        except ArchitectError as error:
            raise ToolError(self.door.harmless(str(error))) from error
        except Exception as error:
            raise ToolError(self.door.describe_fault(error)) from error
        finally:
            await progress.finish()

    async def read_schema(self, source: str) -> str:
        """A schema as a resource: what inspect_schema says of the source. No file: clients ask nobody about a resource."""
        if source.partition(":")[0].strip() not in LISTED_SOURCES:
            raise ResourceError(f"This resource has {', '.join(LISTED_SOURCES)}; inspect_schema reads other sources.")
        try:
            work = self.door.carry_out(self.contracts()["inspect_schema"], {"source": source})
            answer = await self._to_the_end(work)
        except ArchitectError as error:
            raise ResourceError(self.door.harmless(str(error))) from error
        except Exception as error:
            raise ResourceError(self.door.describe_fault(error)) from error
        return self.door.say(answer, as_json=False)

    async def read_run(self, run: str) -> str:
        """The report of a run as a resource."""
        try:
            return read_kept(self.door.workspace.cache, run)
        except NotFound as error:
            raise ResourceNotFoundError(str(error)) from error
        except ArchitectError as error:
            raise ResourceError(str(error)) from error

    async def read_rule(self, code: str) -> str:
        """A rule's page as a resource."""
        from mcp_server.render.rule_page import render_rule
        from mcp_server.rules import rule_of

        one = rule_of(code)
        if one is None:
            raise ResourceNotFoundError(f"There is no rule {code[:20]}. Findings name the codes there are.")
        return render_rule(one.name, one.page, one.rule)

    async def settle(self, seconds: float) -> None:
        """Wait until the calls that were cancelled have cleaned up behind them."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` in a task of its own; when we are cancelled, cancel it once and wait for its clean-up.

        anyio cancels again at every await, so that a `finally` that drops a sandbox would never get through.
        """
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task])
            raise

    def _add_tool(self, contract: Contract) -> None:
        async def tool(mcp_context: Context[Any, Any], **arguments: Any) -> str:
            return await self.run_tool(contract, mcp_context, arguments)

        self.add_tool(
            signed(tool, Context, contract),
            name=contract.name,
            title=contract.title,
            description=contract.description,
            annotations=ToolAnnotations(
                read_only_hint=contract.effect == "reads",
                destructive_hint=contract.effect == "writes database",
                idempotent_hint=contract.effect == "reads",
                open_world_hint=False,
            ),
            meta={"anthropic/requiresUserInteraction": True} if contract.asks else None,
            structured_output=False,
        )

    def _add_resources(self) -> None:
        report = self.resource("dbarch://runs/{run}", name="run", description="The whole report of a run.")
        report(self.read_run)
        schema = self.resource(
            "dbarch://schema/{+source}", name="schema", description="A schema by its source word, as `live`."
        )
        schema(self.read_schema)
        rule = self.resource(
            "dbarch://rules/{code}", name="rule", description="What a finding's code means, as `M101`."
        )
        rule(self.read_rule)


class ProgressLine:
    """What an operation tells of its progress -> notifications: in order, always rising, none after the answer."""

    def __init__(self, context: Context[Any, Any]) -> None:
        self._context = context
        self._done = 0.0
        self._last: asyncio.Task[None] | None = None

    def __call__(self, message: str, done: float | None) -> None:
        self._done = max(self._done + (1.0 - self._done) * 0.05, min(done or 0.0, 1.0))
        self._last = asyncio.ensure_future(self._send(self._last, self._done, message))

    async def finish(self) -> None:
        """Wait until all was sent; a client that no longer reads must not hold the answer for long."""
        if self._last is not None:
            with anyio.CancelScope(shield=True):
                await asyncio.wait([self._last], timeout=1.0)
            self._last.cancel()

    async def _send(self, before: asyncio.Task[None] | None, done: float, message: str) -> None:
        if before is not None:
            await before
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            await self._context.report_progress(done, 1.0, message)


def http_app(server: ArchitectServer, host: str, allowed: Sequence[str] = ()) -> Starlette:
    """The server as an ASGI application at /mcp. Only requests for a known Host are answered (DNS rebinding)."""
    names = [f"[{name}]" if ":" in name else name for name in (*LOCAL_HOSTS, host, *allowed)]
    return server.streamable_http_app(
        host=host,
        transport_security=TransportSecuritySettings(
            enable_dns_rebinding_protection=True,
            allowed_hosts=[f"{name}{port}" for name in names for port in ("", ":*")],
            allowed_origins=[
                f"{scheme}://{name}{p}" for scheme in ("http", "https") for name in names for p in ("", ":*")
            ],
        ),
    )


def _prompt(workflow: Workflow) -> Prompt:
    async def render(**arguments: str) -> str:
        return workflow.text.format(**arguments)

    return Prompt(
        name=workflow.name,
        title=workflow.title,
        description=workflow.description,
        arguments=[PromptArgument(name=name, description=words, required=True) for name, words in workflow.arguments],
        fn=render,
        context_kwarg=None,
    )
