"""A name has capital letters or signs, and works in quotes only.

Postgres reads createdAt without quotes as createdat and says that there is no such column. Where a library owns the names
([tool.dbarch] external), it does the quoting; in one's own tables names in lower case cost nothing.
https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
"""

import re
from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Column, Schema, Table

RULE = Rule(
    code="S120",
    severity="info",
    bad='create table task (id bigint primary key, "dueDate" date);',
    good=(
        "create table task (id bigint primary key, due_date date, line2 text);",
        'create table "order" (id bigint primary key);',
    ),
)
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")


def check(schema: Schema) -> Iterator[Finding]:
    for table in schema.all(Table):
        names = (table.name, *(column.name for column in schema.on(table.identity, Column)))
        odd = [name for name in names if not _PLAIN.match(name)]
        if odd and not table.partition_of:
            shown = ", ".join(f'"{name}"' for name in odd[:5]) + (f" and {len(odd) - 5} more" if len(odd) > 5 else "")
            yield RULE.found(
                subject=table.identity,
                message=f"{table.identity} has names that work in quotes only: {shown}.",
                evidence="derived from the schema",
            )
