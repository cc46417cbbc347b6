"""What is read from SQL text: how many statements, of which kind, with which parameters and placeholders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.errors import Refused, StatementFailed
from mcp_server.world.placeholders import literal_of, substitute, with_numbers
from mcp_server.world.sql import point_at, read_statement, scan, unwrap_explain

KINDS = (
    ("select 1", "select"),
    ("(select 1) union (select 2)", "select"),
    ("values (1), (2)", "select"),
    ("table task", "select"),
    ("with a as (select 1) select * from a", "select"),
    ("with a as (select 1) insert into t select * from a", "insert"),
    ("with delete as (select 1) select * from delete", "select"),
    ("with recursive a as (select 1 union all select 2 from a) search depth first by x set y select 1", "select"),
    ("insert into t values (1)", "insert"),
    ("update t set a = 1", "update"),
    ("delete from t", "delete"),
    ("merge into t using s on t.a = s.a when matched then delete", "merge"),
    ("create table c as select 1", "create table as"),
    ("create temp table c on commit drop as (select 1)", "create table as"),
    ("create materialized view m as select 1 with no data", "create table as"),
    ("select 1 into c", "create table as"),
    ("create table c (a int check (a > 1))", "utility"),
    ("declare c cursor for select 1", "declare cursor"),
    ("execute p (1)", "execute"),
    ("explain select 1", "explain"),
    ("begin", "transaction"),
    ("start transaction read write", "transaction"),
    ("commit", "transaction"),
    ("end", "transaction"),
    ("rollback to savepoint s", "transaction"),
    ("abort", "transaction"),
    ("savepoint s", "transaction"),
    ("release s", "transaction"),
    ("prepare transaction 'x'", "transaction"),
    ("set transaction read write", "transaction"),
    ("set session characteristics as transaction read write", "transaction"),
    ("set local search_path = x", "utility"),
    ("prepare p as select 1", "utility"),
    ("do $$ begin end $$", "utility"),
    ("call p()", "utility"),
    ("copy t to stdout", "utility"),
    ("refresh materialized view m", "utility"),
)


@pytest.mark.parametrize(("sql", "kind"), KINDS)
def test_a_statement_tells_its_kind(sql: str, kind: str) -> None:
    assert read_statement(sql).kind == kind


@pytest.mark.parametrize(("sql", "kind"), KINDS)
def test_comments_and_semicolons_around_do_not_matter(sql: str, kind: str) -> None:
    wrapped = f" -- drop table t;\n/* delete; */ ; {sql} ;; -- the end; of it"
    statement = read_statement(wrapped)
    assert (statement.kind, statement.text) == (kind, sql)
    assert wrapped[statement.start :].startswith(sql)


@pytest.mark.parametrize(
    ("sql", "changes"),
    [
        ("select 1", ()),
        ("delete from t", ("delete",)),
        ("with a as (delete from t returning *), b as not materialized (update t set a = 1) select 1", ("delete", "update")),
        ("with a as materialized (insert into t values (1) returning *) merge into t using a on true when matched then delete", ("merge", "insert")),
        ("select * into c from t", ("select into",)),
        ("insert into t (update, delete) select (update), (delete) from s", ("insert",)),
        ("select 'delete from t'", ()),
    ],
)  # fmt: skip
def test_data_changing_verbs_are_found_in_with_parts_too(sql: str, changes: tuple[str, ...]) -> None:
    assert read_statement(sql).changes == changes


@pytest.mark.parametrize("sql", ["", "  ", ";;", "-- select 1", "/* select 1 */ ;"])
def test_a_text_without_a_statement_is_refused(sql: str) -> None:
    with pytest.raises(Refused, match="no statement"):
        read_statement(sql)


@pytest.mark.parametrize("sql", ["select 1; select 2", "select 1;commit;drop table t", "select ';'; delete from t --"])
def test_several_statements_are_refused(sql: str) -> None:
    with pytest.raises(Refused, match="statements; one at a time"):
        read_statement(sql)


def test_a_semicolon_inside_a_body_is_no_second_statement() -> None:
    sql = "create function f() returns int language sql begin atomic select 1; select 2; end"
    assert read_statement(sql).kind == "utility"


def test_an_error_of_grammar_points_at_its_place() -> None:
    with pytest.raises(StatementFailed) as caught:
        read_statement("select 'é',\n  ü frmo task whre a = 1")
    message = caught.value.message
    assert "line 2, column 10" in message
    caret_line = message.splitlines()[-1]
    assert message.splitlines()[-2][caret_line.index("^") :].startswith("task")


@pytest.mark.parametrize(
    "sql", ["select 1 \0; drop table t", "select '\ud800'", "select 'open", "select /* open", "select $$a"]
)
def test_texts_that_cannot_be_sql_are_refused_as_such(sql: str) -> None:
    with pytest.raises(StatementFailed):
        read_statement(sql)


@pytest.mark.parametrize("depth", [60, 400, 3000])
def test_long_chains_of_operators_are_read(depth: int) -> None:
    sql = "select " + " || ".join(["'x'"] * depth)
    assert read_statement(sql).kind == "select"


@pytest.mark.parametrize(
    ("sql", "inner", "kind"),
    [
        ("explain analyze delete from t;", "delete from t", "delete"),
        ("explain (analyze, buffers off, format json) select 1", "select 1", "select"),
        ("explain verbose (select 1)", "(select 1)", "select"),
        ("explain (select 1) -- x", "(select 1)", "select"),
        ("explain ((select 1) union select 2)", "((select 1) union select 2)", "select"),
        ("EXPLAIN ANALYZE VERBOSE WITH a AS (SELECT 1) SELECT * FROM a", "WITH a AS (SELECT 1) SELECT * FROM a", "select"),
        ("explain create table c as select 1", "create table c as select 1", "create table as"),
        ("select 1", "select 1", "select"),
    ],
)  # fmt: skip
def test_an_explain_is_taken_off(sql: str, inner: str, kind: str) -> None:
    statement = unwrap_explain(sql, read_statement(sql))
    assert (statement.text, statement.kind) == (inner, kind)


@pytest.mark.parametrize(
    ("sql", "query"),
    [
        ("create table c as select 1 with no data", "select 1"),
        ("create table c (a) with (fillfactor = 70) as select a as b from t with data", "select a as b from t"),
        ("create unlogged table c as (select 1)", "(select 1)"),
        ("create materialized view m as with a as (select 1) select * from a", "with a as (select 1) select * from a"),
        ("declare c scroll cursor with hold for select 1 for update", "select 1 for update"),
    ],
)
def test_the_query_inside_is_found(sql: str, query: str) -> None:
    statement = read_statement(sql)
    assert statement.query == query
    assert sql[statement.query_start :].startswith(query)


@pytest.mark.parametrize(
    ("logged", "sql"),
    [
        ("select * from t where a = :a and b = :b_2 or c = :a", "select * from t where a = $1 and b = $2 or c = $1"),
        ("select * from t where a = %(a)s and n like 'x%%'", "select * from t where a = $1 and n like 'x%'"),
        ("select * from t where a = %s limit %s", "select * from t where a = $1 limit $2"),
        ("select * from t where a in (?, ?) limit ?", "select * from t where a in ($1, $2) limit $3"),
        ("select data ? 'k' from t where a = :a", "select data ? 'k' from t where a = $1"),
        ("select ':a', \":b\", $$ :c $$, x::int, y[1:2] from t where a = :d -- :e", 'select \':a\', ":b", $$ :c $$, x::int, y[1:2] from t where a = $1 -- :e'),
        ("select date $1, interval $2", "select $1::date, $2::interval"),
        ("select timestamp with time zone $1", "select $1::timestamp with time zone"),
        ("select extract($1 from made), $2 from t", "select extract(year from made), $1 from t"),
    ],
)  # fmt: skip
def test_placeholders_of_logs_become_numbers_and_it_is_told(logged: str, sql: str) -> None:
    rewritten = with_numbers(logged)
    assert rewritten.text == sql
    assert rewritten.notes


@pytest.mark.parametrize(
    "sql",
    ["select a[1:b] from t", "select 5 % s from t", "select data ? 'k', x ?| y from t", "select ':a', '%s', '?'", "select $1::date"],
)  # fmt: skip
def test_what_is_sql_already_stays_as_it_is(sql: str) -> None:
    rewritten = with_numbers(sql)
    assert (rewritten.text, rewritten.notes) == (sql, ())


def test_substitution_leaves_quotes_alone_and_tells_the_places() -> None:
    text, places = substitute("select '$1', \"$1\", $10, $1 /* $1 */, $1 -- $1", {1: "'it'", 10: "x"})
    assert text == "select '$1', \"$1\", x, 'it' /* $1 */, 'it' -- $1"
    assert [(text[start:end], number) for start, end, number in places] == [("x", 10), ("'it'", 1), ("'it'", 1)]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_becomes_one_literal_token(value: str) -> None:
    literal = literal_of(value, "text", is_array=False, is_json=False)
    statement = read_statement(f"select {literal}, $1")
    tokens = scan(statement.text)
    assert [token.text for token in tokens[2:]] == ["::", "text", ",", "$1"]


@given(st.text() | st.text("select from $1:'\"%s?()-/*;\\ \n\0é", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        statement = read_statement(with_numbers(text).text)
    except (StatementFailed, Refused):
        return
    assert statement.text in with_numbers(text).text


def test_a_value_with_a_zero_byte_is_refused() -> None:
    with pytest.raises(Refused, match="zero byte"):
        literal_of("a\0b", "text", is_array=False, is_json=False)


def test_the_caret_stays_below_its_place_in_long_lines() -> None:
    sql = "select " + "x, " * 200 + "here, " + "y, " * 200
    shown, caret = point_at(sql, sql.index("here")).splitlines()[-2:]
    assert shown[caret.index("^") :].startswith("here")
    assert len(shown) < 120
