"""Objects are found by name, by pattern and by words; indexes are known to serve a key or not."""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.facts import serves
from mcp_server.model.schema import Column, Index, Namespace, Schema, Table
from mcp_server.model.search import find, near, search


def test_an_index_serves_a_foreign_key_when_it_is_whole_valid_and_starts_with_its_columns() -> None:
    index = Index("public", "i", "public.t", "btree", ("a", "b", "c"), ("a", "b", "c"), "")
    assert serves(index, ("a",))
    assert serves(index, ("b", "a"))
    assert serves(replace(index, predicate="(a IS NOT NULL)"), ("a",))
    assert not serves(index, ("b",))
    assert not serves(replace(index, valid=False), ("a",))
    assert not serves(replace(index, predicate="(b > 0)"), ("a",))
    assert not serves(replace(index, method="gin"), ("a",))
    assert not serves(replace(index, columns=("", "a")), ("a",))


def test_a_name_is_found_by_trust_exact_before_public_before_case() -> None:
    schema = Schema.of(
        [
            Namespace("app"),
            *(Table(*name) for name in (("public", "a"), ("app", "a"), ("app", "B"), ("app", "b"), ("app", "x.y"))),
        ]
    )
    assert [item.identity for item in find(schema, "a")] == ["public.a"]
    assert [item.identity for item in find(schema, "app.a")] == ["app.a"]
    assert [item.identity for item in find(schema, "b")] == ["app.b"]
    assert [item.identity for item in find(schema, '"B"')] == ['app."B"']
    assert [item.identity for item in find(schema, 'app."x.y"')] == ['app."x.y"']
    assert [item.identity for item in find(schema, "APP.A")] == ["app.a"]
    assert len(find(schema, "app")) == 4
    assert len(find(schema, "app.*")) == 4
    assert find(schema, "zzz") == ()
    assert near(schema, "aa") == ("public.a",)


def test_the_best_hit_is_the_one_whose_name_is_meant() -> None:
    schema = Schema.of(
        [
            Table("public", "invoice_line"),
            Table("public", "line"),
            Column("public.line", "invoice_id", "int"),
            Table("public", "note", comment="on an invoice line"),
        ]
    )
    hits = search(schema, ["invoice", "line"])
    assert [hit.item.name for hit in hits] == ["invoice_line", "line", "note"]
    assert [hit.where for hit in hits] == [(), ("column invoice_id",), ("comment: on an invoice line",)]
