"""What the pages of a database say: true, readable, and harmless whatever the database calls its things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mcp_server.model.documented import Documentation, Link
from mcp_server.model.facts import gather
from mcp_server.model.neighbourhoods import LARGEST, SPARE, WHOLE, around, neighbourhoods
from mcp_server.render.documentation import document
from mcp_server.render.documentation_page import documentation_page
from mcp_server.render.drawing import Box, draw
from mcp_server.render.pages import pages
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.decisions import read_decisions
from mcp_server.world.sandbox import Sandboxes
from tests.inspected import SHOP, town_database

pytestmark = pytest.mark.anyio

LIBRARY = """
create table shelves (id int primary key);
create table books (
    id int primary key, shelf_id int not null references shelves on delete cascade, twin_id int references books,
    title text not null, tags text[], isbn varchar(20) unique, check (length(title) > 0));
create index books_shelf on books (shelf_id, title);
create index books_tags on books using gin (tags);
create index books_lower on books (lower(title)) where isbn is not null;
create index books_shelf_again on books (shelf_id);
comment on index books_tags is 'For the [search](x) box | <b>';
comment on table books is 'One row for each copy.';
create view titles as select title from books;
alter table shelves enable row level security;
create policy own on shelves using (id > 0);
"""


async def told_of(sandboxes: Sandboxes, sql: str) -> Documentation:
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        try:
            await connection.execute(sql)
            return document(gather(await read_schema(connection)), "live")
        finally:
            await connection.close()


async def test_a_page_tells_keys_indexes_with_their_reason_and_who_refers_here(sandboxes: Sandboxes) -> None:
    written = pages(await told_of(sandboxes, LIBRARY), "docs/database")
    books, shelves = written["tables/books.md"], written["tables/shelves.md"]
    for part in (
        "One row for each copy.",
        "| `shelf_id` | `int` | no | FK |",
        "| `isbn` | `varchar(20)` | yes | UK |",
        "| `books_title_check` | `CHECK (length(title) > 0)` |",
        "Serves the foreign key `(shelf_id)` to `shelves`: joins and deletes there find the rows here, in the order of `(title)`.",
        "For the \\[search\\](x) box \\| \\<b\\>. Finds rows by what is inside of `(tags)`",
        "rows by `(lower(title))`; only rows where `isbn IS NOT NULL`.",
        "- `shelf_id` → [`shelves`](shelves.md), on delete cascade",
        "- `twin_id` → [`books`](books.md), on delete no action **No index serves it",
        "[`titles`](titles.md)",
    ):
        assert part in books
    assert "- [`books`](books.md) by `shelf_id`, on delete cascade" in shelves
    assert "Row security is on, but not for the table's owner." in shelves
    assert "| `own` | `POLICY USING (id > 0)` |" in shelves
    assert "```sql\n" in written["tables/titles.md"]
    assert "- `books` `twin_id` → `books`" in written["indexes.md"]


async def test_every_link_of_every_page_leads_to_a_page(sandboxes: Sandboxes) -> None:
    written = pages(await told_of(sandboxes, SHOP.read_text("utf-8")), "docs/database")
    for name, text in written.items():
        folder = "tables/" if name.startswith("tables/") else ""
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            target = link[3:] if link.startswith("../") else folder + link
            assert target in written or target == "index.html", (name, link)


HOSTILE = (
    "a|b", "<script>alert(1)</script>", "back`tick", "# head", "[x](javascript:alert(1))", "../../up", "Case", "case",
    "{{ 7 * 7 }}", 'quo"te', "日本語", "two words", "--><b>", "CON", "-", "a*b*_c_", "x" * 63,
)  # fmt: skip


async def test_hostile_names_and_comments_become_text_and_every_table_has_a_file_of_its_own(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    sql = "".join(f"create table {quoted(name)} (id int primary key, {quoted(name)} text);" for name in HOSTILE)
    sql += "comment on table \"case\" is E'| cell\\n# head\\n<img src=x onerror=alert(1)>';"
    told = await told_of(sandboxes, sql)
    written = pages(told, "docs/database")
    files = [name for name in written if name.startswith("tables/")]
    assert len({name.lower() for name in files}) == len(HOSTILE)
    assert "tables/CON.md" not in files
    for name in files:
        path = (tmp_path / name).resolve()
        assert path.is_relative_to(tmp_path / "tables")
    for text in written.values():
        outside = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)|```.*?```", "", text, flags=re.S)
        assert not re.search(r"(?<!\\)<(?:script|img|b>)", outside)
        assert not re.search(r"^# head", text, re.M)
    html = documentation_page(told, "docs/database")
    assert html.count("<script>") == 1
    assert "<img" not in html
    assert "{{ 7 * 7 }}" in html


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def test_a_large_schema_is_split_so_that_each_diagram_stays_readable(sandboxes: Sandboxes) -> None:
    async with town_database(sandboxes) as url:
        connection = await connect(url)
        told = document(gather(await read_schema(connection)), "live")
        await connection.close()
    drawn = [name for one in told.neighbourhoods for name in one.tables]
    assert sorted((*drawn, *told.alone)) == sorted(one.identity for one in told.tables)
    assert len(told.tables) > 150
    assert max(len(one.tables) for one in told.neighbourhoods) <= LARGEST + SPARE
    assert sum(len(one.tables) for one in told.neighbourhoods) / len(told.neighbourhoods) > 5
    for one in told.neighbourhoods:
        drawing = draw(told, one.tables, one.beyond, keys_only=True)
        boxes = drawing.boxes
        assert not [(a.title, b.title) for a in boxes for b in boxes if a is not b and overlap(a, b)]
        assert all(
            box.x >= 0 and box.x + box.width <= drawing.width and box.y + box.height <= drawing.height for box in boxes
        )


def overlap(one: Box, other: Box) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not beside and one.y < other.y + other.height and other.y < one.y + one.height


def test_what_leads_to_each_other_is_kept_together_and_a_hub_holds_nothing_together() -> None:
    clusters = [[f"c{n}_{k}" for k in range(5)] for n in range(5)]
    links = [Link(name, group[0], ("x",)) for group in clusters for name in group[1:]]
    links += [Link(group[1], group[2], ("y",)) for group in clusters]
    links += [Link(group[0], "hub", ("hub_id",)) for group in clusters]
    tables = sorted({"hub", "lonely", *(name for group in clusters for name in group)})
    assert len(tables) > WHOLE
    groups, alone = neighbourhoods(tables, links)
    assert alone == ("lonely",)
    for cluster in clusters:
        assert any(set(cluster) <= set(one.tables) for one in groups)
    assert {one.centre for one in groups} >= {"c1_0", "c2_0"} - {"hub"}
    assert neighbourhoods(list(reversed(tables)), list(reversed(links))) == (groups, alone)


def test_a_small_schema_is_one_diagram_with_its_lonely_tables() -> None:
    groups, alone = neighbourhoods(["a", "b", "c"], [Link("b", "a", ("a_id",))])
    assert ([one.tables for one in groups], groups[0].centre, alone) == ([("a", "b", "c")], "a", ())
    assert neighbourhoods([], []) == ((), ())
    assert around("a", [Link("b", "a", ("x",)), Link("a", "c", ("y",)), Link("a", "a", ("z",))]) == ("c", "b")


async def test_tables_that_lead_to_each_other_in_a_circle_are_drawn(sandboxes: Sandboxes) -> None:
    sql = "create table a (id int primary key, b_id int); create table b (id int primary key, a_id int references a); alter table a add foreign key (b_id) references b;"
    told = await told_of(sandboxes, sql)
    drawing = draw(told, ("public.a", "public.b"), (), keys_only=False)
    assert len(drawing.curves) == 2
    assert len({box.x for box in drawing.boxes}) == 2


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("0007-use-uuid.md", "# ADR-0007: Use UUIDs\n\n- **Status:** Accepted\n- **Date:** 2026-01-02\n", ("0007", "Use UUIDs", "Accepted", "2026-01-02")),
        ("003-keys.md", "# 3. Natural keys\n\n## Status\n\nSuperseded by 7\n", ("003", "Natural keys", "Superseded by 7", "")),
        ("ADR-012-x.md", "# Partition orders\n**Status**: Proposed | x\n", ("012", "Partition orders", "Proposed | x", "")),
        ("plain.md", "no heading\n- **Status:** {{STATUS}}\n", ("", "plain", "", "")),
    ],
)  # fmt: skip
def test_decisions_are_read_as_people_write_them(
    name: str, text: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "history/adr"
    folder.mkdir(parents=True)
    (folder / name).write_text(text, encoding="utf-8")
    (folder / "README.md").write_text("# Index\n", encoding="utf-8")
    (one,) = read_decisions(tmp_path)
    assert (one.number, one.title, one.status, one.date) == expected
    assert one.file == f"history/adr/{name}"
