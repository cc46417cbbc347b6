"""The HTML page of a database in a real browser: no complaint, search narrows, keys lead on, light and dark."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcp_server.model.facts import gather
from mcp_server.render.documentation import document
from mcp_server.render.documentation_page import documentation_page
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes
from tests.browser import Page, browsing, find_browser
from tests.inspected import town_database

NO_BROWSER = not find_browser() and not os.environ.get("CI")
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(NO_BROWSER, reason="no Chromium on this machine; CI installs one"),
]
# The texts of what is shown whose contrast with their ground is below 4.5 (WCAG 2.2, 1.4.3), opacity counted.
FAINT = """(() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = one => {
    for (let at = one; at; at = at.parentElement) {
      const rect = at.matches(".box") && at.querySelector("rect");
      const colour = parse(rect ? getComputedStyle(rect).fill : getComputedStyle(at).backgroundColor);
      if (colour.length === 3) return colour;
    }
    return parse(getComputedStyle(document.body).backgroundColor);
  };
  const faint = [];
  for (const one of document.querySelectorAll("nav *, .views > section:not([hidden]) *")) {
    if (![...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()) || one.closest("title")) continue;
    const style = getComputedStyle(one), under = ground(one);
    let opacity = 1;
    for (let at = one; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
    const ink = parse(one.closest("svg") ? style.fill : style.color).slice(0, 3).map((c, i) => c * opacity + under[i] * (1 - opacity));
    const [high, low] = [light(ink), light(under)].sort((a, b) => b - a);
    if ((high + 0.05) / (low + 0.05) < 4.5) faint.push(one.textContent.trim().slice(0, 40));
  }
  return faint;
})()"""
PROFILE = """
create table profile_of_purple (id int primary key, email text);
comment on column profile_of_purple.email is 'where the invoices go';
"""
SHOWN = "[...document.querySelectorAll('#list li:not([hidden]) a')].map(one => one.firstChild.textContent)"
VIEW = "[...document.querySelectorAll('.views > section')].filter(one => !one.hidden).map(one => one.id)"


@pytest.fixture(scope="module")
async def html(sandboxes: Sandboxes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a hundred and eighty tables."""
    async with town_database(sandboxes) as url:
        connection = await connect(url)
        await connection.execute(PROFILE)
        told = document(gather(await read_schema(connection)), "live")
        await connection.close()
    path = tmp_path_factory.mktemp("docs") / "index.html"
    path.write_text(documentation_page(told, "docs/database"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
async def page(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    async with browsing(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


async def test_search_narrows_and_keys_lead_to_a_table(html: Path, page: Page) -> None:
    await page.open(html)
    every = await page.ask(SHOWN)
    assert len(every) > 180
    assert await page.ask(VIEW) == ["overview"]
    await page.press("/")
    assert await page.ask("document.activeElement.id") == "search"
    await page.type("purple invoices")
    assert await page.ask(SHOWN) == ["profile_of_purple"]
    assert await page.ask("document.getElementById('found').textContent") == f"1 of {len(every)}"
    assert "invoices" in await page.ask("document.querySelector('#list li:not([hidden]) small').textContent")
    await page.press("ArrowDown")
    assert await page.ask("document.activeElement.hash") == "#t-profile_of_purple"
    await page.press("Enter")
    assert await page.ask("new Promise(done => setTimeout(() => done(location.hash), 50))") == "#t-profile_of_purple"
    assert await page.ask(VIEW) == ["t-profile_of_purple"]
    await page.press("Escape")
    assert len(await page.ask(SHOWN)) == len(every)
    assert page.errors == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_every_view_opens_and_every_text_stands_out_from_its_ground(html: Path, page: Page, dark: bool) -> None:
    await page.open(html, dark=dark)
    colours = "getComputedStyle(document.body).backgroundColor"
    assert await page.ask(colours) == ("rgb(20, 24, 28)" if dark else "rgb(255, 255, 255)")
    for view in ("diagrams", "diagram-3", "indexes", "types", "decisions", "t-profile_of_purple"):
        opened = await page.ask(f"location.hash = '{view}'; new Promise(done => setTimeout(() => done({VIEW}), 50))")
        assert opened == ["diagrams" if view == "diagram-3" else view]
        assert await page.ask(FAINT) == []
    assert page.errors == []


async def test_an_address_opens_its_diagram_at_once(html: Path, page: Page) -> None:
    await page.open(html)
    place = "location.hash = 'diagram-3'; new Promise(done => setTimeout(() => done(document.getElementById('diagram-3').getBoundingClientRect().top), 50))"
    assert abs(await page.ask(place)) < 40


async def test_a_narrow_window_needs_no_sideways_scrolling(html: Path, page: Page) -> None:
    await page.open(html, width=400)
    for view in ("overview", "t-profile_of_purple", "diagrams", "indexes"):
        wide = "document.documentElement.scrollWidth"
        assert (
            await page.ask(f"location.hash = '{view}'; new Promise(done => setTimeout(() => done({wide}), 50))") <= 400
        )
    assert page.errors == []
