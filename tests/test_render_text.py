"""Every kind of object is said; what is long is cut, what is many is counted."""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.facts import gather
from mcp_server.model.schema import (
    Column,
    Composite,
    Constraint,
    DefaultPrivilege,
    Domain,
    DomainConstraint,
    Enum,
    EventTrigger,
    Extension,
    Function,
    Grant,
    Index,
    Namespace,
    Policy,
    Publication,
    Range,
    RewriteRule,
    Schema,
    SchemaObject,
    Sequence,
    Statistics,
    Table,
    Trigger,
    Unread,
    View,
)
from mcp_server.model.usage import RelationUsage, Usage
from mcp_server.render.overview import render_overview, survey
from mcp_server.render.text import render_everything, render_schema

SIMPLE = Table("public", "t")


def text_of(*objects: SchemaObject, usage: Usage | None = None) -> str:
    return render_schema(gather(Schema.of(objects, 180004), usage), "live").text


def test_every_kind_of_object_appears() -> None:
    text = text_of(
        Namespace("app", owner="boss", comment="The app."),
        Extension("pgcrypto", "extra", "1.3"),
        Extension("plpgsql", "pg_catalog", "1.0"),
        Enum("public", "mood", ("sad", "so so", "it's"), comment="How it is."),
        Domain("public", "code", "text", False, "'x'::text", constraints=(DomainConstraint("c", "CHECK ((length(VALUE) = 2))", False),)),
        Composite("public", "pair", ()),
        Range("public", "span", "SUBTYPE = integer"),
        Sequence("public", "odd", "integer", 5, -2, -100, 5, 10, True),
        SIMPLE,
        Column("public.t", "id", "bigint", False, position=1),
        RewriteRule("public.t", "r", "CREATE RULE r AS ON DELETE TO public.t DO INSTEAD NOTHING", "disabled"),
        Statistics("public", "s", "public.t", "CREATE STATISTICS public.s (dependencies) ON a, b FROM public.t", 100),
        Trigger(
            "public.t",
            "g",
            "CREATE CONSTRAINT TRIGGER g AFTER INSERT ON public.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.f('x')",
            "disabled",
        ),
        Policy("public.t", "p", "insert", False, ("a b",), check="(id > 0)"),
        Function("public", "f", "a integer, b character varying", "procedure", "", language="sql", security_definer=True),
        EventTrigger("e", "ddl_command_end", "public.watch", ("CREATE TABLE",), "always"),
        Publication("feed", tables=("public.t (id) WHERE (id > 1)",), operations=("insert",)),
        DefaultPrivilege("", "app", "tables", "reader", ("select",)),
        Grant("column", "public.t.id", "reader", ("select",)),
        Grant("function", "public.f(a integer)", "public", (), ("execute",)),
        Unread("cast", "text as mood"),
    )  # fmt: skip
    for said in (
        "SCHEMA app OWNER boss -- The app.", "EXTENSION pgcrypto 1.3 in extra\n", "ENUM mood (sad, 'so so', 'it''s') -- How it is.",
        "DOMAIN code text NOT NULL DEFAULT 'x' CHECK (length(VALUE) = 2) NOT VALID", "TYPE pair ()", "RANGE span (SUBTYPE = int)",
        "SEQUENCE odd AS int INCREMENT -2 MINVALUE -100 MAXVALUE 5 CACHE 10 CYCLE", "RULE r AS ON DELETE TO t DO INSTEAD NOTHING DISABLED",
        "STATISTICS (dependencies) ON a, b TARGET 100", "CONSTRAINT TRIGGER AFTER INSERT DEFERRABLE INITIALLY DEFERRED EXECUTE app.f('x') DISABLED",
        'RESTRICTIVE POLICY FOR INSERT TO "a b" CHECK (id > 0)', "PROCEDURE f(a int, b varchar) sql SECURITY DEFINER",
        "EVENT TRIGGER e ON ddl_command_end WHEN TAG IN (CREATE TABLE) EXECUTE watch ALWAYS", "PUBLICATION feed FOR public.t (id) WHERE (id > 1) (insert)",
        "DEFAULT PRIVILEGES FOR the owner IN SCHEMA app ON tables: GRANT select TO reader", "GRANT select TO reader ON column t.id",
        "REVOKE execute FROM public ON function f(a integer)", "ALSO, by name only: cast text as mood",
    ):  # fmt: skip
        assert said in text
    assert "plpgsql" not in text


def test_a_table_of_an_unusual_kind_is_told_apart() -> None:
    tables = [
        replace(SIMPLE, name="a", kind="foreign", server="far away", options=("table_name=x",)),
        replace(SIMPLE, name="b", persistence="unlogged", access_method="columnar", tablespace="fast", owner="boss"),
        replace(SIMPLE, name="c", replica_identity="full", row_security=True, force_row_security=True),
        replace(SIMPLE, name="d", replica_identity="d_key", of_type="public.pair"),
    ]
    text = text_of(*tables)
    for said in (
        'FOREIGN TABLE a SERVER "far away" OPTIONS (table_name=x)', "UNLOGGED TABLE b USING columnar TABLESPACE fast OWNER boss",
        "TABLE c FORCE RLS REPLICA IDENTITY FULL", "TABLE d OF pair REPLICA IDENTITY USING INDEX d_key",
    ):  # fmt: skip
        assert said in text


