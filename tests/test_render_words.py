"""Texts of a database said in few words: expressions, types, sizes, lines."""

from __future__ import annotations

import json

import pytest

from mcp_server.render.expression import short
from mcp_server.render.words import count, escape_hidden, indented, one_line, rows, short_type, size


@pytest.mark.parametrize(
    ("deparsed", "said"),
    [
        ("(amount >= (0)::numeric)", "amount >= 0"),
        ("((a > 0) AND (b < 5))", "a > 0 AND b < 5"),
        ("((a > 0) OR ((b > 0) AND (c > 0)))", "a > 0 OR (b > 0 AND c > 0)"),
        ("((NOT (a IS NULL)) AND (b IS NULL))", "NOT (a IS NULL) AND b IS NULL"),
        ("(status = ANY (ARRAY['a'::text, 'b'::text]))", "status IN ('a', 'b')"),
        (
            "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            "status IN ('a', 'b')",
        ),
        ("(n <> ALL (ARRAY[1, 2]))", "n NOT IN (1, 2)"),
        ("(x > '-5'::integer)", "x > -5"),
        ("(lower((status)::text) || ' AND (x)'::text)", "lower(status) || ' AND (x)'"),
        ("((id)::text <> ''::text)", "(id)::text <> ''"),
        ("(public.f(a) = 'public.x'::text)", "f(a) = 'public.x'"),
        ("('it''s'::text || \"Odd (col\")", "'it''s' || \"Odd (col\""),
        ("(at + '1 day'::interval)", "at + '1 day'::interval"),
        (
            "(EXISTS ( SELECT 1\n   FROM public.t\n  WHERE (t.id = x.id)))",
            "EXISTS (SELECT 1 FROM t WHERE (t.id = x.id))",
        ),
        ("((a, b) = (1, 2))", "(a, b) = (1, 2)"),
        ("((a + b) * (c - d))", "(a + b) * (c - d)"),
        ("(tags @> ARRAY['x'::text])", "tags @> ARRAY['x']"),
        ("((payload -> 'a'::text) ->> 'b'::text)", "(payload -> 'a') ->> 'b'"),
        ("(name ~ 'character varying'::text)", "name ~ 'character varying'"),
        ("(E'a\\\\b(' = x)", "E'a\\\\b(' = x"),
        ("(a = '('::text)", "a = '('"),
    ],
)
def test_an_expression_is_said_without_what_says_nothing(deparsed: str, said: str) -> None:
    assert short(deparsed, varchars=("status",)) == said


@pytest.mark.parametrize(
    ("deparsed", "type_name", "said"),
    [
        ("'new'::public.state", "public.state", "'new'"),
        ("'{}'::text[]", "text[]", "'{}'"),
        ("'-1'::integer", "integer", "-1"),
        ("'EUR'::bpchar", "character(3)", "'EUR'"),
        ("'1.5'::numeric", "numeric(4,2)", "1.5"),
        ("'{\"a\": 1}'::jsonb", "jsonb", "'{\"a\": 1}'"),
        ("now()", "timestamp with time zone", "now()"),
        ("('x'::text)::public.state", "public.state", "('x')::state"),
    ],
)
def test_a_default_needs_no_cast_to_the_type_of_its_column(deparsed: str, type_name: str, said: str) -> None:
    assert short(deparsed, type_name) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("timestamp with time zone", "timestamptz"),
        ("timestamp(3) without time zone[]", "timestamp(3)[]"),
        ("time with time zone", "timetz"),
        ("character varying(20)", "varchar(20)"),
        ("character(2)", "char(2)"),
        ("bit varying(5)", "varbit(5)"),
        ("double precision", "float8"),
        ("integer[]", "int[]"),
        ("public.mood", "mood"),
        ("sales.mood", "sales.mood"),
        ('public."Odd"', '"Odd"'),
        ("public.text", "public.text"),
        ("public.json[]", "public.json[]"),
        ('"boolean integer"', '"boolean integer"'),
    ],
)
def test_a_type_has_its_usual_short_word_and_is_never_ambiguous(name: str, said: str) -> None:
    assert short_type(name) == said


def test_numbers_are_said_with_at_most_three_digits() -> None:
    assert [rows(number) for number in (1, 9_999, 12_345, 1_234_567, 3_000_000_000)] == [
        "~1 row", "~9999 rows", "~12k rows", "~1.2M rows", "~3G rows",
    ]  # fmt: skip
    assert [size(number) for number in (0, 1023, 8192, 1_300_000, 2**41)] == ["0 B", "1023 B", "8 kB", "1.2 MB", "2 TB"]
    assert [count(1, "index", "indexes"), count(1200, "index", "indexes")] == ["1 index", "1 200 indexes"]


def test_a_line_of_a_database_stays_one_harmless_line() -> None:
    assert one_line("a\nb\tc\x1b[31mred\x1b[0m\x07 \u202eabc\U000e0041") == "a\\nb cred abc"
    assert one_line("x" * 20, 10) == "x" * 9 + "…"
    assert one_line("می‌خواهم") == "می‌خواهم"
    assert indented("a\n\x1b]0;title\x07b\r\n") == ["  | a", "  | b"]


def test_json_keeps_hidden_characters_as_escapes_only() -> None:
    said = escape_hidden(json.dumps({"a": "\u202e \U000e0041"}, ensure_ascii=False))
    assert said.isascii()
    assert json.loads(said) == {"a": "\u202e \U000e0041"}
