"""A type, domain, function, sequence, schema or extension is dropped that code may still use.

A function may be called by queries that nobody sees in the database; a type may be named in casts. Stop using it in one
release, drop it in a later one.
"""

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M204",
    severity="warning",
    given="create type mood as enum ('good'); create function one() returns int language sql as 'select 1'; create sequence numbers;",
    bad="drop type mood;",
    good=(
        "create type size as enum ('small'); drop type size;",
        "begin;\ndrop function one();\ncreate function one() returns bigint language sql as 'select 1::bigint';\ncommit;",
    ),
)
KINDS = (
    "type",
    "domain",
    "function",
    "procedure",
    "routine",
    "aggregate",
    "sequence",
    "schema",
    "extension",
    "publication",
    "database",
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each(*(f"drop {kind}" for kind in KINDS)):
        if not _goes(migration, action) and statement.is_observed:
            continue
        word = action.verb.removeprefix("drop ")
        is_all = word == "database"
        yield RULE.found(
            subject=action.relation or action.name,
            message="The database goes with all that it holds."
            if is_all
            else f"Code that still uses the {word} fails.",
            evidence=migration.evidence(statement),
            place=statement.place,
            severity="error" if is_all else None,
        )


def _goes(migration: Migration, action: Action) -> bool:
    """Whether something of that name stood before and does not stand at the end."""
    name = (action.relation or action.name).partition("(")[0].rpartition(".")[2].strip('"')

    def names(keys: set[tuple[str, str]]) -> set[str]:
        return {identity.partition("(")[0].rpartition(".")[2].strip('"') for _, identity in keys}

    before = names({key for key in migration.before.by_key() if key[0] not in ("column", "constraint")})
    after = names({key for key in migration.end.by_key() if key[0] not in ("column", "constraint")})
    return name in before and name not in after
