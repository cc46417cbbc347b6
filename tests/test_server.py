"""The MCP door, driven by the SDK's own client in both protocol eras."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest
from mcp import Client, MCPError
from mcp.types import TextContent

from mcp_server.rules import rules
from mcp_server.server import ArchitectServer
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.settings import Settings
from mcp_server.world.workspace import Workspace
from tests.sample_operations import PASSWORD, SAMPLES

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["2026-07-28", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    """A protocol era, as the client calls it."""
    return str(request.param)


@asynccontextmanager
async def connected(settings: Settings, era: str = "2026-07-28") -> AsyncIterator[Client]:
    workspace = Workspace(settings)
    async with Client(ArchitectServer(workspace, SAMPLES), mode=era) as client:  # type: ignore[arg-type]
        yield client
    await workspace.close()


@pytest.fixture
def settings(tmp_path: Path, cache: Path) -> Settings:
    url = f"postgresql://app:{PASSWORD}@127.0.0.1:1/app"
    return Settings(tmp_path, database_url=url, database_origin="$DATABASE_URL", cache=cache)


async def call(client: Client, tool: str, **arguments: Any) -> tuple[str, bool]:
    """The text of a tool's one block, and whether it is an error."""
    result = await client.call_tool(tool, arguments)
    assert result.structured_content is None
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text, bool(result.is_error)


async def test_a_signature_and_its_docstring_are_the_contract(settings: Settings, era: str) -> None:
    async with connected(settings, era) as client:
        tool = (await client.list_tools()).tools[0]
    assert tool.name == "echo"
    assert tool.title == "Echo"
    assert tool.description == "Say a text again.\n\nIt changes nothing."
    assert tool.output_schema is None
    assert tool.input_schema == {
        "type": "object",
        "required": ["text"],
        "additionalProperties": False,
        "properties": {
            "text": {"type": "string", "description": "what is said."},
            "times": {"type": "integer", "default": 1, "description": "how often, from 1."},
            "tags": {
                "type": "array",
                "items": {"type": "string"},
                "default": [],
                "description": "words to add.",
            },
            "detail": {"type": "string", "enum": ["short", "long"], "default": "short"},
            "renames": {
                "anyOf": [{"type": "object", "additionalProperties": {"type": "string"}}, {"type": "null"}],
                "default": None,
            },
            "write": {"type": "boolean", "default": True},
            "format": {"type": "string", "enum": ["text", "json"], "default": "text"},
        },
    }


async def test_the_hints_follow_from_what_an_operation_changes(settings: Settings) -> None:
    async with connected(settings) as client:
        hints = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
    assert hints["find"] is not None
    assert (hints["find"].read_only_hint, hints["find"].idempotent_hint) == (True, True)
    assert hints["echo"] is not None
    assert (hints["echo"].read_only_hint, hints["echo"].destructive_hint) == (False, False)


async def test_an_answer_is_text_and_data_on_request(settings: Settings, era: str) -> None:
    async with connected(settings, era) as client:
        assert await call(client, "echo", text="ho", times=2, tags=["x"]) == ("ho ho x", False)
        text, failed = await call(client, "echo", text="ho", renames={"a": "b"}, format="json")
    assert not failed
    assert json.loads(text) == {"said": "ho", "detail": "short", "renames": {"a": "b"}, "write": True}


async def test_one_text_does_for_a_list_of_texts(settings: Settings) -> None:
    async with connected(settings) as client:
        assert await call(client, "echo", text="ho", tags="only") == ("ho only", False)


async def test_an_expected_error_says_what_to_do_next(settings: Settings, era: str) -> None:
    async with connected(settings, era) as client:
        assert await call(client, "refuse") == ("postgresql://app:***@db/app cannot be used.\nName another.", True)


async def test_an_error_in_words_of_the_database_is_bounded_and_without_control_characters(settings: Settings) -> None:
    async with connected(settings) as client:
        text, failed = await call(client, "complain")
    assert failed
    assert text.startswith("drop it now!!!")
    assert 8_000 < len(text) < 8_100


async def test_no_control_or_hidden_character_leaves(settings: Settings) -> None:
    async with connected(settings) as client:
        assert await call(client, "paint") == ("say so\n", False)


