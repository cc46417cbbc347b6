"""Calls of the project's own functions, followed with what they are handed; routes and their dependencies."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server.world.code_calls import dotted
from mcp_server.world.scope_project import Known
from mcp_server.world.scope_values import TRUSTED, UNKNOWN, Held, either

if TYPE_CHECKING:
    from mcp_server.world.scope_findings import Findings
    from mcp_server.world.scope_reading import Reading

DEPENDS = ("Depends", "Security")
REQUESTS = ("Request", "HTTPConnection", "WebSocket")
OTHERS = re.compile(r"\b(?:Session|AsyncSession|BackgroundTasks|Response|Connection|Redis|Settings)\b")
ROLE = re.compile(r"admin|superuser|staff|moderator|role", re.IGNORECASE)
SHORT = 8


def follow(reading: Reading, known: Known, node: ast.Call, verb: str) -> Held:
    """What a function of the project gives for what it is handed."""
    from mcp_server.world.scope_calls import guarded
    from mcp_server.world.scope_reading import DEEPEST, MOST_CALLS, Reading

    positional = [reading.value(one) for one in node.args]
    named = {word.arg: reading.value(word.value) for word in node.keywords if word.arg}
    findings = reading.findings
    guarded(reading, verb, [*positional, *named.values()])
    if len(reading.through) >= DEEPEST or known.key in reading.through or findings.calls >= MOST_CALLS:
        return UNKNOWN
    if len(known.node.body) > SHORT and not findings.project.is_relevant(known):
        return UNKNOWN
    asked = (known.key, tuple(positional), tuple(named.items()), reading.is_role)
    if asked in findings.results:
        return findings.results[asked]
    findings.calls += 1
    before = findings.events
    held = dict(_bound(reading, known, positional, named))
    held |= {
        name: one
        for name, one in reading.held.items()
        if name.startswith("self.") and known.owner == reading.known.owner
    }
    inner = Reading(findings, known, held, (*reading.through, reading.known.key), is_role=reading.is_role)
    findings.followed.add(known.key)
    inner.block(known.node.body)
    given = result(inner)
    if findings.events == before and not held.keys() & {"self"} and not any(name.startswith("self.") for name in held):
        findings.results[asked] = given
    return given


def _bound(reading: Reading, known: Known, positional: list[Held], named: dict[str, Held]):  # type: ignore[no-untyped-def]
    parameters = [one for one in known.parameters if one.arg not in ("self", "cls") or not known.owner]
    for number, one in enumerate(parameters):
        given = named.get(one.arg) or (positional[number] if number < len(positional) else None)
        default = known.default(one.arg)
        if given is None and default is not None:
            given = reading.value(default) if isinstance(default, ast.Constant) else UNKNOWN
        yield one.arg, _stated(reading, one) if given in (None, UNKNOWN) else given


def _stated(reading: Reading, one: ast.arg) -> Held:
    """What is not known of an argument, by the annotation: a row that the caller has."""
    words = re.findall(r"\w+", ast.unparse(one.annotation)) if one.annotation is not None else []
    model = next((word for word in words if reading.classes.get(word) is not None), "")
    return Held("row", "given", model) if model else UNKNOWN


def result(inner: Reading) -> Held:
    """What a function gives: what is sure of all its returns."""
    found: Held | None = None
    rows = [one for one in inner.given if one.kind in ("row", "statement")]
    for one in rows or inner.given:
        found = either(found, one)
    return found or UNKNOWN


def read_root(findings: Findings, known: Known) -> None:
    """Follow a route, or a function that nobody of the project calls, from its beginning."""
    from mcp_server.world.scope_reading import Reading

    is_role = _needs_role(known)
    findings.is_routed = known.route is not None
    reading = Reading(findings, known, {}, (), is_role=is_role)
    findings.followed.add(known.key)
    dependencies: list[tuple[str, ast.expr]] = []
    for one in known.parameters:
        dependency = _dependency(reading, known, one)
        if dependency is not None:
            dependencies.append((one.arg, dependency))
        else:
            reading.held[one.arg] = _parameter(reading, known, one)
    for name, dependency in dependencies:
        reading.held[name] = provided(reading, dependency)
        reading.is_role = reading.is_role or bool(ROLE.search(ast.unparse(dependency)))
    for decorator in known.decorators:
        for node in ast.walk(decorator):
            if isinstance(node, ast.Call) and _is_depends(reading, node) and node.args:
                provided(reading, node.args[0])
    _guarded_by_router(reading)
    reading.block(known.node.body)
    findings.settle()


def _guarded_by_router(reading: Reading) -> None:
    """What the router of a route asks for, read in the file in which it stands."""
    from mcp_server.world.scope_reading import Reading

    for guard in reading.project.guards_of(reading.known):
        elsewhere = replace(reading.known, text=guard.text, names=guard.names)
        for dependency in guard.dependencies:
            provided(Reading(reading.findings, elsewhere, {}, (), is_role=reading.is_role), dependency)
            reading.is_role = reading.is_role or bool(ROLE.search(ast.unparse(dependency)))


def _needs_role(known: Known) -> bool:
    """Whether a route's own decorators let only a role in."""
    words = [ast.unparse(word.value) for one in known.decorators for word in one.keywords if word.arg == "dependencies"]
    words += [ast.unparse(one) for one in known.node.decorator_list if known.route is None or one is not known.route]
    return any(ROLE.search(one) for one in words)


