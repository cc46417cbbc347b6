"""What a statement costs while it holds a strong lock on a table in use: a sentence, or nothing when it is over at once."""

from __future__ import annotations

import re

from mcp_server.model.change import Added, Altered
from mcp_server.model.plan import Step
from mcp_server.model.schema import Column, Constraint, Domain, Index, Schema, Table
from mcp_server.planning.safe import quick
from mcp_server.planning.safe.ground import Ground

_REWRITES = re.compile(r" SET (LOGGED|UNLOGGED|ACCESS METHOD|TABLESPACE) ?")
_DOMAIN = re.compile(r"^ALTER DOMAIN \S.* (ADD CONSTRAINT .*(?<!NOT VALID)|SET NOT NULL|VALIDATE CONSTRAINT .*)$")
_ADDS = re.compile(r"^ALTER TABLE .* ADD CONSTRAINT ")


def cost(step: Step, ground: Ground) -> str:
    """What stands still and why, as `public.task is read whole while nobody can write`."""
    item = step.change.item
    if isinstance(item, Domain):
        return _of_domain(step, item, ground)
    table = item.identity if isinstance(item, Table) else str(getattr(item, "table", ""))
    if not ground.is_busy(table):
        return ""
    if isinstance(item, Index):
        return f"{table} is read whole to build {item.name}, nobody writes" if step.sql.startswith("CREATE ") else ""
    if isinstance(item, Constraint):
        return _of_constraint(step, item)
    if isinstance(item, Table):
        return _of_table(step, item, ground)
    return _of_column(step, item, ground) if isinstance(item, Column) else ""


def _of_constraint(step: Step, item: Constraint) -> str:
    if not _ADDS.match(step.sql) or step.sql.endswith((" NOT VALID", " NOT ENFORCED")) or " USING INDEX " in step.sql:
        return ""
    none = ": Postgres has no other way to add an exclusion constraint" if item.kind == "x" else ""
    who = "nobody writes" if item.kind == "f" else "nobody reads or writes"
    return f"{item.table} is read whole for {item.name}, {who}{none}"


def _of_table(step: Step, item: Table, ground: Ground) -> str:
    if _REWRITES.search(step.sql):
        return f"{item.identity} is written anew, nobody reads or writes"
    if " ATTACH PARTITION " in step.sql:
        return f"{item.identity} is read whole to see that its rows lie within the bounds, nobody reads or writes"
    return ""


def _of_column(step: Step, item: Column, ground: Ground) -> str:
    anew = f"{item.table} is written anew with all its indexes, nobody reads or writes"
    if isinstance(step.change, Added) and " ADD COLUMN " in step.sql:
        slow = item.identity_kind or (item.generated is not None and item.stored) or "serial " in step.sql
        slow = slow or (quick.is_volatile(item.default, ground.after) and " DEFAULT " in step.sql)
        if slow or quick.is_constrained(item.type, ground.after):
            return anew + _otherwise(item, ground)
    if " SET NOT NULL" in step.sql:
        return f"{item.table} is read whole, nobody reads or writes"
    if " SET EXPRESSION " in step.sql:
        return anew
    if isinstance(step.change, Altered) and " TYPE " in step.sql and isinstance(step.change.before, Column):
        by_text = "::text" in step.sql.partition(" USING ")[2]
        return anew if by_text else _of_type(step.change.before, item, ground, anew)
    return ""


def _otherwise(item: Column, ground: Ground) -> str:
    """What would do instead."""
    if item.generated is not None and item.stored:
        virtual = " a VIRTUAL column costs nothing;" if ground.since(18) else ""
        return f".{virtual} a plain column that a trigger fills can be backfilled in batches"
    if quick.is_constrained(item.type, ground.after):
        return ". A column of the domain's own base type with a check can be added without"
    return ""


def _of_type(before: Column, after: Column, ground: Ground, anew: str) -> str:
    if before.type == after.type and before.collation == after.collation:
        return anew  # the type of that name was made anew
    if before.type != after.type and not quick.keeps_files(before, after, ground.after, ground.before):
        return anew
    sorted_anew = before.collation != after.collation and _has_index(after, ground.after)
    if sorted_anew or quick.builds_index(before, after, ground.before):
        return f"the indexes of {after.identity} are built anew, nobody reads or writes"
    standing = (one for one in ground.before.on(after.table, Constraint) if one.kind == "c" and one.validated)
    if any(after.name in one.columns and ground.after.get(Constraint, one.identity) == one for one in standing):
        return f"{after.table} is read whole to hold its rows to the checks on {after.name}, nobody reads or writes"
    return ""


def _has_index(column: Column, schema: Schema) -> bool:
    return any(column.name in one.columns for one in schema.on(column.table, Index))


def _of_domain(step: Step, item: Domain, ground: Ground) -> str:
    if not _DOMAIN.match(step.sql):
        return ""
    used = {one.table for one in ground.before.all(Column) if one.type == item.identity and ground.is_busy(one.table)}
    return f"{', '.join(sorted(used))}: every row is read, nobody writes" if used else ""