async def test_an_unexpected_error_names_a_run_and_keeps_its_text_for_the_log(
    settings: Settings, era: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(settings, era) as client:
        text, failed = await call(client, "crash")
    assert failed
    assert text.startswith("dbarch failed unexpectedly (LookupError, run ")
    assert "postgresql" not in text
    run = re.search(r"run (\w+)\)", text)
    assert run is not None
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert f"Run {run[1]} failed" in record.getMessage()
    assert "in crash" in record.getMessage()
    assert PASSWORD not in caplog.text


async def test_a_known_password_never_leaves(settings: Settings) -> None:
    async with connected(settings) as client:
        assert await call(client, "leak") == ("password is ***", False)


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("ecko", {}, "There is no tool called `ecko`. Did you mean `echo`?"),
        ("echo", {"texts": "a"}, "There is no argument of echo called `texts`. Did you mean `text`?"),
        ("echo", {"text": "a", "zz": 1}, "There is no argument of echo called `zz`. Known are: text, times, tags,"),
        ("echo", {}, "echo cannot be called like this:\n- `text`: Field required"),
        ("echo", {"text": "a", "detail": "huge"}, "- `detail`: Input should be 'short' or 'long', not 'huge'"),
        ("echo", {"text": "a", "times": "many"}, "- `times`: Input should be a valid integer"),
    ],
)
async def test_wrong_arguments_are_named_with_what_would_do(
    settings: Settings, era: str, tool: str, arguments: dict[str, Any], words: str
) -> None:
    async with connected(settings, era) as client:
        text, failed = await call(client, tool, **arguments)
    assert failed
    assert words in text
    assert "pydantic" not in text


async def test_a_long_answer_is_cut_and_the_whole_is_a_resource(settings: Settings, era: str) -> None:
    whole = "".join(f"line {number}\n" for number in range(20_000))
    async with connected(settings, era) as client:
        text, failed = await call(client, "fill", lines=20_000)
        uri = re.search(r"dbarch://runs/\w+", text)
        assert uri is not None
        (content,) = (await client.read_resource(uri[0])).contents
        (report,) = (await client.read_resource("dbarch://runs/r0ot")).contents
    assert not failed
    assert len(text) <= 40_000
    assert f"of {len(whole):,} characters" in text.splitlines()[-1]
    assert getattr(content, "text", "") == whole
    assert getattr(report, "text", "") == "the whole report"


async def test_a_run_that_is_not_kept_is_not_found(settings: Settings, era: str) -> None:
    async with connected(settings, era) as client:
        with pytest.raises(MCPError, match=r"There is no report of run nope"):
            await client.read_resource("dbarch://runs/nope")


async def test_what_a_finding_means_is_a_resource(settings: Settings, era: str) -> None:
    async with connected(settings, era) as client:
        templates = (await client.list_resource_templates()).resource_templates
        (page,) = (await client.read_resource("dbarch://rules/M101")).contents
        (without_examples,) = (await client.read_resource("dbarch://rules/M501")).contents
        for strange in ("M999", "m101", "nothing%20of%20ours"):
            with pytest.raises(MCPError, match=r"There is no rule .*Findings name the codes there are"):
                await client.read_resource(f"dbarch://rules/{strange}")
    assert "dbarch://rules/{code}" in [one.uri_template for one in templates]
    text = getattr(page, "text", "")
    assert text.startswith("# M101 index built under lock\n\nSeverity: error.")
    assert "Found:\n\n```sql\ncreate index" in text
    assert "Not found:" in text
    assert "Found:" not in getattr(without_examples, "text", "")


async def test_every_rule_has_a_page_that_says_as_much_as_the_one_in_the_docs(settings: Settings) -> None:
    pages = Path(__file__).parent.parent / "docs" / "rules"
    async with connected(settings) as client:
        for one in rules():
            (page,) = (await client.read_resource(f"dbarch://rules/{one.rule.code}")).contents
            assert getattr(page, "text", "") == (pages / f"{one.rule.code}.md").read_text(), one.rule.code


async def test_a_file_is_no_resource(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "passfile").write_text("somewhere geheim")
    async with Client(ArchitectServer(Workspace(settings))) as client:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(f"dbarch://schema/file:{tmp_path}/passfile")
    assert "inspect_schema reads other sources" in str(caught.value)
    assert "geheim" not in str(caught.value)


