"""A table as abridged SQL: one line for its head, one for each column, one for what does not fit behind a column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mcp_server.model.facts import Facts, unguarded, unserved
from mcp_server.model.names import quote
from mcp_server.model.schema import (
    Column,
    Constraint,
    Grant,
    Index,
    Policy,
    RewriteRule,
    Statistics,
    Table,
    Trigger,
    View,
)
from mcp_server.model.usage import RelationUsage
from mcp_server.render.expression import short
from mcp_server.render.key_text import (
    constraint_text,
    index_text,
    inline_index,
    inline_text,
    is_inline,
    is_plain,
    trigger_text,
)
from mcp_server.render.words import commas, count, one_line, relative, rows, short_type, size

COMMENT_LIMIT = 160
_VARCHAR = ("character varying", "character(")


def table_lines(table: Table, facts: Facts) -> list[str]:
    """A table in few words, without the names of its constraints, indexes, triggers and policies."""
    name = table.identity
    columns = _own_columns(table, facts)
    varchars = varchars_of(columns)
    beside = _beside_columns(table, facts, columns, varchars)
    lines = [f"{head(table, facts)}{remark(*usage_words(facts.usage_of(table)), table.comment)}"]
    lines += [
        f" {' '.join((column_text(column, facts), *beside.get(column.name, ())))}{remark(column.comment)}"
        for column in columns
    ]
    lines += [f" {text}" for text in beside.get("", ())]
    lines += [f" STATISTICS {statistics_text(item)}" for item in facts.schema.on(name, Statistics)]
    lines += [f" {text}" for text in hanging(name, facts, with_names=False)]
    lines += [f" {text}" for text in partition_lines(table, facts)]
    return lines


def head(table: Table, facts: Facts) -> str:
    """`UNLOGGED TABLE name RLS`, with what is not the default."""
    kind = {"partitioned": "TABLE", "foreign": "FOREIGN TABLE"}.get(table.kind, "TABLE")
    words = [] if table.persistence == "permanent" else [table.persistence.upper()]
    words += [kind, relative(table.identity)]
    if table.of_type:
        words.append(f"OF {relative(table.of_type)}")
    if table.row_security:
        words.append("FORCE RLS" if table.force_row_security else "RLS")
    elif table.force_row_security or unguarded(facts.schema, table):
        words.append("FORCE RLS OFF" if table.force_row_security else "RLS OFF")
    if table.inherits:
        words.append(f"INHERITS ({commas(map(relative, table.inherits))})")
    if table.partition_of:
        words.append(f"PARTITION OF {relative(table.partition_of)} {table.partition_bound}")
    if table.partition_by:
        words.append(f"PARTITION BY {table.partition_by}")
    if table.server:
        words.append(f"SERVER {quote(table.server)}")
    if table.access_method not in ("", "heap"):
        words.append(f"USING {table.access_method}")
    if table.options:
        words.append(f"{'OPTIONS' if table.kind == 'foreign' else 'WITH'} ({commas(table.options)})")
    if table.tablespace:
        words.append(f"TABLESPACE {quote(table.tablespace)}")
    if table.replica_identity:
        words.append(f"REPLICA IDENTITY {table.replica_identity.upper()}" if table.replica_identity in ("full", "nothing")
                     else f"REPLICA IDENTITY USING INDEX {quote(table.replica_identity)}")  # fmt: skip
    if table.owner:
        words.append(f"OWNER {quote(table.owner)}")
    return " ".join(words)


def remark(*notes: str, limit: int = COMMENT_LIMIT) -> str:
    """Notes behind a line, as an SQL comment; "" without any."""
    said = [one_line(note, limit) for note in notes if note]
    return f" -- {'; '.join(said)}" if said else ""


def usage_words(usage: RelationUsage | None) -> tuple[str, ...]:
    """`~1.2M rows, 340 MB`, as far as it is known."""
    if usage is None:
        return ()
    if usage.rows == 0:
        return ("empty",)
    known = [rows(usage.rows)] if usage.rows is not None else []
    if usage.size is not None:
        known.append(f"{'' if usage.exact else '~'}{size(usage.size)}")
    return (", ".join(known),)


def column_text(column: Column, facts: Facts) -> str:
    """A column without its constraints."""
    sequence = facts.sequences.get(column.identity)
    is_serial = sequence is not None and column.default == f"nextval({_literal(sequence.identity)}::regclass)"
    words = [quote(column.name), _serial(column.type) if is_serial else short_type(column.type)]
    if column.nullable:
        words.append("NULL")
    if column.collation:
        words.append(f"COLLATE {column.collation.removeprefix('pg_catalog.')}")
    if column.identity_kind:
        words.append("IDENTITY" if column.identity_kind == "always" else "IDENTITY BY DEFAULT")
        if column.identity_options:
            words.append(f"({column.identity_options})")
    if column.generated is not None:
        words.append(f"GENERATED AS ({short(column.generated, column.type)}){'' if column.stored else ' VIRTUAL'}")
    elif column.default is not None and not is_serial:
        words.append(f"DEFAULT {_NEXT.sub(_next, short(column.default, column.type))}")
    words += [f"{word} {value}" for word, value in _storage(column) if value]
    return " ".join(words)


_NEXT = re.compile(r"nextval\('((?:[^']|'')*)'::regclass\)")


def _next(match: re.Match[str]) -> str:
    return f"nextval('{relative(match[1])}')"


def _storage(column: Column) -> tuple[tuple[str, str], ...]:
    statistics = "" if column.statistics is None else str(column.statistics)
    options = f"({commas(column.options)})" if column.options else ""
    return (
        ("STORAGE", column.storage),
        ("COMPRESSION", column.compression),
        ("STATISTICS", statistics),
        ("WITH", options),
    )


def _serial(type_name: str) -> str:
    return {"integer": "serial", "bigint": "bigserial", "smallint": "smallserial"}.get(type_name, type_name)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def varchars_of(columns: Iterable[Column]) -> frozenset[str]:
    """The columns whose cast to text says nothing."""
    return frozenset(column.name for column in columns if column.type.startswith(_VARCHAR))


def _own_columns(table: Table, facts: Facts) -> tuple[Column, ...]:
    """The columns to show: of a child those that its parent, which is shown too, does not have."""
    columns = facts.schema.on(table.identity, Column)
    known = table.inherits and all(facts.schema.group(parent) for parent in table.inherits)
    return tuple(column for column in columns if not column.inherited) if known else columns


def _beside_columns(
    table: Table, facts: Facts, columns: tuple[Column, ...], varchars: frozenset[str]
) -> dict[str, list[str]]:
    """Texts of constraints and indexes by the column behind which they stand, "" for lines of their own."""
    shown = {column.name for column in columns}
    beside: dict[str, list[str]] = {}
    without_index = unserved(facts.schema, table.identity)
    for key in sorted(facts.schema.on(table.identity, Constraint), key=lambda key: "pufcxn".index(key.kind)):
        if key.inherited and (table.inherits or table.partition_of):
            continue
        inline = is_inline(key) and key.columns[0] in shown
        text = (inline_text if inline else constraint_text)(key, facts, varchars, key in without_index)
        beside.setdefault(key.columns[0] if inline else "", []).append(text)
    for index in facts.schema.on(table.identity, Index):
        if index.constraint or (index.parent and table.partition_of):
            continue
        if is_plain(index) and index.columns[0] in shown:
            beside.setdefault(index.columns[0], []).append(inline_index(index))
        else:
            beside.setdefault("", []).append(index_text(index, varchars))
    return beside


def hanging(relation: str, facts: Facts, *, with_names: bool) -> Iterator[str]:
    """Triggers, policies and rules of a table or view."""
    for trigger in facts.schema.on(relation, Trigger):
        if with_names or not trigger.inherited:
            state = "" if trigger.enabled == "origin" else f" {trigger.enabled.upper()}"
            text = trigger_text(trigger.definition, relation, trigger.name, with_names)
            yield f"{text}{state}{remark(trigger.comment)}"
    for policy in facts.schema.on(relation, Policy):
        yield f"{policy_text(policy, with_names)}{remark(policy.comment)}"
    for rule in facts.schema.on(relation, RewriteRule):
        state = "" if rule.enabled == "origin" else f" {rule.enabled.upper()}"
        yield f"{short(rule.definition.removeprefix('CREATE '))}{state}{remark(rule.comment)}"


def policy_text(policy: Policy, with_name: bool) -> str:
    """`POLICY FOR SELECT TO role USING (...)`; a check that repeats the condition is not said twice."""
    words = ["POLICY" if policy.permissive else "RESTRICTIVE POLICY"]
    if with_name:
        words.append(quote(policy.name))
    if policy.command != "all":
        words.append(f"FOR {policy.command.upper()}")
    if policy.roles:
        words.append(f"TO {commas(map(quote, policy.roles))}")
    if policy.using:
        words.append(f"USING{' AND CHECK' if policy.check == policy.using else ''} ({short(policy.using)})")
    if policy.check and policy.check != policy.using:
        words.append(f"CHECK ({short(policy.check)})")
    return " ".join(words)


def statistics_text(item: Statistics) -> str:
    """What an extended statistics object counts, from its definition."""
    _, _, rest = item.definition.partition(f" {item.identity} ")
    kinds, _, keys = (rest or item.definition).partition("ON ")
    keys = keys.partition(" FROM ")[0]
    return f"{kinds}ON {keys}" + (f" TARGET {item.target}" if item.target is not None else "")


_BOUND = re.compile(r"^FOR VALUES ")


def partition_lines(table: Table, facts: Facts) -> Iterator[str]:
    """The partitions of a table in one line, and a line for each that has something of its own."""
    parts = sorted(facts.partitions.get(table.identity, ()), key=natural)
    if not parts:
        return
    yield f"{count(len(parts), 'partition').upper()}: {commas(_listed(parts))}"
    for part in parts:
        own = [*_own_extras(part, facts)]
        if part.partition_by:
            nested = facts.partitions.get(part.identity, ())
            own.insert(0, f"PARTITION BY {part.partition_by} into {len(nested)}")
        if own:
            yield f"PARTITION {relative(part.identity)}: {'; '.join(own)}"


def _listed(parts: list[Table]) -> Iterator[str]:
    """Few partitions each with its bound; of many the first and the last, and the one that takes the rest."""
    bounded = [(relative(part.identity), _BOUND.sub("", part.partition_bound)) for part in parts]
    rest = [f"{name} {bound}" for name, bound in bounded if bound == "DEFAULT"]
    usual = [(name, bound) for name, bound in bounded if bound != "DEFAULT"]
    if len(usual) <= 3:
        yield from (f"{name} {bound}" for name, bound in usual)
    elif all(bound.startswith("FROM") for _, bound in usual):
        start, end = usual[0][1].partition(" TO ")[0], usual[-1][1].partition(" TO ")[2]
        yield f"{usual[0][0]} … {usual[-1][0]} {start} … TO {end}"
    else:
        yield f"{usual[0][0]} … {usual[-1][0]}"
    yield from rest


def natural(part: Table) -> list[tuple[int, str]]:
    """Sorts numbers in bounds by value, and DEFAULT last."""
    pieces = re.findall(r"\d+|\D+", part.partition_bound)
    order = [(int(piece) if piece.isdigit() else -1, piece) for piece in pieces]
    return [(10**9, ""), *order] if part.partition_bound == "DEFAULT" else order


def _own_extras(part: Table, facts: Facts) -> Iterator[str]:
    """What a partition has and its parent has not."""
    varchars = varchars_of(facts.schema.on(part.identity, Column))
    without_index = unserved(facts.schema, part.identity)
    for key in facts.schema.on(part.identity, Constraint):
        if not key.inherited and key.kind in "fcx":
            yield constraint_text(key, facts, varchars, key in without_index)
    for index in facts.schema.on(part.identity, Index):
        if not index.parent and not index.constraint:
            yield index_text(index, varchars)
    yield from hanging(part.identity, facts, with_names=False)
    if part.row_security:
        yield "RLS"


def grant_text(grant: Grant) -> str:
    """`GRANT select, insert TO role`, and what was taken away."""
    to = grant.grantee or "the owner"
    given = f"GRANT {commas(grant.privileges)} TO {to}" if grant.privileges else ""
    taken = f"REVOKE {commas(grant.revoked)} FROM {to}" if grant.revoked else ""
    return "; ".join(text for text in (given, taken) if text)


def view_head(view: View) -> str:
    """`MATERIALIZED VIEW name`, with what is not the default."""
    words = ["MATERIALIZED VIEW" if view.materialized else "VIEW", relative(view.identity)]
    if view.options:
        words.append(f"WITH ({commas(view.options)})")
    if view.materialized and not view.populated:
        words.append("NOT POPULATED")
    if view.owner:
        words.append(f"OWNER {quote(view.owner)}")
    return " ".join(words)
