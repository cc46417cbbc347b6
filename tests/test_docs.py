"""Pages say what is so: generated ones are fresh, links lead somewhere, commands and tools exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mcp_server import __version__
from mcp_server.operations import OPERATIONS
from scripts.docs import stale

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("history/adr/*.md")))
LINK = re.compile(r"\]\(([^)#\s]+)\)")
PATHS = re.compile(r"`((?:tests|docs|specs|benchmarks|mcp_server|hooks|scripts|skills|launcher|history)/[\w./*-]+)`")


def test_generated_pages_are_fresh() -> None:
    assert stale() == [], "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_paths_on_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = {link for link in LINK.findall(text) if "://" not in link}
    missing = {link for link in links if not (page.parent / link).exists()}
    named = {path for path in PATHS.findall(text) if "<" not in path}
    missing |= {path for path in named if not list(ROOT.glob(path.rstrip("/")))}
    assert missing == set()


def test_the_readme_names_every_tool_and_both_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [operation.name for operation in OPERATIONS if f"`{operation.name}`" not in readme] == []
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in ("demo", "test"):
        assert f"make {command}" in readme
        assert f"\n{command}:" in makefile


def test_one_version_everywhere() -> None:
    manifest = (ROOT / ".claude-plugin/plugin.json").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"version": "{__version__}"' in manifest
    assert f'version = "{__version__}"' in project
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_requirements_are_hashed_and_hold_no_addresses() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        pins = re.findall(r"^[\w.-]+(?:\[[\w,]+\])?==", text, re.MULTILINE)
        assert len(pins) > 20
        assert text.count("--hash=sha256:") >= len(pins)
