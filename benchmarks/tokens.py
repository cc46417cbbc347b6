"""How many tokens a model reads for the same schema in several notations.

    python -m benchmarks.tokens [tables] [--overview TABLES]

Schemas come from benchmarks.generate, on a throw-away embedded Postgres; tokens are those of o200k, counted by the npm
package gpt-tokenizer, installed into .tools on first use. The contenders hold the same facts: columns with type,
nullability, default, identity, generation; keys, checks, indexes. Ours is counted once like that, and once with all that
inspect_schema says besides: triggers, policies, views, functions, privileges, sizes. Compact JSON is as good as JSON gets:
short keys, defaults left out, no names of keys and indexes, types and expressions shortened by our own shortener.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy

from benchmarks import generate, node
from mcp_server.model.facts import Facts, gather, primary_key
from mcp_server.model.schema import Column, Constraint, Domain, Enum, Grant, Index, Policy, Schema, Table, Trigger
from mcp_server.model.search import Named
from mcp_server.render.expression import short
from mcp_server.render.key_text import index_text
from mcp_server.render.overview import render_overview, survey
from mcp_server.render.text import render_objects, render_schema
from mcp_server.render.words import relative, short_type
from mcp_server.world.catalog import read_schema
from mcp_server.world.sandbox import open_sandboxes
from mcp_server.world.usage import read_usage

COUNT = """
import { encode } from "gpt-tokenizer/encoding/o200k_base";
const answer = (texts) => texts.map((text) => encode(text).length);
"""


def tokens(texts: Mapping[str, str]) -> dict[str, int]:
    """The number of o200k tokens of each text."""
    with node.asking(node.folder_with("gpt-tokenizer"), COUNT) as ask:
        return dict(zip(texts, ask([*texts.values()]), strict=True))


async def load(tables: int, connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Make the generated schema."""
    for script in generate.batches(tables):
        await connection.execute(script)


def reflected(url: str, schemas: tuple[str, ...], comments: bool) -> list[dict[str, Any]]:
    """What SQLAlchemy's Inspector tells of all tables but partitions: its own dictionaries."""
    warnings.simplefilter("ignore", sqlalchemy.exc.SAWarning)  # domains and composites, which it does not know
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    found: dict[tuple[str | None, str], dict[str, Any]] = {}
    with engine.connect() as connection:
        inspector = sqlalchemy.inspect(connection)
        for schema in schemas:
            for label in (
                "columns",
                "pk_constraint",
                "foreign_keys",
                "indexes",
                "unique_constraints",
                "check_constraints",
            ):
                for key, value in getattr(inspector, f"get_multi_{label}")(schema=schema).items():
                    found.setdefault(key, {"schema": key[0], "name": key[1]})[label] = value
            for key, value in inspector.get_multi_table_comment(schema=schema).items():
                found[key]["comment"] = value["text"]
    engine.dispose()
    whole: list[dict[str, Any]] = json.loads(json.dumps([*found.values()], default=str))
    return whole if comments else [_without_comments(table) for table in whole]


def _without_comments(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_comments(one) for key, one in value.items() if key != "comment"}
    return [_without_comments(one) for one in value] if isinstance(value, list) else value


def compact(facts: Facts) -> dict[str, Any]:
    """The same facts as short JSON."""
    tables = [table for table in facts.schema.all(Table) if not table.partition_of]
    enums = {relative(enum.identity): enum.values for enum in facts.schema.all(Enum)}
    return {"enums": enums, "tables": {relative(table.identity): _compact_table(table, facts) for table in tables}}


def _compact_table(table: Table, facts: Facts) -> dict[str, Any]:
    keys = facts.schema.on(table.identity, Constraint)
    said = {
        "columns": {column.name: _compact_column(column) for column in facts.schema.on(table.identity, Column)},
        "pk": primary_key(facts.schema, table.identity),
        "fks": [_compact_reference(key) for key in keys if key.kind == "f"],
        "unique": [key.columns for key in keys if key.kind == "u"],
        "checks": [short(key.expression) for key in keys if key.kind == "c"],
        "indexes": [
            index_text(index, frozenset()).replace("INDEX ", "", 1)
            for index in facts.schema.on(table.identity, Index)
            if not index.constraint
        ],
        "partition_by": table.partition_by,
        "rls": table.row_security,
        "comment": table.comment,
    }
    return {name: value for name, value in said.items() if value}


