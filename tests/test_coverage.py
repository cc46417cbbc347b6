"""docs/coverage.md: what it names exists, what it quotes stands there, and no row is empty."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from mcp_server.operations import OPERATIONS
from mcp_server.rules import rules
from tests.plugin_texts import AGENTS, ROOT, SKILLS

PAGE = (ROOT / "docs/coverage.md").read_text("utf-8")
ROWS = [
    tuple(cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1])
    for line in PAGE.splitlines()
    if re.match(r"\| [A-E]-?\d+ ", line)
]
TOOLS = {operation.name for operation in OPERATIONS}
CODES = {one.rule.code for one in rules()}
FILE = re.compile(r"`((?:agents|skills)/[\w/.-]+\.md)`")
QUOTATION = re.compile(r"`((?:agents|skills)/[\w/.-]+\.md)` “([^”]+)”")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@cache
def functions_of(path: str) -> frozenset[str]:
    """The names of the tests of a file."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def test_there_is_a_row_for_every_line_of_the_five_definitions() -> None:
    numbers = [re.match(r"([A-E])-?(\d+)", row[0]) for row in ROWS]
    count = dict.fromkeys("ABCDE", 0)
    for found in numbers:
        assert found is not None
        count[found[1]] += 1
        assert int(found[2]) == count[found[1]]
    assert count == {"A": 22, "B": 79, "C": 80, "D": 84, "E": 16}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_what_keeps_it_and_what_shows_it(row: tuple[str, ...]) -> None:
    number, asked, kept, shown = row
    assert len(asked) > 10, number
    words = re.findall(r"`(\w+)`", re.sub(r"“[^”]+”", "", kept))
    codes = re.findall(r"\b[A-Z]\d{3}\b", kept)
    files = FILE.findall(kept)
    tests = TEST.findall(shown)
    assert words or codes or files
    assert tests
    assert set(words) <= TOOLS
    assert set(codes) <= CODES
    assert all((ROOT / file).is_file() for file in files)
    assert {f"{file}::{name}" for file, name in tests if name not in functions_of(file)} == set()


def test_lines_that_are_quoted_stand_where_the_page_says() -> None:
    missing = []
    for row in ROWS:
        for file, words in QUOTATION.findall(row[2]):
            if words not in re.sub(r"\s+", " ", (ROOT / file).read_text("utf-8")):
                missing.append(f"{row[0]}: {file} “{words}”")
    assert missing == []


def test_rows_that_quote_are_shown_by_the_test_of_quotations() -> None:
    quoting = {row[0] for row in ROWS if "“" in row[2]}
    shown = {row[0] for row in ROWS if "test_lines_that_are_quoted" in row[3]}
    asked = {row[0] for row in ROWS if "test_an_agent_asks_keeps_its_bounds" in row[3] or "test_skills.py" in row[3]}
    assert quoting <= shown | asked
    assert shown <= quoting


def test_every_agent_every_skill_and_every_tool_keeps_something() -> None:
    kept = " ".join(row[2] for row in ROWS)
    assert {path.stem for path in AGENTS if f"agents/{path.name}" not in kept} == set()
    assert {name for name in TOOLS if f"`{name}`" not in kept} == set()
    used = {path.parent.name for path in SKILLS if f"skills/{path.parent.name}/" in kept}
    assert {
        "task-crud-model",
        "designing-a-schema",
        "changing-a-live-schema",
        "tuning-a-query",
        "recording-work",
    } <= used
