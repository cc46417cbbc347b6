"""What the rules on attacks share: attempts of one target told together, with the likely cause."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.isolation import Attack, Attempt, Door
from mcp_server.model.names import split
from mcp_server.model.schema import Constraint, Policy, Table, View

DOORS: dict[Door, str] = {
    "read": "SELECT",
    "read without a user": "SELECT while no user is set",
    "copy out": "COPY ... TO",
    "copy in": "COPY ... FROM",
    "update": "UPDATE",
    "take": "UPDATE that makes them one's own",
    "give away": "UPDATE that gives an own row away",
    "upsert": "INSERT ... ON CONFLICT DO UPDATE",
    "delete": "DELETE",
    "truncate": "TRUNCATE",
    "insert": "INSERT for another user",
    "refer": "a foreign key",
}
WRITES: dict[Door, tuple[str, ...]] = {
    "read": ("select", "all"), "read without a user": ("select", "all"), "copy out": ("select", "all"),
    "update": ("update", "all"), "take": ("update", "all"), "give away": ("update", "all"), "upsert": ("update", "all"),
    "delete": ("delete", "all"), "insert": ("insert", "all"), "copy in": ("insert", "all"), "refer": ("update", "all"),
}  # fmt: skip


def told(attack: Attack, *doors: Door) -> Iterator[tuple[str, tuple[Attempt, ...]]]:
    """What got through by these doors, by target."""
    found: dict[str, list[Attempt]] = {}
    for one in attack.through(*doors):
        found.setdefault(one.target, []).append(one)
    yield from ((target, tuple(attempts)) for target, attempts in found.items())


def by_which(attempts: tuple[Attempt, ...]) -> str:
    """The doors in words, without repetition."""
    return ", ".join(dict.fromkeys(DOORS.get(one.door, one.door) for one in attempts))


def seen(attack: Attack, attempts: tuple[Attempt, ...]) -> str:
    """What was observed, and as whom."""
    details = dict.fromkeys(f"{one.door}: {one.detail}" if one.detail else one.door for one in attempts)
    roles = ", ".join(dict.fromkeys(one.role for one in attempts if one.role)) or "a role without BYPASSRLS"
    return f"observed on a copy of {attack.subject}, as {roles}: {'; '.join(details)}"


def cause(attack: Attack, table: str, attempts: tuple[Attempt, ...]) -> str:
    """Why it got through, as far as the schema tells."""
    found = attack.ownership.schema.get(Table, table)
    if found is None or not found.row_security:
        return f"{table} has no row security."
    commands = {command for one in attempts for command in WRITES.get(one.door, ())}
    policies = [one for one in attack.ownership.schema.on(table, Policy) if one.permissive and one.command in commands]
    return f"The policies that let it pass are among: {', '.join(one.name for one in policies) or 'none'}."


def table_of(attack: Attack, target: str) -> str:
    """The table of a target that may be a foreign key."""
    key = attack.ownership.schema.get(Constraint, target)
    return key.table if key else target


def called(target: str) -> str:
    """The last part of a name."""
    return split(target)[-1]


def view_of(attack: Attack, target: str) -> View | None:
    """The view of that name."""
    return attack.ownership.schema.get(View, target)