def _compact_column(column: Column) -> Any:
    said = {
        "type": short_type(column.type),
        "null": column.nullable,
        "default": short(column.default, column.type) if column.default else "",
        "identity": column.identity_kind,
        "generated": short(column.generated) if column.generated else "",
        "comment": column.comment,
    }
    kept = {name: value for name, value in said.items() if value}
    return kept["type"] if len(kept) == 1 else kept


def _compact_reference(key: Constraint) -> dict[str, Any]:
    said = {"cols": key.columns, "ref": relative(key.references), "on_delete": key.on_delete.lower()}
    return {name: value for name, value in said.items() if value}


def bare(schema: Schema, comments: bool) -> Schema:
    """A Schema with nothing but tables without partitions, and types: what the contenders tell."""
    kept = [item for item in schema if not isinstance(item, Trigger | Policy | Grant)]
    if not comments:
        kept = [
            replace(item, comment="") if isinstance(item, Table | Column | Enum | Domain) else item for item in kept
        ]
    return Schema.of(kept, schema.server_version)


def texts_of(schema: Schema, url: str, schemas: tuple[str, ...], comments: bool) -> dict[str, str]:
    """The same schema in each notation."""
    facts = gather(bare(schema, comments))
    relations: list[Named] = [*facts.schema.all(Enum)]
    relations += [table for table in facts.schema.all(Table) if not table.partition_of]
    return {
        "SQLAlchemy's dictionaries as JSON": json.dumps(reflected(url, schemas, comments)),
        "compact JSON": json.dumps(compact(facts), separators=(",", ":")),
        "abridged SQL": render_objects(facts, "live", relations).text,
    }


async def measure(url: str, tables: int) -> None:
    """Load a generated schema and print the table of its notations."""
    connection = await asyncpg.connect(url)
    await load(tables, connection)
    schema = await read_schema(connection)
    names = generate.schema_names(5)
    counted = {comments: tokens(texts_of(schema, url, names, comments)) for comments in (True, False)}
    whole = render_schema(gather(schema, await read_usage(connection)), "live").text
    print(f"{tables} tables: o200k tokens\n\n| notation | with comments | without |\n|---|---|---|")
    for name in counted[True]:
        print(f"| {name} | {counted[True][name]:,} | {counted[False][name]:,} |")
    print(
        f"| abridged SQL with all else: triggers, policies, views, sizes, ... | {tokens({'whole': whole})['whole']:,} | |"
    )
    for comments, label in ((True, "with comments"), (False, "without")):
        dicts, shortest, ours = counted[comments].values()
        print(f"\n{label}: {dicts / ours:.2f} x fewer than the dictionaries; {ours / shortest:.2f} of compact JSON")
    await connection.close()


async def measure_overview(url: str, tables: int) -> None:
    """Load a generated schema and print the size of its overview."""
    connection = await asyncpg.connect(url)
    await load(tables, connection)
    facts = gather(await read_schema(connection), await read_usage(connection))
    text = render_overview(survey(facts), facts, "live")
    print(f"\noverview of {tables:,} tables: {tokens({'text': text})['text']:,} tokens, {len(text):,} characters")
    await connection.close()


async def main(wanted: argparse.Namespace, folder: Path) -> None:
    """Both measurements, on an embedded Postgres in this folder."""
    async with await open_sandboxes(cache=folder) as sandboxes:
        async with sandboxes.lend() as sandbox:
            await measure(sandbox.url, wanted.tables)
        if wanted.overview:
            async with sandboxes.lend() as sandbox:
                await measure_overview(sandbox.url, wanted.overview)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="?", type=int, default=100)
    parser.add_argument("--overview", type=int, default=10_000, metavar="TABLES", help="0 to leave it out")
    with tempfile.TemporaryDirectory(prefix="dbarch-bench-") as temporary:
        Path(temporary).chmod(0o711)
        asyncio.run(main(parser.parse_args(), Path(temporary)))
