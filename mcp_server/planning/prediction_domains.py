"""What statements on domains, composite types and sequences do to the tables that use them."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.model.schema import (
    Column,
    Composite,
    Domain,
    Sequence,
    Table,
)
from mcp_server.planning.prediction_ground import (
    EXCLUSIVE,
    READING,
    Fails,
    Ground,
    Part,
    Touch,
    locked,
    scanned,
)


def alter_domain(ground: Ground, action: Action) -> Iterator[Part]:
    """A check that holds for all values is tried on every table that has the domain.

    Source: validateDomainCheckConstraint() and get_rels_with_domain() in src/backend/commands/typecmds.c.
    """
    domain = ground.domain(action.relation)
    if domain is None:
        yield Fails(f"there is no domain {action.relation}")
        return
    verifies = (action.verb == "add domain constraint" and "not valid" not in action.flags) or (
        action.verb == "alter domain" and "set not null" in action.flags and domain.nullable
    )
    if action.verb == "validate domain constraint":
        verifies = any(one.name == action.name and not one.validated for one in domain.constraints)
    if verifies:
        for table in _tables_with(ground, domain.identity):
            yield from locked("ShareLock", table)
            yield from scanned(ground, table)


def _tables_with(ground: Ground, type_name: str, depth: int = 8) -> Iterator[str]:
    """Tables and materialized views with a column of a type, or of a domain over it."""
    for table in ground.schema.all(Table):
        if any(one.type == type_name for one in ground.schema.on(table.identity, Column)):
            yield table.identity
    if depth:
        for other in ground.schema.all(Domain):
            if other.type == type_name:
                yield from _tables_with(ground, other.identity, depth - 1)


def alter_sequence(ground: Ground, action: Action) -> Iterator[Part]:
    """All options but OWNED BY write the sequence's row into a new file: init_params() in src/backend/commands/sequence.c."""
    names = {one.partition("=")[0] for one in action.options}
    owner = next((one.partition("=")[2] for one in action.options if one.startswith("owned_by=")), "")
    if owner and owner != "none":
        yield from locked(READING, ground.identity(owner.rpartition(".")[0]))
    sequence = ground.found(Sequence, action.relation)
    if action.verb == "alter sequence" and sequence is not None and names - {"owned_by"}:
        yield Touch("file", sequence.identity)


def alter_attribute(ground: Ground, action: Action) -> Iterator[Part]:
    """A composite type's attribute: refused while a table has a column of it; typed tables follow by CASCADE."""
    composite = ground.found(Composite, action.relation)
    if (
        composite is not None
        and action.verb == "alter attribute type"
        and any(_tables_with(ground, composite.identity))
    ):
        yield Fails("a table uses the type")
    for table in ground.schema.all(Table):
        if composite is not None and table.of_type == composite.identity:
            yield from locked(EXCLUSIVE, table.identity)
