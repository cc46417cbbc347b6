"""A table whose rows reach no user.

Nothing can tell whose its rows are: no query can be scoped and no policy can be written. Give it the owner's column, or a
foreign key to a table that has one. Where its rows are everybody's, say so: `shared = ["country"]` in [tool.dbarch], or the
argument `shared`.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Ownership
from mcp_server.model.names import quote, split

USERS = "create table users (id bigint primary key, email text not null unique);"
_TASK = "create table task (id bigint primary key, user_id bigint not null references users); create index on task (user_id);"
RULE = Rule(
    code="I101",
    severity="error",
    given=USERS + _TASK,
    bad="create table note (id bigint primary key, body text);",
    good=(
        "create table note (id bigint primary key, user_id bigint not null references users); create index on note (user_id);",
        "create table note (id bigint primary key, task_id bigint not null references task); create index on note (task_id);",
        'create table note (id bigint primary key, "userId" bigint not null references users);create index on note ("userId");',
    ),
)


def check(owned: Ownership) -> Iterator[Finding]:
    for table in owned.unreached:
        name = quote(owned.owners[0]) if owned.owners else "user_id"
        yield RULE.found(
            subject=table,
            message=f"The rows of {table} belong to nobody: it has no {name}, and no foreign key leads to a table that has.",
            evidence="derived from the schema",
            fix=_fix(owned, table, name),
        )


def _fix(owned: Ownership, table: str, name: str) -> str:
    like = next((one for one in owned.owned if one.kind == "direct"), None)
    user = next((one for one in owned.owned if one.kind == "user"), None)
    kind = like.type if like else user.type if user else "bigint"
    target = f" references {owned.user}" if owned.user else ""
    shared = split(table)[-1]
    return (
        f"alter table {table} add column {name} {kind} not null{target};\ncreate index on {table} ({name});\n"
        f'-- or, where its rows are everybody\'s, in [tool.dbarch]: shared = ["{shared}"]'
    )
