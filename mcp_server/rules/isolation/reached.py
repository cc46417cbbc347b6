"""What the rules on accesses share: an access in words."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.code_scope import Access, Accesses, Fault
from mcp_server.model.finding import Severity


def found(accesses: Accesses, fault: Fault, *verbs: str) -> Iterator[Access]:
    """The accesses with that fault."""
    return (one for one in accesses.faults if one.fault == fault and (not verbs or one.verb in verbs))


def subject(one: Access) -> str:
    """The function and the class."""
    return f"{one.function.rpartition(':')[2] or 'the module'}: {one.verb} {one.model}"


def gravity(one: Access) -> Severity:
    """A function that no route of the project reaches is a warning: who calls it, and with what, is not known."""
    return "error" if one.is_routed else "warning"


def way(one: Access) -> str:
    """How the place is reached."""
    ways = [each.rpartition(":")[2] for each in one.through]
    if not one.is_routed and not ways:
        return "read from the code; no route that was read leads here"
    return f"read from the code; reached from {' > '.join(ways)}" if ways else "read from the code"


def owner(accesses: Accesses, model: str) -> str:
    """The condition that keeps a class to one user, as it would be written."""
    one = accesses.classes.get(model)
    if one is not None and one.owner:
        return f"{model}.{one.owner} == current_user.id"
    parent = next((target for _, target in one.references if accesses.classes.is_owned(target)), "") if one else ""
    above = accesses.classes.get(parent)
    return (
        f"{parent}.{above.owner} == current_user.id, joined with {parent}"
        if above is not None and above.owner
        else f"the owner of {model}"
    )
