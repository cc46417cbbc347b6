"""Diagrams are accepted by Mermaid's own parser, whatever a database calls its things. Needs node and npm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from benchmarks import generate, node
from mcp_server.model.facts import gather
from mcp_server.model.schema import Column, Constraint, Index, Schema, Table
from mcp_server.render.documentation import document
from mcp_server.render.er_diagram import fenced
from mcp_server.render.mermaid import RELATIONSHIPS, render

Parse = Callable[[str], dict[str, Any]]
PARSE = """
import { JSDOM } from "jsdom";
const { window } = new JSDOM("");
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import("mermaid");
const answer = async (text) => {
  try {
    await mermaid.parse(text);
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
    const entities = [...db.getEntities()].map(([name, entity]) => [name, entity.attributes.map((one) => one.name)]);
    return { entities: Object.fromEntries(entities), relationships: db.getRelationships().map((one) => one.relSpec) };
  } catch (error) {
    return { error: String(error) };
  }
};
"""
WORDS = (
    "title",
    "style",
    "class",
    "direction",
    "PK",
    "fk",
    "Uk",
    "one",
    "zero",
    "many",
    "only",
    "to",
    "erDiagram",
    "%%",
    "accTitle",
)
ODD = (
    "two words", 'quo"te', "per%cent", "%%{init: {}}%%", "back\\slash", "semi;colon", "brace{d}", "1st", "-dash", "line\nbreak",
    "Ünïcode", "日本語", "🐘", "dot.ted", "a'b", "`tick`", "#35;", "<b>bold</b>", "tab\there", "[x]", "(y)", "a,b", " ", "*", "\x1b[31m",
)  # fmt: skip


@pytest.fixture(scope="module")
def mermaid() -> Iterator[Parse]:
    """The real parser: a diagram becomes what was understood, or the error."""
    with node.asking(node.folder_with("mermaid", "jsdom"), PARSE) as parse:
        yield parse


def table(name: str, *columns: str, schema: str = "public") -> list[object]:
    made = Table(schema, name)
    return [made, *(Column(made.identity, column, "text", position=place) for place, column in enumerate(columns))]


def foreign_key(child: Table, column: str, parent: Table) -> Constraint:
    definition = f"FOREIGN KEY ({column}) REFERENCES {parent.identity}(id)"
    return Constraint(
        child.identity, f"{child.name}_{column}_fkey", "f", (column,), definition, parent.identity, ("id",)
    )


def diagram(*objects: object) -> str:
    return render(gather(Schema.of(objects))).text  # type: ignore[arg-type]


def test_the_parser_refuses_what_is_no_diagram(mermaid: Parse) -> None:
    assert "error" in mermaid('erDiagram\n  "a" {\n    text PK\n  }')


@pytest.mark.parametrize("names", [WORDS, ODD], ids=["reserved words", "odd names"])
def test_every_name_of_a_table_a_column_and_a_type_is_accepted(mermaid: Parse, names: tuple[str, ...]) -> None:
    for name in names:
        answer = mermaid(diagram(*table(name, name, f"{name}_2"), Column(Table("public", name).identity, "x", name)))
        assert answer.get("error") is None, name
        assert [*map(len, answer["entities"].values())] == [3]


def test_every_printable_character_is_accepted_in_a_name(mermaid: Parse) -> None:
    dice = Random(7)
    characters = [chr(code) for code in range(32, 0x3100) if chr(code).isprintable()]
    names = ["".join(dice.choice(characters) for _ in range(dice.randrange(1, 30))) for _ in range(300)]
    answer = mermaid(diagram(*(item for name in names for item in table(name, *names[:5]))))
    assert answer.get("error") is None
    assert len(answer["entities"]) == len(set(names))


def test_names_that_would_look_the_same_stay_apart(mermaid: Parse) -> None:
    answer = mermaid(diagram(*table("a'b", "x"), *table('a"b', "x"), *table("a.b", "x"), *table("b", "x", schema="a")))
    assert len(answer["entities"]) == 4


def test_an_altered_column_keeps_its_true_name_as_comment() -> None:
    assert 'text unit_price "unit price"' in diagram(*table("product", "unit price"))


def test_a_table_without_columns_is_drawn(mermaid: Parse) -> None:
    answer = mermaid(diagram(*table("empty")))
    assert answer["entities"] == {"empty": []}


def test_the_diagrams_of_pages_are_accepted_whatever_the_names_are(mermaid: Parse) -> None:
    parent, child = Table("public", 'pa"rent'), Table("odd schema", "chi%ld\n")
    objects = [item for name in (*ODD, *WORDS) for item in table(name, name)]
    objects += [parent, child, foreign_key(child, "a,b", parent), Column(child.identity, "a,b", "int")]
    told = document(gather(Schema.of(objects)), "live")  # type: ignore[arg-type]
    for keys_only in (True, False):
        identities = [one.identity for one in told.tables]
        drawn = fenced(told, identities[:-1], identities[-1:], keys_only=keys_only)
        answer = mermaid(drawn.removeprefix("```mermaid\n").removesuffix("\n```"))
        assert answer.get("error") is None
        assert len(answer["entities"]) == len(told.tables)
        assert len(answer["relationships"]) == 1


def test_nullability_and_uniqueness_become_cardinalities(mermaid: Parse) -> None:
    parent, child = Table("public", "parent"), Table("public", "child")
    columns = [
        Column(child.identity, "must", "int", nullable=False, position=1),
        Column(child.identity, "may", "int", position=2),
        Column(child.identity, "one", "int", nullable=False, position=3),
    ]
    keys = [foreign_key(child, column.name, parent) for column in columns]
    unique = Index("public", "child_one", child.identity, "btree", ("one",), ("one",), "", unique=True)
    primary = Constraint(child.identity, "child_pkey", "p", ("must",), "PRIMARY KEY (must)")
    text = diagram(parent, Column(parent.identity, "id", "int"), child, *columns, *keys, unique, primary)
    assert '"child" }o--|| "parent" : "must"' in text
    assert '"child" }o..o| "parent" : "may"' in text
    assert '"child" |o..|| "parent" : "one"' in text
    answer = mermaid(text)
    assert [spec["relType"] for spec in answer["relationships"]] == [
        "IDENTIFYING",
        "NON_IDENTIFYING",
        "NON_IDENTIFYING",
    ]
    assert [spec["cardB"] for spec in answer["relationships"]] == ["ZERO_OR_MORE", "ZERO_OR_MORE", "ZERO_OR_ONE"]


def test_what_is_too_large_to_draw_is_cut_to_whole_tables_and_says_so(mermaid: Parse) -> None:
    tables = [Table("public", f"t{number}") for number in range(2_000)]
    items = [Column(one.identity, "id", "int", position=1) for one in tables]
    links = [foreign_key(one, "id", tables[0]) for one in tables[1:]]
    drawn = render(gather(Schema.of([*tables, *items, *links])))
    assert drawn.is_cut
    assert drawn.text.count("..") <= RELATIONSHIPS
    assert f"%% Showing {drawn.shown} of 2 000 tables" in drawn.text
    answer = mermaid(drawn.text)
    assert len(answer["entities"]) == drawn.shown > 300
    assert len(answer["relationships"]) == drawn.shown - 1


def test_partitions_are_no_tables_of_their_own() -> None:
    parent = Table("public", "event", kind="partitioned", partition_by="RANGE (at)")
    part = Table("public", "event_1", partition_of="public.event", partition_bound="DEFAULT")
    assert "event_1" not in diagram(parent, part)


def test_generated_schemas_have_no_name_twice() -> None:
    names = [line.split()[2] for line in generate.ddl(300).splitlines() if line.startswith("create table")]
    assert len(names) == len(set(names)) == 300
