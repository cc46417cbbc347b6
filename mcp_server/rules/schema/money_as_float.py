"""An amount of money is kept as a binary fraction.

0.1 + 0.2 is 0.30000000000000004 there, and sums over many rows drift by cents. `numeric(12, 2)` is exact.
https://www.postgresql.org/docs/current/datatype-numeric.html#DATATYPE-FLOAT
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.naming import is_money
from mcp_server.model.schema import Column, Schema

RULE = Rule(
    code="S116",
    severity="warning",
    bad="create table item (id bigint primary key, price double precision);",
    good=(
        "create table item (id bigint primary key, price numeric(12, 2));",
        "create table item (id bigint primary key, price_cents bigint, weight double precision);",
    ),
)


def check(schema: Schema) -> Iterator[Finding]:
    for column in schema.all(Column):
        if column.type in ("real", "double precision") and is_money(column.name) and not column.inherited:
            yield RULE.found(
                subject=column.identity,
                message=f"{column.identity} keeps money as a binary fraction, which has no exact cents.",
                evidence=f"its type is {column.type}",
                fix=f"alter table {column.table} alter column {quote(column.name)} type numeric(12, 2);",
            )
