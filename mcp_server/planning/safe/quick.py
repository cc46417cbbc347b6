"""What is over at once, whatever a table holds, and what takes as long as the table is large.

The rules are Postgres's own: ATColumnChangeRequiresRewrite() and ATExecAddColumn() in src/backend/commands/tablecmds.c.
What cannot be told from the texts is taken for slow.
"""

from __future__ import annotations

import re

from mcp_server.model.schema import Column, Domain, Function, Index, Schema, Sequence
from mcp_server.planning import casts
from mcp_server.planning.safe.wording import with_name

_CALL = re.compile(r'((?:[a-z_][\w$]*|"(?:[^"]|"")+")(?:\.(?:[a-z_][\w$]*|"(?:[^"]|"")+"))?)\(')
_QUOTED = re.compile(r"E?'(?:[^']|'')*'")
_STEADY = frozenset(
    """now timezone transaction_timestamp statement_timestamp date_trunc date_part extract make_interval make_date
    make_timestamp make_timestamptz to_char to_date to_timestamp upper lower md5 concat concat_ws format coalesce
    nullif greatest least length substr substring replace trim btrim ltrim rtrim abs round floor ceil ceiling
    array_append array_fill string_to_array to_jsonb to_json jsonb_build_object jsonb_build_array json_build_object
    json_build_array jsonb_object json_object current_setting pg_get_userbyid numeric int4 int8 int2 text varchar
    bpchar float8 float4 bool timestamp timestamptz date time interval uuid row""".split()  # noqa: SIM905
)
_GROWING = frozenset({"character varying", "bit varying"})
_TIMES = re.compile(r"^(timestamp|time) with(out)? time zone$|^interval$")


def is_volatile(expression: str | None, schema: Schema) -> bool:
    """Whether a default has to be computed for each row: it calls a function that may give another value each time."""
    names = _CALL.findall(_QUOTED.sub("''", expression or ""))
    known = {one.identity.partition("(")[0]: one for one in schema.all(Function)} if names else {}
    return any(not _is_steady(name, known) for name in names)


def _is_steady(name: str, known: dict[str, Function]) -> bool:
    function = known.get(name) or known.get(f"public.{name}")
    if function is not None:
        return function.volatility != "volatile"
    return name.removeprefix("pg_catalog.") in _STEADY


def is_constrained(type_: str, schema: Schema) -> bool:
    """Whether values of a type have to be checked one by one: it is a domain with a NOT NULL or a check."""
    domain = schema.get(Domain, type_.removesuffix("[]"))
    while domain is not None:
        if domain.constraints or not domain.nullable:
            return True
        domain = schema.get(Domain, domain.type)
    return False


def owned_sequence(column: Column, schema: Schema) -> Sequence | None:
    """The sequence that belongs to a column."""
    return next((one for one in schema.all(Sequence) if one.owned_by == column.identity), None)


def keeps_files(before: Column, after: Column, after_schema: Schema, before_schema: Schema) -> bool:
    """Whether Postgres changes a column's type without writing the rows anew."""
    if after.generated is not None or is_constrained(after.type, after_schema):
        return False
    if before.type == after.type:
        return True
    domain = before_schema.get(Domain, before.type)
    if domain is not None:
        return domain.type == after.type
    old, new = casts.parse(before.type), casts.parse(after.type)
    if old.dimensions != new.dimensions:
        return False
    if old.base == "character varying" and new.base == "text":
        return True
    if old.base == "text" and new.base == "character varying":
        return not new.modifier
    return old.base == new.base and _grows(new.base, old.modifier, new.modifier)


def builds_index(before: Column, after: Column, schema: Schema) -> bool:
    """Whether another type has an index built anew though no row is: one with a condition or an expression is never kept.

    Source: CheckIndexCompatible() in src/backend/commands/indexcmds.c. schema: what stands when the type changes.
    """
    if before.type == after.type:
        return False
    uses = (
        one for one in schema.on(before.table, Index) if with_name(one.definition, before.name, "") != one.definition
    )
    return any(one.predicate or not all(one.columns) for one in uses)


def _grows(base: str, old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    if base in _GROWING or _TIMES.match(base):
        return not new or (bool(old) and new[0] >= old[0])
    if base == "numeric":
        scales = [one[1] if len(one) > 1 else 0 for one in (old, new)]
        return not new or (bool(old) and new[0] >= old[0] and scales[0] == scales[1])
    return False
