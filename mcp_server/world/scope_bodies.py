"""What a request's body brings into a row: it must not say whose the row is."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from mcp_server.model.code_scope import Verb
from mcp_server.world.scope_values import Held, Statement

if TYPE_CHECKING:
    from mcp_server.world.scope_reading import Reading


def check_body(reading: Reading, node: ast.expr, model: str, held: Held, verb: Verb) -> None:
    """What a request's body brings must not set whose a row is."""
    one = reading.classes.get(model)
    if held.kind != "body" or one is None or not one.is_owned or held.origin not in ("request", "given"):
        return
    owner = reading.project.takes_owner(held.model) if held.model else one.owner
    if owner and held.origin == "request" and f"{held.key}.{owner}" not in reading.findings.verified:
        reading.fault("body", verb, model, node, f"{held.model or 'the body'} brings {owner} along")


def check_values(reading: Reading, node: ast.Call, known: Statement, held: Held) -> None:
    if known.models:
        check_body(reading, node, known.models[0], held, known.verb)


def check_keywords(reading: Reading, node: ast.Call, known: Statement) -> None:
    one = reading.classes.get(known.models[0]) if known.models else None
    for word in node.keywords:
        value = reading.value(word.value)
        if word.arg is None:
            check_values(reading, node, known, value)
        elif one is not None and one.is_owned and word.arg == one.owner and reading.origin(value) == "request":
            reading.fault("body", known.verb, one.name, node, f"{word.arg} is set to {value.text}")


def of_class(reading: Reading, node: ast.Call, verb: str, base: Held) -> Held | None:
    """`Task(...)` by another way: `Task.model_validate(body, update={"user_id": ...})`."""
    if verb not in ("model_validate", "from_orm", "parse_obj", "validate", "model_construct"):
        return None
    one = reading.classes.get(base.model)
    update = next((word.value for word in node.keywords if word.arg == "update"), None)
    given = [reading.value(each) for each in node.args]
    stated = ast.unparse(update) if update is not None else ""
    if given and one is not None and one.owner and f"'{one.owner}'" not in stated:
        check_body(reading, node, base.model, given[0], "insert")
    if isinstance(update, ast.Dict) and one is not None:
        for key, value in zip(update.keys, update.values, strict=True):
            held = reading.value(value)
            if key is not None and ast.unparse(key).strip("'\"") == one.owner and reading.origin(held) == "request":
                reading.fault("body", "insert", base.model, node, f"{one.owner} is set to {held.text}")
    return Held("row", "row", base.model)


def instance(reading: Reading, node: ast.Call, model: str) -> Held:
    """`Task(title=..., user_id=...)`, `Task(**body.model_dump())`."""
    one = reading.classes.get(model)
    named = {word.arg: reading.value(word.value) for word in node.keywords if word.arg}
    spread = [reading.value(word.value) for word in node.keywords if word.arg is None]
    if one is not None and one.owner:
        owner = named.get(one.owner)
        if owner is not None and reading.origin(owner) == "request":
            reading.fault("body", "insert", model, node, f"{one.owner} is set to {owner.text or owner.key}")
        for held in spread if owner is None else ():
            check_body(reading, node, model, held, "insert")
            stated_owner = dict(held.pairs).get(one.owner)
            if stated_owner is not None and reading.origin(stated_owner) == "request":
                reading.fault("body", "insert", model, node, f"{one.owner} is set to {stated_owner.text}")
    stated = tuple(word.arg or "**" for word in node.keywords)
    return Held("row", "row", model, key=named["id"].key if "id" in named else "", names=stated)


def mapping(reading: Reading, node: ast.Dict) -> Held:
    """`{"id": id, "user_id": user.id}`, as it may be spread into a call."""
    found: list[tuple[str, Held]] = []
    for key, value in zip(node.keys, node.values, strict=True):
        held = reading.value(value)
        if isinstance(key, ast.Constant):
            found.append((str(key.value), held))
        elif key is None:
            found.append(("**", held))
    return Held(pairs=tuple(found))
