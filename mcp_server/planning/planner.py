"""From changes to a plan: what has to happen, in statements, in an order that Postgres accepts, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mcp_server.model.change import Added, Altered, Change, Changes, Dropped, Renamed, keyed, sides
from mcp_server.model.names import literal
from mcp_server.model.plan import Plan, Residue, Step
from mcp_server.model.schema import Enum, Schema, Table, group_of
from mcp_server.planning.coverage import settled
from mcp_server.planning.dependencies import Dependencies
from mcp_server.planning.draft import Site
from mcp_server.planning.inheritance import hand_down
from mcp_server.planning.neighbourhood import around
from mcp_server.planning.nodes import Builder
from mcp_server.planning.order import Node, ordered
from mcp_server.planning.recipes import tables
from mcp_server.planning.units import key
from mcp_server.planning.work import Closure, Works, works

_CIRCULAR = "it stands on something that stands on it: its statement may come too early"
_RENAME = "a rename is carried out before the rest is planned"
_BODIES = "check_function_bodies"


def plan(before: Schema, after: Schema, changes: Changes) -> Plan:
    """Plan the changes, forth and back.

    changes: those of `diff(before, after)`, or some of them; what is left out stays as it is. Renames are carried out
    before planning, by `alike.rename_step`, and `before` is read after them. What has no recipe is named in `residue`.
    """
    renames = tuple(Residue(change, _RENAME) for change in changes if isinstance(change, Renamed))
    possible, refused = refuse_fixed(change for change in changes if not isinstance(change, Renamed))
    target = applied(before, possible, after.server_version)
    near, goal = around(before, target, possible)
    up, up_residue = steps(near, goal, possible)
    down, down_residue = steps(goal, near, tuple(reverse(change) for change in possible))
    return Plan(
        before=before.fingerprint,
        after=target.fingerprint,
        upgrade=up,
        downgrade=down,
        residue=renames + refused + _merged(up_residue, down_residue),
    )


def refuse_fixed(changes: Iterable[Change]) -> tuple[Changes, tuple[Residue, ...]]:
    """The changes without those of tables that would have to become another kind of table, and of what hangs on them."""
    listed = tuple(changes)
    refused = [Residue(change, reason) for change in listed if (reason := tables.is_fixed(change))]
    fixed = {one.change.item.identity for one in refused}
    possible: list[Change] = []
    for change in listed:
        item = change.item
        if item.word == Table.word and item.identity in fixed:
            continue
        on = {getattr(item, "table", ""), getattr(item, "partition_of", ""), *getattr(item, "inherits", ())} & fixed
        if on:
            refused.append(Residue(change, f"{', '.join(sorted(on))} would have to be altered first, and cannot be"))
            fixed |= {item.identity} if isinstance(change, Added) and isinstance(item, Table) else set()
        else:
            possible.append(change)
    return tuple(possible), tuple(refused)


def applied(schema: Schema, changes: Iterable[Change], server_version: int) -> Schema:
    """The Schema that the changes lead to."""
    listed = tuple(changes)
    touched = dict.fromkeys(group_of(item) for change in listed for item in sides(change))
    objects = keyed(schema, touched)
    for change in listed:
        match change:
            case Dropped(item):
                objects.pop(key(item), None)
            case Added(item) | Altered(_, item):
                objects[key(item)] = item
    reached = Schema.of(objects.values())
    return schema.with_groups({name: reached.group(name) for name in touched}, server_version)


def reverse(change: Change) -> Change:
    """The change that takes one back."""
    match change:
        case Added(item):
            return Dropped(item)
        case Dropped(item):
            return Added(item)
        case Renamed(before, item):
            return Renamed(item, before)
        case Altered(before, after, fields):
            return Altered(after, before, fields)


def steps(before: Schema, after: Schema, changes: Changes) -> tuple[tuple[Step, ...], tuple[Residue, ...]]:
    """The statements of one direction, in order, and what they leave undone."""
    site = Site(Dependencies(before), Dependencies(after), after.server_version)
    found = Closure(works(changes), site).complete()
    made = frozenset(name for name, work in found.items() if work.makes)
    again = frozenset(name for name, work in found.items() if work.again)
    site = replace(site, made=made, replaced=again)
    builder, nodes = _built(found, site)
    if any(node.unordered for node in nodes):
        # What keeps two tables waiting for each other may be a foreign key inside of a CREATE TABLE.
        builder, nodes = min((builder, nodes), _built(found, replace(site, keys_apart=True)), key=_circles)
    listed = tuple(_committed(tuple(_with_unchecked_bodies(nodes))))
    circular = (Residue(node.step.change, _CIRCULAR) for node in nodes if node.unordered)
    listed, undone = settled(changes, listed, (*builder.residues, *circular), site)
    return listed, undone


def _built(found: Works, site: Site) -> tuple[Builder, list[Node]]:
    builder = Builder(hand_down(found, site), site)
    return builder, ordered(builder.nodes())


def _circles(built: tuple[Builder, list[Node]]) -> int:
    return sum(node.unordered for node in built[1])


def _with_unchecked_bodies(nodes: Iterable[Node]) -> Iterator[Step]:
    """Functions that call each other: the body of the first cannot be checked when it is made."""
    for node in nodes:
        if not node.unchecked:
            yield node.step
            continue
        why = "the body speaks of what comes later"
        yield replace(node.step, sql=f"SET {_BODIES} = off", parts=(), fields=("",), why=why)
        yield node.step
        yield replace(node.step, sql=f"RESET {_BODIES}", parts=(), fields=("",), why=why)


def _committed(listed: tuple[Step, ...]) -> Iterator[Step]:
    """A new value of an enum can be used only after the transaction that adds it, so that one is committed."""
    for count, step in enumerate(listed):
        values = _added_values(step)
        later = listed[count + 1 :] if values else ()
        if any(value in other.sql for value in values for other in later if not _added_values(other)):
            why = "the new value is used further down, which Postgres allows only after a commit"
            yield replace(step, transactional=False, why=why)
        else:
            yield step


def _added_values(step: Step) -> tuple[str, ...]:
    change = step.change
    if not isinstance(change, Altered) or not isinstance(change.before, Enum) or step.fields != ("values",):
        return ()
    assert isinstance(change.after, Enum)
    return tuple(literal(value) for value in change.after.values if f"ADD VALUE {literal(value)}" in step.sql)


def _merged(up: tuple[Residue, ...], down: tuple[Residue, ...]) -> tuple[Residue, ...]:
    """Both directions' residues; what cannot be done either way is named once."""
    known = {(key(one.change.item), one.reason) for one in up}
    back = (one for one in down if (key(one.change.item), one.reason) not in known)
    return up + tuple(Residue(one.change, f"on the way back: {one.reason}") for one in back)
