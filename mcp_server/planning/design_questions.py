"""At most three questions about what a spec leaves open, or states against its own interest; the first option was taken."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.design import Option, Question
from mcp_server.model.names import split
from mcp_server.model.naming import is_state, is_text, stem
from mcp_server.model.schema import Column, Constraint, Schema
from mcp_server.model.spec_table import name_in_sql
from mcp_server.planning.design_settle import Settled

MOST = 3
OWNERS = ("user", "owner")


def questions_of(settled: Settled, schema: Schema) -> tuple[Question, ...]:
    """The questions of most consequence."""
    own = {name_in_sql(one, settled.spec) for one in settled.spec.tables if one.columns and not one.external}
    columns = [one for one in schema.all(Column) if _table(one) in own]
    found = (
        *_owners(settled),
        *_unowned(columns, schema),
        *_naive(columns),
        *_states(columns, schema),
        *_deletes(settled),
        *_json(columns),
        *_doubtful(settled),
    )
    return tuple(found)[:MOST]


def _table(column: Column) -> str:
    return split(column.table)[-1]


def _name(column: Column) -> str:
    return f"{_table(column)}.{column.name}"


def _owners(settled: Settled) -> Iterator[Question]:
    unknown = [one for one in settled.decisions if one.topic == "owner"]
    for one in unknown:
        yield Question(
            f"Who owns the table `{one.table}`? Keys lead to it, and no document states it.",
            (
                Option(
                    "somebody else does (a library such as Better Auth)",
                    "its columns stay unknown here; it is never made or altered",
                    f"- `{one.table}` is managed by ...",
                ),
                Option("this project does", "it must be stated", f"a heading `## Table: {one.table}` with its columns"),
            ),
        )


def _unowned(columns: list[Column], schema: Schema) -> Iterator[Question]:
    keyed = {(one.table, name) for one in schema.all(Constraint) if one.kind == "f" for name in one.columns}
    found = tuple(_name(one) for one in columns if stem(one.name) in OWNERS and (one.table, one.name) not in keyed)
    if found:
        yield Question(
            "Whose row is it? These columns name an owner, and the spec gives them no foreign key.",
            (
                Option("no foreign key", "rows of people who are gone stay, and nothing keeps the value true"),
                Option(
                    "a foreign key to the table of users, whoever owns that table",
                    "deletes there wait for these rows or take them along",
                    "`FOREIGN KEY -> users.id ON DELETE CASCADE`",
                ),
            ),
            found,
        )


def _naive(columns: list[Column]) -> Iterator[Question]:
    found = tuple(_name(one) for one in columns if one.type.startswith("timestamp") and "without time zone" in one.type)
    if found:
        yield Question(
            "Shall moments keep their time zone? The spec says TIMESTAMP, which in Postgres is one without.",
            (
                Option(
                    "as stated: TIMESTAMP WITHOUT TIME ZONE, filled with UTC",
                    "what a value means is known to the code alone (rule S104)",
                ),
                Option(
                    "TIMESTAMPTZ",
                    "none for a new table; on a filled one a rewrite",
                    "`TIMESTAMPTZ` in place of `TIMESTAMP`",
                ),
            ),
            found,
        )


def _states(columns: list[Column], schema: Schema) -> Iterator[Question]:
    bounded = {(one.table, name) for one in schema.all(Constraint) if one.kind in "cf" for name in one.columns}
    found = tuple(
        _name(one)
        for one in columns
        if is_state(one.name) and is_text(one.type) and (one.table, one.name) not in bounded
    )
    if found:
        yield Question(
            "Which values are allowed? These columns hold one word of a few, and the spec does not list them.",
            (
                Option("any text", "a mistyped word is stored, and no query finds its row (rule S110)"),
                Option(
                    "a text with a check",
                    "a new value is a migration of a moment",
                    "`CHECK (status IN ('open', 'done'))`",
                ),
                Option("a native enum", "values can be added, and not taken away", "`ENUM('open', 'done')`"),
            ),
            found,
        )


def _deletes(settled: Settled) -> Iterator[Question]:
    found = tuple(one.subject for one in settled.decisions if one.topic == "on delete")
    if found:
        yield Question(
            "What becomes of these rows when the row that they refer to is deleted?",
            (
                Option("RESTRICT: the delete fails while they are there", "whoever deletes must clear up first"),
                Option("CASCADE: they go along", "one delete may take many rows", "`ON DELETE CASCADE`"),
                Option("SET NULL: they stay, without it", "only for columns that may be NULL", "`ON DELETE SET NULL`"),
            ),
            found,
        )


def _json(columns: list[Column]) -> Iterator[Question]:
    found = tuple(_name(one) for one in columns if one.type in ("json", "json[]"))
    if found:
        yield Question(
            "JSON or JSONB?",
            (
                Option(
                    "as stated: json, the text as it came",
                    "no equality, no index, parsed again at every use (rule S108)",
                ),
                Option("jsonb", "order and doubles of keys are not kept", "`JSONB`"),
            ),
            found,
        )


def _doubtful(settled: Settled) -> Iterator[Question]:
    found = tuple(
        one.subject
        for one in settled.decisions
        if one.topic == "type" and one.taken.startswith(("text", "integer", "double"))
    )
    if found:
        yield Question(
            "Which types have these columns? The spec states none, or one that says little.",
            (
                Option("as listed among the decisions", "a text takes anything"),
                Option("state them", "none", "`- name: VARCHAR(100) (required)`"),
            ),
            found,
        )