async def test_every_call_leaves_a_line_in_the_ledger(settings: Settings) -> None:
    async with connected(settings) as client:
        await call(client, "echo", text="a")
        await call(client, "refuse")
        await call(client, "crash")
    runs = Workspace(settings).ledger.runs()
    assert [(run.tool, run.verdict) for run in runs] == [
        ("echo", "said 1"),
        ("refuse", "ConfigError: postgresql://app:***@db/app cannot be used."),
        ("crash", "failed: LookupError"),
    ]


async def test_progress_arrives_in_order_and_rises(settings: Settings, era: str) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total, message))

    async with connected(settings, era) as client:
        await client.call_tool("step", {}, progress_callback=note)
    assert [message for _, _, message in told] == ["first", "second", "third"]
    assert sorted({done for done, _, _ in told}) == [done for done, _, _ in told]
    assert told[-1][:2] == (0.9, 1.0)


async def test_a_cancelled_call_ends_its_statement_on_the_server(
    settings: Settings, era: str, database: Sandbox, connection: asyncpg.Connection[asyncpg.Record]
) -> None:
    asleep = anyio.Event()

    async def note(done: float, total: float | None, message: str | None) -> None:
        asleep.set()

    real = Settings(settings.root, database_url=database.url, database_origin="$DATABASE_URL", cache=settings.cache)
    async with connected(real, era) as client, anyio.create_task_group() as group:

        async def sleep() -> None:
            await client.call_tool("sleep_on_server", {}, progress_callback=note)

        group.start_soon(sleep)
        await asleep.wait()
        await until(connection, 1)
        group.cancel_scope.cancel()
    await until(connection, 0)
    others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    with anyio.fail_after(10):
        while await connection.fetchval(others):
            await connection.fetchval("select pg_sleep(0.02)")


async def until(connection: asyncpg.Connection[asyncpg.Record], sleepers: int) -> None:
    """Wait until that many statements of this database sleep."""
    query = (
        "select count(*) from pg_stat_activity where datname = current_database() and query like 'select pg_sleep(%'"
        " and state = 'active'"
    )
    with anyio.fail_after(10):
        while await connection.fetchval(query) != sleepers:
            await connection.fetchval("select pg_sleep(0.02)")


async def test_a_cancelled_call_drops_its_sandbox(settings: Settings, era: str, sandboxes: Sandboxes) -> None:
    names: list[str] = []
    held = anyio.Event()

    async def note(done: float, total: float | None, message: str | None) -> None:
        names.append(message or "")
        held.set()

    async with connected(settings, era) as client:
        async with anyio.create_task_group() as group:

            async def hold() -> None:
                await client.call_tool("hold_sandbox", {}, progress_callback=note)

            group.start_soon(hold)
            await held.wait()
            assert names[0] in await sandboxes._names()
            group.cancel_scope.cancel()
        with anyio.fail_after(10):
            while names[0] in await sandboxes._names():
                await anyio.lowlevel.checkpoint()


async def test_calls_at_the_same_time_have_connections_of_their_own(settings: Settings, database: Sandbox) -> None:
    workspace = Workspace(Settings(settings.root, database_url=database.url, cache=settings.cache))
    async with workspace.call() as one, workspace.call() as other:
        assert await one.live() is not await other.live()
        assert await one.live() is await one.live()
        kept = await one.live()
    async with workspace.call() as later:
        assert await later.live() is not None
        kept.terminate()
    async with workspace.call() as after:
        assert await (await after.live()).fetchval("select 1") == 1
    await workspace.close()


async def test_the_tool_list_is_small(tmp_path: Path) -> None:
    tools = await ArchitectServer(Workspace(Settings(tmp_path))).list_tools()
    seen = {"name", "description", "input_schema"}  # what a client hands on to a model
    sizes = {tool.name: len(tool.model_dump_json(by_alias=True, include=seen).encode()) for tool in tools}
    assert sum(sizes.values()) <= 23 * 1024, sizes
    for tool in tools:
        assert len((tool.description or "").encode()) <= 2048, tool.name
        for name, stated in tool.input_schema["properties"].items():
            assert stated.get("description"), f"{tool.name} does not describe {name}"
