"""A value that one user took is refused to all others.

A unique constraint that leaves the owner out tells a user what others have: an insert that is refused says that the value
exists, past every filter and policy. Make it unique for each user. Row security does not hide it.
https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from collections.abc import Iterator

from mcp_server.model.facts import primary_key
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Owned, Ownership
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Index
from mcp_server.rules.isolation.table_without_owner import USERS

_HEAD = (
    "create table task (id bigint primary key, user_id bigint not null references users, slug text not null, token uuid"
)
RULE = Rule(
    code="I105",
    severity="warning",
    given=USERS,
    bad=_HEAD + ", unique (slug)); create index on task (user_id);",
    good=(
        _HEAD + ", unique (user_id, slug));",
        _HEAD + " unique); create index on task (user_id);",
    ),
)


def check(owned: Ownership) -> Iterator[Finding]:
    for one in owned.owned:
        if one.kind == "user":
            continue
        for index in owned.schema.on(one.table, Index):
            if not _is_across(owned, one, index):
                continue
            columns = ", ".join(map(quote, index.columns))
            each = ", ".join(map(quote, (*one.columns, *index.columns)))
            drop = (
                f"alter table {one.table} drop constraint {quote(index.constraint)}"
                if index.constraint
                else f"drop index {index.identity}"
            )
            yield RULE.found(
                subject=index.identity,
                message=f"({columns}) is unique in {one.table} over all users: a refused insert tells one user what another has.",
                evidence=f"derived from the schema: {index.definition}",
                fix=f"create unique index on {one.table} ({each});\n{drop};",
            )


def _is_across(owned: Ownership, one: Owned, index: Index) -> bool:
    named = {*index.columns} - {""}
    if (
        not index.unique
        or not named
        or set(one.columns) & named
        or index.columns == primary_key(owned.schema, one.table)
    ):
        return False
    types = {column.type for column in owned.schema.on(one.table, Column) if column.name in named}
    return "uuid" not in types and not set(primary_key(owned.schema, one.table)) <= named
