"""For pytest: `pytest_plugins = ["dbarch.pytest_plugin"]` in conftest.py.

    def test_teams(client, watched):      # what was repeated is at hand
        client.get("/teams")
        assert not watched.repeats

`--watch-queries` watches every test and lists what was repeated at the end; `--watch-queries=strict` fails such tests.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from dbarch.watching import Repeat, Watch, watch

TOLD: pytest.StashKey[dict[str, tuple[Repeat, ...]]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--watch-queries",
        nargs="?",
        const="report",
        choices=("report", "strict"),
        help="list lazy loads and repeated statements of each test; strict: such tests fail",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TOLD] = {}


@pytest.fixture
def watched() -> Iterator[Watch]:
    """What SQLAlchemy sends during this test."""
    with watch() as seen:
        yield seen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    wanted = item.config.getoption("--watch-queries")
    if not wanted:
        return (yield)
    with watch(strict=wanted == "strict") as seen:
        outcome = yield
        if seen.repeats:
            item.config.stash[TOLD][item.nodeid] = seen.repeats
    return outcome


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    told = config.stash[TOLD]
    if told:
        terminalreporter.section("repeated queries")
        for test, repeats in told.items():
            terminalreporter.line(test)
            for one in repeats:
                terminalreporter.line(f"  {one}")
