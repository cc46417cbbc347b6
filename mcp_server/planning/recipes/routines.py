"""Functions, procedures, aggregates, and event triggers."""

from __future__ import annotations

import re
from dataclasses import replace

from mcp_server.model.names import literal, quote
from mcp_server.model.schema import EventTrigger, Function
from mcp_server.planning.draft import Draft, Drafts, Phase, Recipe, Site, comment, differing, named, owner

_WORDS = {"function": "FUNCTION", "procedure": "PROCEDURE", "aggregate": "AGGREGATE", "window": "FUNCTION"}
_DEFAULT = re.compile(r"\bDEFAULT\b")
_STATES = {"origin": "ENABLE", "disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}


def signature(function: Function) -> str:
    """The function as DROP and ALTER name it; an aggregate without arguments takes a star."""
    if function.kind == "aggregate" and not function.arguments:
        return function.identity.removesuffix("()") + "(*)"
    return function.identity


def create(function: Function, site: Site) -> Drafts:
    """CREATE FUNCTION as Postgres deparses it."""
    yield Draft(function.definition.replace("CREATE OR REPLACE ", "CREATE ", 1))
    plain = replace(function, owner="", comment="")
    yield from alter(plain, function, differing(plain, function), site)


def drop(function: Function, site: Site) -> Drafts:
    """DROP FUNCTION, PROCEDURE or AGGREGATE."""
    yield Draft(f"DROP {_WORDS[function.kind]} {signature(function)}")


def replaces(before: Function, after: Function, fields: tuple[str, ...], site: Site) -> bool:
    """True when CREATE OR REPLACE would refuse: another kind, result, or fewer defaults of parameters."""
    if {"kind", "returns"} & set(fields):
        return True
    return "definition" in fields and _defaults(after) < _defaults(before)


def _defaults(function: Function) -> int:
    """How many parameters have a default."""
    head = re.split(r"\n RETURNS |\n LANGUAGE ", function.definition, maxsplit=1)[0]
    return len(_DEFAULT.findall(head))


def alter(before: Function, after: Function, fields: tuple[str, ...], site: Site) -> Drafts:
    """CREATE OR REPLACE, OWNER TO, COMMENT."""
    if "definition" in fields:
        yield Draft(after.definition, ("definition", "language", "volatility", "security_definer"))
    yield from named(f"{_WORDS[after.kind]} {signature(after)}", before, after, fields)


def create_event_trigger(trigger: EventTrigger, site: Site) -> Drafts:
    """CREATE EVENT TRIGGER, as the last thing, so that it does not fire on the plan."""
    tags = f" WHEN TAG IN ({', '.join(map(literal, trigger.tags))})" if trigger.tags else ""
    yield Draft(
        f"CREATE EVENT TRIGGER {trigger.identity} ON {trigger.event}{tags} EXECUTE FUNCTION {trigger.function}()"
    )
    plain = replace(trigger, enabled="origin", owner="", comment="")
    yield from alter_event_trigger(plain, trigger, differing(plain, trigger), site)


def drop_event_trigger(trigger: EventTrigger, site: Site) -> Drafts:
    """DROP EVENT TRIGGER, first."""
    yield Draft(f"DROP EVENT TRIGGER {trigger.identity}", phase=Phase.FIRST)


def replaces_event_trigger(before: EventTrigger, after: EventTrigger, fields: tuple[str, ...], site: Site) -> bool:
    """True for another event, function or list of tags."""
    return bool({"event", "function", "tags"} & set(fields))


def alter_event_trigger(before: EventTrigger, after: EventTrigger, fields: tuple[str, ...], site: Site) -> Drafts:
    """ALTER EVENT TRIGGER, COMMENT."""
    if "enabled" in fields:
        yield Draft(f"ALTER EVENT TRIGGER {after.identity} {_STATES[after.enabled]}", ("enabled",))
    if "comment" in fields:
        yield comment(f"EVENT TRIGGER {quote(after.name)}", after.comment)
    if "owner" in fields:
        yield replace(owner(f"EVENT TRIGGER {quote(after.name)}", after.owner), phase=Phase.LAST)


FUNCTION = Recipe(create, drop, alter, replaces, Phase.FUNCTION, Phase.REMOVE)
EVENT_TRIGGER = Recipe(
    create_event_trigger, drop_event_trigger, alter_event_trigger, replaces_event_trigger, Phase.LAST, Phase.FIRST
)
