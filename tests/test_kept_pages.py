"""What explain_query keeps of a run is its data; the page is made when somebody reads it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcp_server.door import Door, contract_of
from mcp_server.errors import NotFound
from mcp_server.operations import OPERATIONS
from mcp_server.operations.kept import read_kept
from mcp_server.world.runs import KEPT, keep_page, keep_report, read_report
from mcp_server.world.sandbox import Sandbox
from mcp_server.world.settings import Settings
from mcp_server.world.sql_tree import _deparsed, expression_sql, tree_of
from mcp_server.world.workspace import Workspace

SECRET = "postgresql://owner:Zx81+Speccy@db.example.com/app"


@pytest.fixture
async def door(database: Sandbox, tmp_path: Path) -> AsyncIterator[Door]:
    workspace = Workspace(Settings(root=tmp_path, database_url=database.url, cache=tmp_path / "cache"))
    yield Door(workspace)
    await workspace.close()


async def explained(door: Door, sql: str) -> tuple[str, str]:
    """The answer's text, and the name of its page."""
    contract = contract_of(next(one for one in OPERATIONS if one.name == "explain_query"))
    text = door.say(await door.carry_out(contract, {"sql": sql}), as_json=False)
    return text, re.findall(r"dbarch://runs/(\S+-page)", text)[0]


@pytest.mark.anyio
async def test_the_page_is_made_when_it_is_read_and_says_what_the_answer_says(door: Door) -> None:
    text, picture = await explained(door, "select * from pg_class where relname > 'b' order by relpages")
    cache = door.workspace.cache
    assert not list((cache / "runs").glob("*.html"))
    page = read_kept(cache, picture)
    assert page.startswith("<!doctype html>")
    for line in text.splitlines()[:2]:
        assert line in page
    assert "relname &gt; " in page


@pytest.mark.anyio
async def test_a_secret_in_a_condition_is_neither_on_the_page_nor_in_what_is_kept(door: Door) -> None:
    _, picture = await explained(door, f"select * from pg_class where relname = '{SECRET}'")
    cache = door.workspace.cache
    assert "Speccy" not in read_kept(cache, picture)
    assert "Speccy" not in "".join(path.read_text() for path in (cache / "runs").iterdir())
    json.loads(read_report(cache, picture.removesuffix("-page")))


def test_a_page_whose_plan_is_gone_says_to_run_it_again(tmp_path: Path) -> None:
    keep_page(tmp_path, "plan-1-page", {"page": "plan", "document": "plan-1"})
    with pytest.raises(NotFound, match="run the operation again"):
        read_kept(tmp_path, "plan-1-page")


def test_what_is_no_name_of_a_run_leads_to_no_file(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "secret.json").write_text("{}")
    with pytest.raises(NotFound):
        read_kept(tmp_path, "../secret")


def test_pages_and_reports_together_are_kept_for_the_last_runs(tmp_path: Path) -> None:
    for number in range(KEPT // 2 + 5):
        keep_report(tmp_path, f"run-{number}", "[]")
        keep_page(tmp_path, f"run-{number}-page", {"page": "plan"})
    assert len(list((tmp_path / "runs").iterdir())) == KEPT


@pytest.mark.parametrize(
    "text",
    ["a.b = c.d", "a = b", "s.a.b <> x", '"A".b = c', '"order" < b', "a -> b", "a operator(pg_catalog.=) b", "a ~~ b",
     "a = any (b)", "a in (b, c)", "a is distinct from b", "(a.b).c = d", "a.* = b", "- a", "a + b = c", "a = b collate x"],
)  # fmt: skip
def test_an_expression_is_written_as_the_parser_writes_it(text: str) -> None:
    tree = tree_of(f"select 1 where {text}")
    assert tree is not None
    expression = tree.select_stmt.where_clause
    assert expression_sql(expression) == _deparsed(expression)