def test_marks_of_columns_are_said() -> None:
    table = "public.t"
    text = text_of(
        SIMPLE,
        Column(
            table,
            "select",
            "text",
            collation='pg_catalog."C"',
            storage="external",
            compression="lz4",
            statistics=500,
            position=1,
        ),
        Column(table, "Two", "bigint", False, identity_kind="by default", identity_options="START WITH 10", position=2),
        Column(table, "sum", "integer", generated="(a + 1)", stored=False, options=("n_distinct=5",), position=3),
    )
    for said in (
        ' "select" text NULL COLLATE "C" STORAGE external COMPRESSION lz4 STATISTICS 500\n',
        ' "Two" bigint IDENTITY BY DEFAULT (START WITH 10)\n',
        " sum int NULL GENERATED AS (a + 1) VIRTUAL WITH (n_distinct=5)",
    ):
        assert said in text


def test_many_partitions_are_folded_into_their_range() -> None:
    parent = replace(SIMPLE, kind="partitioned", partition_by="RANGE (at)")
    parts = [
        replace(
            SIMPLE,
            name=f"t_{month}",
            partition_of="public.t",
            partition_bound=f"FOR VALUES FROM ({month}) TO ({month + 1})",
        )
        for month in range(1, 13)
    ]
    rest = replace(SIMPLE, name="t_rest", partition_of="public.t", partition_bound="DEFAULT")
    usage = {part.identity: RelationUsage(rows=1000, size=8192, exact=True) for part in parts}
    text = text_of(parent, *reversed(parts), rest, usage=Usage(usage))
    assert " 13 PARTITIONS: t_1 … t_12 FROM (1) … TO (13), t_rest DEFAULT" in text
    assert "TABLE t PARTITION BY RANGE (at) -- ~12k rows, 96 kB" in text
    assert text.count("TABLE ") == 1


def test_an_overview_says_what_is_wrong_and_what_is_big() -> None:
    tables = [Table("public", f"order_{number}") for number in range(5)]
    secured = replace(tables[0], row_security=True)
    key = Constraint(
        "public.order_1", "k", "f", ("a",), "FOREIGN KEY (a) REFERENCES public.order_0(a)", "public.order_0", ("a",)
    )
    usage = Usage({"public.order_2": RelationUsage(rows=5_000_000, size=3 * 2**30)})
    facts = gather(
        Schema.of([secured, *tables[1:], key, replace(key, name="k2"), Namespace("public", comment="All of it.")]),
        usage,
    )
    text = render_overview(survey(facts), facts, "live")
    for said in (
        "Schema public (All of it.): 5 tables: order_* 5", "Most referenced (incoming foreign keys): order_0 2", "Biggest, of about 3 GB: order_2 3 GB ~5M rows",
        "Without primary key (5): order_0, order_1", "2 foreign keys that no index serves, by table: order_1 2",
        "Row level security without a policy, so nobody but the owner sees a row (1): order_0",
    ):  # fmt: skip
        assert said in text


def test_an_overview_of_very_long_names_stays_short() -> None:
    tables = [
        Table(f"s{number % 30}", f"{chr(97 + number % 26) * 40}{number % 7}_{number:020}") for number in range(3_000)
    ]
    facts = gather(Schema.of(tables))
    assert len(render_overview(survey(facts), facts, "live")) < 39_000


def test_everything_about_a_view_shows_its_query_behind_a_margin() -> None:
    view = View("public", "v", True, " SELECT 1;\n-- TABLE fake", populated=False)
    index = Index("public", "v_i", "public.v", "btree", ("a",), ("a",), "", unique=True)
    text = render_everything(gather(Schema.of([view, index])), "live", [view]).text
    assert "MATERIALIZED VIEW v NOT POPULATED" in text
    assert "  |  SELECT 1;\n  | -- TABLE fake\n" in text
    assert " UNIQUE INDEX v_i (a)" in text


def test_what_does_not_fit_is_counted_and_the_beginning_of_one_large_thing_is_shown() -> None:
    body = "\n".join(f"line {number}" for number in range(10_000))
    function = Function("public", "f", "", "function", body, "void")
    text = render_everything(gather(Schema.of([function])), "live", [function], 5_000)
    assert text.is_cut
    assert 3_000 < len(text.text) <= 5_000
    assert "  | line 100\n" in text.text
    assert text.text.rpartition("\n")[2].startswith("-- and 9 ")


def test_a_schema_of_nothing_but_types_stays_within_its_bound() -> None:
    enums = [Enum("public", f"kind_{number}", ("a", "b")) for number in range(5_000)]
    table = [
        SIMPLE,
        Constraint(
            "public.t", "c", "c", ("a",), "", expression="(" + " OR ".join(f"(a = {n})" for n in range(9_000)) + ")"
        ),
    ]
    text = render_schema(gather(Schema.of([*enums, *table])), "live", 20_000)
    assert len(text.text) <= 20_000
    assert "TABLE t" in text.text
    assert " more lines" in text.text