def _is_depends(reading: Reading, node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func, reading.known.names).rpartition(".")[2] in DEPENDS


def _dependency(reading: Reading, known: Known, one: ast.arg) -> ast.expr | None:
    """What provides a parameter: `= Depends(f)`, `Annotated[User, Depends(f)]`, an alias of that; None for a plain one."""
    for written in (known.default(one.arg), one.annotation, _alias(reading, one.annotation)):
        for node in ast.walk(written) if written is not None else ():
            if isinstance(node, ast.Call) and dotted(node.func, known.names).rpartition(".")[2] in DEPENDS:
                return node.args[0] if node.args else one.annotation
    return None


def _alias(reading: Reading, annotation: ast.expr | None) -> ast.expr | None:
    if not isinstance(annotation, ast.Name | ast.Attribute):
        return None
    return reading.project.aliases.get(ast.unparse(annotation).rpartition(".")[2])


def provided(reading: Reading, dependency: ast.expr) -> Held:
    """What a dependency gives: followed with the request's own values, where it is the project's."""
    from mcp_server.world.scope_reading import DEEPEST, Reading

    name = dotted(dependency, reading.known.names)
    last = name.rpartition(".")[2]
    known = reading.project.find(name, reading.known)
    if known is None:
        listed = reading.project.functions.get(last, [])
        known = listed[0] if len(listed) == 1 and not isinstance(dependency, ast.Call) else None
    if known is None:
        if last in reading.project.texts:
            return Held("object", model=last)
        return TRUSTED
    if len(reading.through) >= DEEPEST or known.key in reading.through:
        return TRUSTED
    inner = Reading(reading.findings, known, {}, (*reading.through, reading.known.key), is_role=reading.is_role)
    reading.findings.followed.add(known.key)
    for one in known.parameters:
        deeper = _dependency(inner, known, one)
        inner.held[one.arg] = provided(inner, deeper) if deeper is not None else _parameter(inner, known, one)
    inner.block(known.node.body)
    return _identity(reading, result(inner), known)


def _identity(reading: Reading, given: Held, known: Known) -> Held:
    """What authenticates is trusted, unless it hands on what the request says as it is."""
    if reading.origin(given) == "request" or given.kind in ("body", "object", "statement"):
        return given
    if given.kind == "row":
        one = reading.classes.get(given.model)
        if one is not None and not one.is_user:
            return given
        return Held("row", "trusted", given.model)
    stated = ast.unparse(known.node.returns) if known.node.returns is not None else ""
    return UNKNOWN if OTHERS.search(stated) else TRUSTED


def _parameter(reading: Reading, known: Known, one: ast.arg) -> Held:
    """A parameter that nobody of the project provides: of a route it is the request's, else its caller's."""
    written = ast.unparse(one.annotation).strip("'\"") if one.annotation is not None else ""
    names = re.findall(r"\w+", written)
    if one.arg in ("self", "cls") or OTHERS.search(written):
        return UNKNOWN
    if any(name in REQUESTS for name in names):
        return Held("request", "unknown", key="request")
    is_asked = known.route is not None or reading.through
    origin = "request" if is_asked else "given"
    body = next((name for name in names if name in reading.project.texts), "")
    mapped = reading.classes.get(body)
    if body and (mapped is None or is_asked):
        return Held("body", origin, body, key=one.arg, text=one.arg)  # type: ignore[arg-type]
    if mapped is not None:
        return Held("row", "given", body)
    if is_asked and names and set(names) <= {"dict", "Dict", "Any", "str"} and "ict" in written:
        return Held("body", "request", key=one.arg, text=one.arg)
    return Held("value", origin, key=one.arg, text=one.arg)  # type: ignore[arg-type]
