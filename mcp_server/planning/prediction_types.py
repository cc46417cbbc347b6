"""When ALTER COLUMN TYPE writes a table anew, and when the indexes on the column have to be built again.

Source: ATColumnChangeRequiresRewrite() in src/backend/commands/tablecmds.c: the conversion must come down to no more than another name
for the same bytes. Which do, follows from pg_cast (castmethod 'b') and from the planner's support functions for length
coercions (varchar_support, numeric_support, varbit_support, and those of the times). The rest is computed anew.
"""

from __future__ import annotations

from mcp_server.planning.casts import Type, parse
from mcp_server.planning.prediction_ground import Ground, base_type, is_constrained

_VARYING = ("character varying", "bit varying")
_BINARY = frozenset({
    ("text", "character varying"), ("character varying", "text"), ("text", "bpchar"), ("character varying", "bpchar"),
    ("xml", "text"), ("xml", "character varying"), ("cidr", "inet"), ("integer", "oid"), ("oid", "integer"),
    ("bit", "bit varying"), ("bit varying", "bit"),
    # of the extension: https://github.com/postgres/postgres/blob/REL_18_STABLE/contrib/citext/citext--1.4.sql
    ("text", "citext"), ("character varying", "citext"), ("citext", "text"), ("citext", "character varying"), ("citext", "bpchar"),
})  # fmt: skip
_ZONED = frozenset({
    ("timestamp without time zone", "timestamp with time zone"), ("timestamp with time zone", "timestamp without time zone"),
})  # fmt: skip
_UTC = frozenset({"utc", "gmt", "uct", "zulu", "universal", "greenwich", "gmt0", "gmt+0", "gmt-0", "utc0"})
# The string types share one operator class; cidr uses that of inet.
_SAME_CLASS = ({"text", "character varying"}, {"cidr", "inet"})


def is_utc(time_zone: str) -> bool:
    """Whether a zone never differs from UTC, as TimestampTimestampTzRequiresRewrite() asks."""
    return time_zone.lower().removeprefix("etc/") in _UTC


def needs_rewrite(ground: Ground, before: str, after: str) -> bool:
    """Whether values of one type have to be computed to become those of another, by cast alone."""
    if is_constrained(ground, ground.domain(after)):
        return not _is_same_domain(ground, before, after)
    old, new = parse(base_type(ground, before)), parse(base_type(ground, after))
    if ground.domain(before):
        old = Type(old.base, (), old.dimensions)  # the length that a domain has is not known to the planner
    if old.dimensions != new.dimensions or (old.dimensions and old.base != new.base):
        return True
    if old.base == new.base:
        return old != new and (bool(old.dimensions and new.modifier) or _is_narrower(old, new))
    if (old.base, new.base) in _ZONED:
        return not is_utc(ground.time_zone) or _is_narrower(Type(new.base), new)
    if (old.base, new.base) not in _BINARY:
        return True
    if old.base in _VARYING and new.base in _VARYING:
        return _is_narrower(old, new)
    return bool(new.modifier)


def _is_same_domain(ground: Ground, before: str, after: str) -> bool:
    old, new = ground.domain(before), ground.domain(after)
    return old is not None and new is not None and old.identity == new.identity


def _is_narrower(old: Type, new: Type) -> bool:
    """Whether the length that a type is given has to be enforced on values of the same type with another."""
    if not new.modifier:
        return False
    if new.base in _VARYING:
        return not old.modifier or new.modifier[0] < old.modifier[0]
    if new.base == "numeric":
        return not old.modifier or _scale(old) != _scale(new) or new.modifier[0] < old.modifier[0]
    if new.base.startswith(("timestamp", "time", "interval")):
        return new.modifier[0] < 6 and (not old.modifier or new.modifier[0] < old.modifier[0])
    return True


def _scale(type_: Type) -> int:
    return type_.modifier[1] if len(type_.modifier) > 1 else 0


def keeps_operators(ground: Ground, before: str, after: str) -> bool:
    """Whether an index or a foreign key on the column keeps its operators, so that it need not be made or checked again.

    Source: CheckIndexCompatible() in src/backend/commands/indexcmds.c, TryReuseForeignKey() in tablecmds.c.
    """
    old, new = parse(base_type(ground, before)), parse(base_type(ground, after))
    if old.dimensions != new.dimensions:
        return False
    return old.base == new.base or any(old.base in same and new.base in same for same in _SAME_CLASS)
