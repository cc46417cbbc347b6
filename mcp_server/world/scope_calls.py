"""What calls and attributes give: statements put together and sent, rows fetched, other functions of the project followed."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server.model.code_scope import alias_of, plain_name
from mcp_server.world import scope_bodies, scope_conditions, scope_statements
from mcp_server.world.code_calls import dotted
from mcp_server.world.scope_values import TRUSTED, UNKNOWN, Held

if TYPE_CHECKING:
    from mcp_server.world.scope_reading import Reading

COPIES = frozenset({"model_validate", "from_orm", "validate", "validate_python", "jsonable_encoder", "deepcopy"})
READS = frozenset({"exec", "execute", "scalars", "scalar", "stream", "stream_scalars"})
TAKES = frozenset(
    """all first one one_or_none scalar scalars scalar_one scalar_one_or_none unique fetchall fetchone mappings tuples
    partitions yield_per copy""".split()  # noqa: SIM905
)
SAME = frozenset(
    {
        "str",
        "int",
        "UUID",
        "strip",
        "lower",
        "upper",
        "list",
        "tuple",
        "set",
        "sorted",
        "reversed",
        "next",
        "cast",
        "col",
    }
)
OF_BODY = frozenset({"model_dump", "dict", "items", "copy", "model_copy", "jsonable_encoder"})
READ_REQUEST = frozenset(
    {"json", "form", "body", "query_params", "path_params", "headers", "cookies", "args", "get_json", "values"}
)
TOKENS = re.compile(r"\b(?:jwt|jws|jose|jwe)\.decode$|\bverify_(?:id_token|oauth2_token|session_cookie)$")
GUARDS = re.compile(
    r"check|verify|ensure|authoriz|require|assert|permission|access|own|guard|valid|allow|\bcan_|\bmay_", re.IGNORECASE
)


def call(reading: Reading, node: ast.Call) -> Held:
    """What a call gives."""
    name = dotted(node.func, reading.known.names)
    verb = name.rpartition(".")[2]
    base = reading.value(node.func.value) if isinstance(node.func, ast.Attribute) else None
    if verb in ("and_", "or_", "not_"):
        return _connective(reading, verb, node)
    made = scope_statements.made(reading, node, verb, base)
    if made is not None:
        return made
    if base is not None:
        found = _method(reading, node, verb, base)
        if found is not None:
            return found
    return _plain(reading, node, name, verb, base)


def _connective(reading: Reading, verb: str, node: ast.Call) -> Held:
    if verb == "or_":
        return Held("condition", condition=scope_conditions.one_of(reading, node.args))
    found = scope_conditions.both(reading, node.args)
    return Held("condition", condition=found.negated() if verb == "not_" else found)


def _method(reading: Reading, node: ast.Call, verb: str, base: Held) -> Held | None:
    """A method of something that is known; None for any other."""
    if base.kind == "column":
        return _of_column(reading, node, verb, base)
    if base.kind == "condition" and verb in ("append", "extend") and isinstance(node.func, ast.Attribute):
        more = [scope_conditions.as_condition(reading, reading.value(one)) for one in node.args]
        condition = base.condition
        for one in more:
            condition = condition & one
        reading.bind(node.func.value, replace(base, condition=condition))
        return UNKNOWN
    if base.kind == "row":
        return _of_row(reading, node, verb, base)
    if base.kind in ("body", "request") or reading.origin(base) in ("request", "trusted"):
        return _of_request(reading, node, verb, base)
    if base.kind == "class":
        return scope_bodies.of_class(reading, node, verb, base)
    return None


def _of_column(reading: Reading, node: ast.Call, verb: str, base: Held) -> Held:
    given = [reading.value(one) for one in node.args]
    if verb in ("in_", "__eq__") and given:
        inner = given[0].statement
        condition = (
            scope_conditions.among(base, inner)
            if inner is not None
            else scope_conditions.fixed(reading, base, given[0])
        )
        return Held("condition", condition=condition)
    if verb in ("any", "has"):
        target, _ = _target(reading, base)
        inner_condition = scope_conditions.both(reading, node.args)
        link = frozenset({frozenset({base.model, target})}) if target else frozenset()
        return Held("condition", condition=replace(inner_condition, links=inner_condition.links | link))
    if verb == "is_" and given:
        return Held("condition", condition=scope_conditions.fixed(reading, base, given[0]))
    return base if verb in ("label", "desc", "asc", "nulls_last", "nulls_first") else Held("condition")


def _target(reading: Reading, column: Held) -> tuple[str, bool]:
    one = reading.classes.get(column.model)
    return one.target(column.attribute) if one is not None else ("", False)


def _of_row(reading: Reading, node: ast.Call, verb: str, base: Held) -> Held | None:
    given = [reading.value(one) for one in node.args]
    if verb in ("sqlmodel_update", "update") and given:
        scope_bodies.check_body(reading, node, base.model, given[0], "update")
    return replace(base, many=verb in ("all", "scalars", "fetchall")) if verb in TAKES else UNKNOWN


def _of_request(reading: Reading, node: ast.Call, verb: str, base: Held) -> Held | None:
    for one in (*node.args, *(word.value for word in node.keywords)):
        reading.value(one)
    if base.kind == "body" and verb in OF_BODY:
        left_out = " ".join(ast.unparse(word.value) for word in node.keywords if word.arg == "exclude")
        owner = reading.project.takes_owner(base.model)
        return UNKNOWN if owner and owner in left_out else base
    if base.kind == "request" and verb in READ_REQUEST:
        return Held("body", "request", key="body", text=ast.unparse(node))
    if verb in ("get", "pop") and node.args:
        name = ast.unparse(node.args[0]).strip("'\"")
        return (
            TRUSTED
            if reading.origin(base) == "trusted"
            else Held("value", "request", key=f"{base.key}.{name}", text=ast.unparse(node))
        )
    return base if verb in SAME else None


def _plain(reading: Reading, node: ast.Call, name: str, verb: str, base: Held | None) -> Held:
    """A function: of the project, then followed; of others, then only what it is handed counts."""
    if verb == "setattr" and len(node.args) == 3:
        return _setattr(reading, node)
    known = _known(reading, node, name, base)
    if known is None and _reads_token(reading, node, name):
        is_open = "verify_signature': False" in ast.unparse(node)
        return (
            Held("value", "request", key="token", text="a token whose signature is not looked at")
            if is_open
            else TRUSTED
        )
    if known is not None:
        from mcp_server.world.scope_following import follow

        return follow(reading, known, node, verb)
    given = [reading.value(one) for one in (*node.args, *(word.value for word in node.keywords))]
    if verb == "aliased" and given and given[0].kind == "class":
        return replace(given[0], model=alias_of(given[0].model, node.lineno, node.col_offset))
    if verb in SAME and given:
        return next((one for one in given if one.kind == "column"), given[-1] if verb == "cast" else given[0])
    sent = next((one for one in given if one.statement is not None), None)
    if sent is not None and sent.statement is not None:
        return scope_statements.sent(reading, node, sent.statement)
    if base is None or verb not in ("add", "delete", "refresh"):
        guarded(reading, verb, given)
    if verb in COPIES or verb[:1].isupper():
        copied = next((one for one in given if one.kind == "row"), None)
        if copied is not None:
            return copied
    return Held("object", model=name.rpartition(".")[2]) if verb[:1].isupper() else UNKNOWN


def _reads_token(reading: Reading, node: ast.Call, name: str) -> bool:
    """Whether a library is asked what a token says: `jwt.decode(token, key)`."""
    return ast.unparse(node.func).partition(".")[0] in reading.known.names and bool(TOKENS.search(name))


def guarded(reading: Reading, verb: str, given: list[Held]) -> None:
    """A check of others that is handed a row and the user is taken to check."""
    rows = [one for one in given if one.pending]
    if rows and GUARDS.search(verb) and any(reading.origin(one) == "trusted" for one in given):
        for one in rows:
            reading.findings.close(one.pending)


def _known(reading: Reading, node: ast.Call, name: str, base: Held | None):  # type: ignore[no-untyped-def]
    receiver = base.model if base is not None and base.kind == "object" else ""
    if (
        isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("self", "cls")
    ):
        receiver = reading.known.owner
        name = node.func.attr
    found = reading.project.find(name, reading.known, receiver)
    return found or (
        reading.project.find(name, reading.known) if receiver and receiver != reading.known.owner else None
    )


def _setattr(reading: Reading, node: ast.Call) -> Held:
    row, name, value = (reading.value(one) for one in node.args)
    one = reading.classes.get(row.model)
    if row.kind == "row" and one is not None and one.is_owned:
        if name.kind == "body":
            scope_bodies.check_body(reading, node, row.model, name, "update")
        elif name.text == one.owner and reading.origin(value) == "request":
            reading.fault("body", "update", row.model, node, f"{row.model}.{one.owner} is set to {value.text}")
    return UNKNOWN


def attribute(reading: Reading, base: Held, name: str, node: ast.Attribute) -> Held:
    """What an attribute gives."""
    one = reading.classes.get(base.model)
    match base.kind:
        case "class" if one is not None:
            if name == "query":
                return scope_statements.begun(reading, node, "select", (base.model,), legacy=True)
            return Held("column", model=base.model, attribute=name)
        case "row" if one is not None:
            return _of_a_row(reading, base, name, node)
        case "statement":
            return base  # `subquery.c`, and its columns
        case "body":
            return Held("value", base.origin, key=f"{base.key}.{name}", text=ast.unparse(node))
        case "request":
            if name in READ_REQUEST:
                return Held("body", "request", key=name, text=ast.unparse(node))
            return TRUSTED if name in ("state", "user", "session", "auth", "current_user") else UNKNOWN
    if reading.origin(base) == "trusted":
        return TRUSTED
    if base.origin == "request":
        return Held("value", "request", key=f"{base.key}.{name}", text=ast.unparse(node))
    return UNKNOWN


def _of_a_row(reading: Reading, base: Held, name: str, node: ast.Attribute) -> Held:
    one = reading.classes.by_name[plain_name(base.model)]
    if name == one.owner:
        return Held("value", "row", base.model, "owner", pending=base.pending)
    target, many = one.target(name)
    if not target:
        return (
            TRUSTED
            if one.is_user and base.origin == "trusted"
            else Held("value", "row", base.model, name, pending=base.pending)
        )
    leaves = not one.is_owned and not one.is_user and reading.classes.is_owned(target) and many
    pending = base.pending
    if leaves:
        access = reading.report("walk", "select", target, node, f"{base.model}.{name} has those of all users")
        pending = pending | reading.wait(access)
    return Held("row", "row", target, pending=pending, many=many)
