"""Values for parameters: of every common type, as JSON or as a library's caller gives them."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from mcp_server.errors import Refused, StatementFailed
from mcp_server.world.explain import explain

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.anyio

KINDS = """
create type mood as enum ('sad', 'it''s "ok"');
create type pair as (a int, b text);
create domain positive as int check (value > 0);
create table kind (small int2, normal int4, big int8, real4 float4, real8 float8, exact numeric, yes bool, words text,
  short varchar(10), fixed char(3), one "char", label name, id uuid, day date, hour time, moment timestamp, instant timestamptz,
  span interval, bytes bytea, doc json, docb jsonb, feeling mood, duo pair, plus positive, nums int[], texts text[],
  grid int[], ids uuid[], docs jsonb[], during tstzrange, net inet, mask bit(3), vary varbit, mail point, search tsvector);
insert into kind values (1, 2, 3, 1.5, 2.5, 12.50, true, 'it''s \\ "x"', 'short', 'abc', 'c', 'label', '6f1c2b34-0000-4000-8000-000000000001',
  '2026-01-31', '10:20:30', '2026-01-31 10:20:30', '2026-01-31 10:20:30+00', '2 days', '\\x00ff', '{"a": 1}', '{"a": [1, null, "é"]}',
  'it''s "ok"', row(1, 'b'), 5, '{1,NULL,3}', '{"a,b","c\\"d","e\\\\f",NULL,"NULL",""}', '{{1,2},{3,4}}', '{6f1c2b34-0000-4000-8000-000000000001}',
  array['{"a": 1}'::jsonb], '[2026-01-01,2026-02-01)', '10.0.0.1', b'101', b'11', '(1,2)', 'a b');
"""


# column -> values that are the row's own, as JSON or as a library's caller would give them
VALUES: dict[str, tuple[Any, ...]] = {
    "small": (1, "1"), "normal": (2, 2.0 == 2 and 2), "big": (3,), "real4": (1.5,), "real8": (2.5, "2.5"),
    "exact": (12.5, "12.50", decimal.Decimal("12.5")), "yes": (True, "t", "true"), "words": ('it\'s \\ "x"',), "short": ("short",),
    "fixed": ("abc",), "one": ("c",), "label": ("label",), "id": ("6f1c2b34-0000-4000-8000-000000000001", uuid.UUID("6f1c2b34000040008000000000000001")),
    "day": ("2026-01-31", datetime.date(2026, 1, 31)), "hour": ("10:20:30", datetime.time(10, 20, 30)),
    "moment": ("2026-01-31T10:20:30", datetime.datetime(2026, 1, 31, 10, 20, 30)),
    "instant": ("2026-01-31T10:20:30Z", "2026-01-31T11:20:30+01:00", datetime.datetime(2026, 1, 31, 10, 20, 30, tzinfo=datetime.UTC)),
    "span": ("2 days", datetime.timedelta(days=2)), "bytes": ("\\x00ff", b"\x00\xff"), "docb": ({"a": [1, None, "é"]}, '{"a": [1, null, "é"]}'),
    "feeling": ('it\'s "ok"',), "plus": (5,), "nums": ([1, None, 3], "{1,NULL,3}"),
    "texts": (["a,b", 'c"d', "e\\f", None, "NULL", ""],), "grid": ([[1, 2], [3, 4]],), "ids": (["6f1c2b34-0000-4000-8000-000000000001"],),
    "docs": ([{"a": 1}],), "during": ("[2026-01-01,2026-02-01)",), "net": ("10.0.0.1",), "mask": ("101",), "vary": ("11",), "search": ("a b",),
}  # fmt: skip


@pytest.mark.every_postgres
async def test_values_of_every_common_type_find_their_row(connection: Connection) -> None:
    await connection.execute(KINDS)
    for column, values in VALUES.items():
        for value in values:
            explained = await explain(connection, f"select * from kind where {column} = $1", (value,), analyze=True)
            assert explained.plan.root.rows == 1, (column, value)
        nothing = await explain(connection, f"select * from kind where {column} = $1", (None,), analyze=True)
        assert nothing.plan.root.rows == 0, column
    for sql, value in (
        ("select * from kind where doc::jsonb = $1", {"a": 1}),
        ("select * from kind where normal = any($1)", [1, 2]),
        ("select * from kind where mail ~= $1", "(1,2)"),
        ("select * from kind where duo = $1::pair", "(1,b)"),
        ("select * from kind limit $1", 1),
        ("select * from kind where words like $1 || '%'", "it's"),
        ("select * from kind where instant > now() - $1::interval or true", "1 day"),
    ):
        assert (await explain(connection, sql, (value,), analyze=True)).plan.root.rows == 1, sql


async def test_values_of_vectors_are_plain_lists(connection: Connection) -> None:
    await connection.execute(
        "create extension vector; create table place (at vector(3)); insert into place values ('[1,2,3]')"
    )
    explained = await explain(connection, "select * from place where at <-> $1 < $2", ([1, 2, 4], 1.5), analyze=True)
    assert explained.plan.root.rows == 1


async def test_a_value_that_its_type_refuses_is_named(connection: Connection) -> None:
    await connection.execute(KINDS)
    with pytest.raises(StatementFailed) as caught:
        await explain(connection, "select * from kind where small = $1 and id = $2", (1, "no uuid"))
    assert caught.value.message.startswith(
        'The value of $2 is not taken as uuid: invalid input syntax for type uuid: "no uuid"'
    )
    with pytest.raises(Refused, match="2 values are given for 1 parameters"):
        await explain(connection, "select * from kind where small = $1", (1, 2))
    with pytest.raises(Refused, match=r"ANALYZE needs a value for \$1 \(smallint\)"):
        await explain(connection, "select * from kind where small = $1", analyze=True)


async def test_one_parameter_used_twice_has_one_value(connection: Connection) -> None:
    await connection.execute(KINDS)
    explained = await explain(
        connection, "select * from kind where normal = :n and normal <= :n and small < :n", (2,), analyze=True
    )
    assert explained.plan.root.rows == 1
    assert explained.sql == "select * from kind where normal = $1 and normal <= $1 and small < $1"
    assert "Placeholders were numbered in order: n = $1." in explained.notes
