"""A table or column is named by a reserved word of SQL.

`select * from user` does not read the table user: it gives the name of the role that is connected. Every statement that
somebody writes by hand needs the quotes, and forgets them once.
https://www.postgresql.org/docs/current/sql-keywords-appendix.html
"""

import re
from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Schema, Table

RULE = Rule(
    code="S109",
    severity="info",
    bad='create table "user" (id bigint primary key);',
    good=(
        "create table users (id bigint primary key, name text);",
        "create table session (id bigint primary key, value text);",
        'create table "userAccount" (id bigint primary key);',
    ),
)
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")


def check(schema: Schema) -> Iterator[Finding]:
    listed: tuple[Table | Column, ...] = (*schema.all(Table), *schema.all(Column))
    for item in listed:
        if (
            not _PLAIN.match(item.name)
            or quote(item.name) == item.name
            or (isinstance(item, Table) and item.partition_of)
        ):
            continue
        kind = item.word
        yield RULE.found(
            subject=item.identity,
            message=f"The {kind} {item.identity} has a reserved word as its name, and works in quotes only.",
            evidence=f"{item.name} is a keyword of PostgreSQL",
            fix="",
        )
