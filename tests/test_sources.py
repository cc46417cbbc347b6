"""Source words become Schemas: models, histories, files as psql reads them, the live database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from mcp_server.errors import ConfigError, ModelsError, NotFound, Refused, SourceError
from mcp_server.model.change import diff
from mcp_server.model.orm import Models, ModelTable, Place
from mcp_server.model.schema import Column, Grant, Policy, Schema, Table
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.external import is_external, without_external
from mcp_server.world.psql_script import Piece, Unterminated, read_script
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.sources import (
    materialise,
    materialise_models,
    parse_source,
    read_source,
)
from mcp_server.world.sql_file import read_pieces
from mcp_server.world.urls import read_url
from tests.conftest import SYSTEM
from tests.opened import copy_history, open_project

pytestmark = pytest.mark.anyio

DUMP = r"""
--
-- PostgreSQL database dump
--
\restrict 5GPw1R
SET statement_timeout = 0;
SET transaction_timeout = 0;
SET some_later_setting = 0;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8';
ALTER DATABASE shop OWNER TO shop_owner;
\connect shop
CREATE SCHEMA public;
ALTER SCHEMA public OWNER TO shop_owner;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA public;
COMMENT ON EXTENSION pg_stat_statements IS 'track planning; and execution';
CREATE FUNCTION public.touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$ begin new.note := 'it''s; $1'; return new; end $_$;
ALTER FUNCTION public.touch() OWNER TO shop_owner;
CREATE TABLE public.orders (
    id integer NOT NULL,
    note text DEFAULT 'a;b'::text
);
ALTER TABLE public.orders OWNER TO shop_owner;
CREATE TABLE public.audit (
    at timestamp with time zone
);
ALTER TABLE public.audit OWNER TO auditor;
COPY public.orders (id, note) FROM stdin;
1	it's; not SQL \\ (
\.
ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
CREATE POLICY mine ON public.orders TO "Web App" USING (true);
GRANT ALL ON SCHEMA public TO shop_owner;
GRANT SELECT ON TABLE public.orders TO "Web App";
ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner IN SCHEMA public GRANT SELECT ON TABLES TO "Web App";
\unrestrict 5GPw1R
"""


async def file_schema(folder: Path, sandboxes: Sandboxes, text: str) -> Schema:
    (folder / "schema.sql").write_text(text)
    return await read_source(open_project(folder, sandboxes), "file:schema.sql")


@pytest.mark.parametrize("project", ["todo_chatbot", "old_sqlmodel", "classic_declarative", "monorepo"])
async def test_models_become_a_schema_with_all_their_tables(project: str, sandboxes: Sandboxes) -> None:
    from mcp_server.world.models import read_models

    workspace = open_project(project, sandboxes)

    schema = await read_source(workspace, "models")

    models = await read_models(workspace)
    assert {item.identity for item in schema.all(Table)} == {item.identity for item in models.tables}
    for item in models.classes:
        columns = {column.name: column for column in schema.on(item.identity, Column)}
        assert [each.column for each in item.fields if each.column in columns] == [each.column for each in item.fields]
        assert all(columns[each.column].nullable == each.nullable for each in item.fields)


async def test_a_history_that_makes_what_the_models_say_differs_by_its_own_schema_alone(sandboxes: Sandboxes) -> None:
    workspace = open_project("every_kind", sandboxes)

    changes = diff(await read_source(workspace, "models"), await read_source(workspace, "migrations"))

    assert [change.item.identity for change in changes] == ["ops"]


async def test_tables_of_others_are_left_out_of_a_comparison(sandboxes: Sandboxes) -> None:
    workspace = open_project("monorepo", sandboxes)
    external = workspace.settings.external

    models, migrations = await read_source(workspace, "models"), await read_source(workspace, "migrations")

    assert diff(models, migrations) != ()
    assert diff(without_external(models, external), without_external(migrations, external)) == ()


async def test_migrations_are_read_up_to_a_revision_without_the_version_table(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    workspace = open_project(copy_history(tmp_path), sandboxes)

    first, head = await read_source(workspace, "migrations:a1"), await read_source(workspace, "migrations")

    assert [item.identity for item in head.all(Table)] == ["public.authors"]
    assert [change.item.identity for change in diff(first, head)] == ["public.authors.born"]


async def test_live_is_read_where_it_is_without_the_version_table(
    tmp_path: Path, database: Sandbox, connection: asyncpg.Connection[asyncpg.Record]
) -> None:
    await connection.execute("create table a (id int primary key); create table alembic_version (version_num text)")
    workspace = open_project(tmp_path, database_url=database.url)
    try:
        assert [item.identity for item in (await read_source(workspace, "live")).all(Table)] == ["public.a"]
    finally:
        await workspace.close()


async def test_a_dump_loads_with_its_owner_standing_for_the_owner_of_the_database(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    schema = await file_schema(tmp_path, sandboxes, DUMP)

    tables = {item.name: item.owner for item in schema.all(Table)}
    assert tables == {"orders": "", "audit": "auditor"}
    assert [policy.roles for policy in schema.all(Policy)] == [("Web App",)]
    granted = [item for item in schema.all(Grant) if item.target_word == "table"]
    assert [(item.grantee, item.privileges) for item in granted] == [("Web App", ("select",))]


@pytest.mark.skipif(not SYSTEM, reason="needs a pg_dump of the server's version")
@pytest.mark.parametrize("postgres", [max(SYSTEM, default="")], indirect=True, scope="session")
async def test_what_pg_dump_writes_loads_to_an_equal_schema(
    tmp_path: Path, sandboxes: Sandboxes, postgres: str
) -> None:
    template = await materialise(open_project("every_kind", sandboxes), "models")
    async with sandboxes.lend(template) as sandbox:
        connection = await connect(sandbox.url)
        before = await read_schema(connection)
        await connection.close()
        program = [str(SYSTEM[postgres] / "pg_dump"), "--schema-only", read_url(sandbox.url).url()]
        dumping = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
        dumped, _ = await dumping.communicate()

    assert diff(before, await file_schema(tmp_path, sandboxes, dumped.decode())) == ()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            "create table a (id int);\n\ncreate table b (\n  id int references nowhere\n);",
            3,
            'relation "nowhere" does not exist',
        ),
        ("create table a (\n  id int,\n  id2 nonsense\n);", 3, 'type "nonsense" does not exist'),
        ("select 'open;\n", 1, "This quote is never closed"),
        ("select 1;\ncreate function f() returns int as $a$ select 1", 2, r"This \$a\$ quote is never closed"),
        ("select 1;\n\\gexec\n\\copy a from 'a.csv'\n", 2, r"psql's command \\gexec"),
        ("select 1;\n\\copy a from 'a.csv'\n", 2, r"psql's command \\copy"),
        ("alter system set work_mem = '1GB';", 1, "reaches beyond the database"),
        ("copy (select 1) to program 'id';", 1, "reaches beyond the database"),
        ("create extension hstore;", 1, 'extension "hstore" is not available'),
    ],
)
async def test_a_file_that_fails_is_told_with_file_and_line(
    text: str, line: int, words: str, tmp_path: Path, sandboxes: Sandboxes
) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        await file_schema(tmp_path, sandboxes, text)

    assert (caught.value.file, caught.value.line) == ("schema.sql", line)


async def test_a_file_may_include_others_and_the_error_names_the_one_that_fails(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/a.sql").write_text("\\ir b.sql\ncreate table a (id int references b (id));")
    (tmp_path / "parts/b.sql").write_bytes("create table b (id int primary key);".encode("utf-16"))

    schema = await file_schema(tmp_path, sandboxes, "\\i parts/a.sql\n")
    assert {item.name for item in schema.all(Table)} == {"a", "b"}

    (tmp_path / "parts/b.sql").write_text("\n\nnonsense;")
    with pytest.raises(SourceError) as caught:
        await file_schema(tmp_path, sandboxes, "\\i parts/a.sql\n")
    assert (caught.value.file, caught.value.line) == ("parts/b.sql", 3)


async def test_a_file_outside_of_the_project_is_read_only_by_its_absolute_path(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    outside, root = tmp_path / "outside.sql", tmp_path / "project"
    root.mkdir()
    outside.write_text("create table a (id int)")
    (root / "link.sql").symlink_to(outside)
    workspace = open_project(root, sandboxes)

    for word in ("file:../outside.sql", "file:link.sql"):
        with pytest.raises(Refused, match="leads out of the project"):
            await read_source(workspace, word)
    with pytest.raises(NotFound, match="There is no file nothing"):
        await read_source(workspace, "file:nothing.sql")
    assert [item.name for item in (await read_source(workspace, f"file:{outside}")).all(Table)] == ["a"]


@pytest.mark.parametrize("name", ["../outside.sql", "{folder}/outside.sql", "link.sql"])
async def test_a_file_includes_nothing_from_outside_of_the_project(
    name: str, tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "outside.sql").write_text("host:5432:db:me:secret")
    (root / "link.sql").symlink_to(tmp_path / "outside.sql")

    with pytest.raises(SourceError, match="leads out of the project") as caught:
        await file_schema(root, sandboxes, f"\\i {name.format(folder=tmp_path)}\n")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("modles", "'modles' is no source; did you mean models?"),
        ("branch:", "'branch:' is no source"),
        ("file:", "'file:' is no source"),
        ("live:x", "'live:x' is no source"),
        ("", "'' is no source"),
    ],
)
def test_an_unknown_word_is_answered_with_those_that_are_known(word: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")) as caught:
        parse_source(word)
    assert (
        "live, models, migrations, migrations:<revision>, spec, spec:<path>, file:<path.sql>, branch:<name>"
        in caught.value.hint
    )


async def test_live_is_never_copied(tmp_path: Path, sandboxes: Sandboxes) -> None:
    with pytest.raises(ConfigError, match="not copied"):
        await materialise(open_project(tmp_path, sandboxes), "live")


async def test_models_that_postgres_refuses_are_told_with_the_place_of_their_table(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    models = Models((), (ModelTable("", "b", Place("models.py", 7)),), ("CREATE TABLE b (\n\tid nonsense\n)",))

    with pytest.raises(ModelsError, match='type "nonsense" does not exist') as caught:
        await materialise_models(open_project(tmp_path, sandboxes), models)

    assert (caught.value.file, caught.value.line) == ("models.py", 7)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("select 1; select 2", [Piece("select 1", 1), Piece("select 2", 1)]),
        (";;\n;", []),
        ("-- a;\n/* b; /* c; */ ; */ select ';' ;", [Piece("select ';'", 2)]),
        ("select E'it\\'s;', U&'d;', \"a;\"\"b\";", [Piece("select E'it\\'s;', U&'d;', \"a;\"\"b\"", 1)]),
        ("select $$;$$, $a$;$$;$a$, a$b$c;", [Piece("select $$;$$, $a$;$$;$a$, a$b$c", 1)]),
        ("create rule r as on insert to t do also (select 1; select 2);\nselect 3", [
            Piece("create rule r as on insert to t do also (select 1; select 2)", 1), Piece("select 3", 2)]),
        ("create function f() returns int begin atomic select case when a then 1 end; select 2; end;\nselect 3;", [
            Piece("create function f() returns int begin atomic select case when a then 1 end; select 2; end", 1),
            Piece("select 3", 2)]),
        ("begin; select 1; end;", [Piece("begin", 1), Piece("select 1", 1), Piece("end", 1)]),
        ("select 1 \\g\nselect 2;", [Piece("select 1", 1), Piece("select 2", 2)]),
        ("\\set x 1\nselect 1;", [Piece("\\set x 1", 1, True), Piece("select 1", 2)]),
        ("copy a from stdin;\n';(\n\\.\nselect 1;", [Piece("copy a from stdin", 1), Piece("select 1", 4)]),
        ("select 'größe', \"ünï\", größe;", [Piece("select 'größe', \"ünï\", größe", 1)]),
    ],
)  # fmt: skip
def test_a_script_is_cut_where_psql_cuts_it(text: str, pieces: list[Piece]) -> None:
    assert list(read_script(text)) == pieces


@pytest.mark.parametrize(("text", "line"), [("\n/* a", 2), ("select (1", 1), ('select 1;\nselect "a', 2)])
def test_what_is_never_closed_is_named_by_its_line(text: str, line: int) -> None:
    with pytest.raises(Unterminated) as caught:
        list(read_script(text))
    assert caught.value.line == line


def test_an_archive_of_pg_dump_is_answered_with_the_way_to_make_sql_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.dump").write_bytes(b"PGDMP\x01\x0e")

    with pytest.raises(SourceError, match="archive of pg_dump") as caught:
        list(read_pieces(tmp_path / "a.dump", tmp_path))
    assert "pg_restore -f" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "identity", "named"),
    [
        ("user", 'public."user"', True),
        ("user", "auth.users", False),
        ("auth.*", "auth.users", True),
        ("public.user", 'public."user"', True),
        ("neon_*", "drizzle.neon_a", True),
        ("auth.user", "public.auth", False),
    ],
)
def test_external_tables_are_named_with_or_without_their_schema(name: str, identity: str, named: bool) -> None:
    assert is_external(identity, (name,)) is named
