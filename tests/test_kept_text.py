"""What stays although the goal does not state it is told in few words, however much there is."""

from __future__ import annotations

from mcp_server.model.migration import Draft, Held
from mcp_server.model.plan import Plan
from mcp_server.model.schema import Column, Schema, Table
from mcp_server.render.kept_text import render_kept

VIEW, TRIGGER = "view public.report", "trigger noted on table public.task"


def draft(*held: Held, needed: tuple[str, ...] = ()) -> Draft:
    """A draft to models from a schema that has the columns that are held."""
    columns = [held_column(one.identity, one.identity in needed) for one in held if one.word == "column"]
    tables = [
        Table(one.identity.partition(".")[0], one.identity.partition(".")[2]) for one in held if one.word == "table"
    ]
    before = Schema.of([*columns, *tables], 180000)
    return Draft("migrations", "models", before, before, Plan("", "", (), ()), held=held)


def held_column(identity: str, needed: bool) -> Column:
    table, _, name = identity.rpartition(".")
    return Column(table, name, "text", nullable=not needed)


def test_the_columns_that_stay_of_one_table_are_told_in_one_line() -> None:
    held = [Held("column", f"public.task.c{number}", (VIEW,) if number else (VIEW, TRIGGER)) for number in range(12)]

    lines = render_kept(draft(*held, needed=("public.task.c1", "public.task.c3")))

    assert lines == [
        "Stay, though they are not in models: columns c0, c1, c2, c3, c4, c5, c6, c7 and 4 more of public.task, as view "
        "public.report and trigger noted on table public.task stand on them; NOT NULL, so that inserts without fail: "
        "c1, c3. Write a revision that changes or drops those, then run this again."
    ]


def test_a_column_that_stays_alone_is_told_with_its_table() -> None:
    held = Held("column", "public.task.title", (VIEW,))

    lines = render_kept(draft(held, needed=("public.task.title",)))

    assert lines == [
        "Stays, though it is not in models: column public.task.title, as view public.report stands on it; it is NOT "
        "NULL, so inserts without it fail. Write a revision that changes or drops that, then run this again."
    ]


def test_of_many_tables_that_stay_the_first_are_told_and_the_others_counted() -> None:
    held = [Held("table", f"public.t{number}", (VIEW,)) for number in range(20)]

    lines = render_kept(draft(*held))

    assert len(lines) == 9
    assert lines[0].startswith(
        "Stays, though it is not in models: table public.t0, as view public.report stands on it."
    )
    assert lines[-1] == "The same holds for 12 more tables: they are told when these are done."
