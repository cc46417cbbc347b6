"""The project's functions: which are routes, which run at the start, which hand out a session and of what kind."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from mcp_server.model.code_call import Function
from mcp_server.world.code_calls import Names, Text, dotted

Kind = Literal["", "sync", "async"]
METHODS = ("get", "post", "put", "patch", "delete", "api_route", "route", "websocket")
STARTING = re.compile(r"\b(?:lifespan|startup|on_startup|start_up)\b")
ASYNC_NAME = re.compile(r"\bAsyncSession\b|\bAsyncGenerator\[AsyncSession|async_scoped_session")
SYNC_NAME = re.compile(r"\b(?:Session|scoped_session)\b")


@dataclass(frozen=True, slots=True)
class Providers:
    """What hands out a session, by its plain name, over the whole project. A name that means two things means neither.

    factories: made by sessionmaker. functions: generators and functions. aliases: `Annotated[Session, Depends(...)]`.
    flavours: the package of the class that each of them gives.
    """

    factories: dict[str, Kind]
    functions: dict[str, Kind]
    aliases: dict[str, Kind]
    flavours: dict[str, str]

    def kind(self, name: str) -> Kind:
        """Of what a call of that name gives."""
        return self.factories.get(name) or self.functions.get(name) or ""


def providers_of(modules: Iterable[tuple[tuple[ast.AST, ...], Names]]) -> Providers:
    """What hands out sessions in a project. modules: all nodes of each file, and its imports."""
    listed = list(modules)
    flavours: dict[str, str] = {}
    factories: dict[str, Kind] = {}
    aliases: dict[str, Kind] = {}
    for nodes, names in listed:
        for name, value in _assigned(nodes):
            if isinstance(value, ast.Call) and dotted(value.func, names).rpartition(".")[2] in MAKERS:
                _put(factories, name, _made(value, names))
                flavours.setdefault(name, _flavour(value, names))
            elif isinstance(value, ast.Subscript) and dotted(value.value, names).endswith("Annotated"):
                _put(aliases, name, session_kind(ast.unparse(value.slice)))
                flavours.setdefault(name, _package(ast.unparse(value.slice), names))
    functions: dict[str, Kind] = {}
    wanted = {"Session", "AsyncSession", *factories}
    for nodes, names in listed:
        if wanted.isdisjoint(_named(nodes)):
            continue
        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                kind = _provided(node, names, factories)
                if kind:
                    _put(functions, node.name, kind)
                    flavours.setdefault(node.name, _flavour_given(node, names, flavours))
    return Providers(factories, functions, aliases, flavours)


MAKERS = ("sessionmaker", "async_sessionmaker", "scoped_session", "async_scoped_session")


def _named(nodes: Iterable[ast.AST]) -> set[str]:
    """The names and attributes that a file speaks of, those of annotations in quotes included."""
    found = {one.id for one in nodes if isinstance(one, ast.Name)}
    found |= {one.attr for one in nodes if isinstance(one, ast.Attribute)}
    return found | {"Session" for one in nodes if isinstance(one, ast.Constant) and "Session" in str(one.value)}


def _assigned(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    for node in nodes:
        if isinstance(node, ast.Assign):
            yield from ((one.id, node.value) for one in node.targets if isinstance(one, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _put(found: dict[str, Kind], name: str, kind: Kind) -> None:
    found[name] = kind if found.get(name, kind) == kind else ""


def _made(value: ast.Call, names: Names) -> Kind:
    written = ast.unparse(value)
    return "async" if "async_" in dotted(value.func, names) or ASYNC_NAME.search(written) else "sync"


def _flavour(value: ast.Call, names: Names) -> str:
    """The package of the class that a factory gives: what `class_=` names, else SQLAlchemy's own."""
    given = next((word.value for word in value.keywords if word.arg == "class_"), None)
    return dotted(given, names).partition(".")[0] if given is not None else "sqlalchemy"


def _package(written: str, names: Names) -> str:
    named = ASYNC_NAME.search(written) or SYNC_NAME.search(written)
    return names.get(named[0], "").partition(".")[0] if named else ""


def session_kind(written: str) -> Kind:
    """The kind of session that an annotation or an expression speaks of."""
    if ASYNC_NAME.search(written):
        return "async"
    return "sync" if SYNC_NAME.search(written) else ""


def _provided(node: ast.FunctionDef | ast.AsyncFunctionDef, names: Names, factories: dict[str, Kind]) -> Kind:
    """The kind of session that a function yields or returns."""
    if node.returns is not None:
        stated = session_kind(ast.unparse(node.returns))
        if stated:
            return stated
    own = tuple(_own(node))
    given = [one.value for one in own if isinstance(one, ast.Yield | ast.Return) and one.value is not None]
    if not given:
        return ""
    made = ((one, _session_made(one, names, factories)) for one in own)
    return next((kind for one, kind in made if kind and _gives(own, given, one)), "")


def _session_made(one: ast.AST, names: Names, factories: dict[str, Kind]) -> Kind:
    if not isinstance(one, ast.Call):
        return ""
    name = dotted(one.func, names).rpartition(".")[2]
    if name in ("Session", "AsyncSession"):
        return session_kind(name)
    return factories.get(name, "")


def _gives(own: tuple[ast.AST, ...], given: list[ast.expr], made: ast.AST) -> bool:
    """Whether the session that is made here is what the function yields or returns."""
    bound: set[str] = set()
    for one in own:
        if isinstance(one, ast.With | ast.AsyncWith):
            targets = [item.optional_vars for item in one.items if item.context_expr is made]
        else:
            targets = list(one.targets) if isinstance(one, ast.Assign) and one.value is made else []
        bound |= {target.id for target in targets if isinstance(target, ast.Name)}
    return any(value is made or (isinstance(value, ast.Name) and value.id in bound) for value in given)


def _flavour_given(node: ast.FunctionDef | ast.AsyncFunctionDef, names: Names, flavours: dict[str, str]) -> str:
    for one in _own(node):
        if isinstance(one, ast.Call):
            name = dotted(one.func, names)
            last = name.rpartition(".")[2]
            if last in ("Session", "AsyncSession"):
                return name.partition(".")[0]
            if last in flavours:
                return flavours[last]
    return ""


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What is in a function, without what is in functions within it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own(child)


def functions_of(text: Text, tree: ast.Module, nodes: Iterable[ast.AST], providers: Providers) -> Iterator[Function]:
    """The functions of a file."""
    started = _handed_over(nodes)
    mains = _called_by_main(tree)
    yield from _functions(text, tree, "", providers, started, mains)


def _functions(
    text: Text, node: ast.AST, prefix: str, providers: Providers, started: set[str], mains: set[str]
) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield _function(text, child, prefix + child.name, providers, started, mains)
        inside = (
            f"{prefix}{child.name}."
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            else prefix
        )
        yield from _functions(text, child, inside, providers, started, mains)


def _function(
    text: Text,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    qualified: str,
    providers: Providers,
    started: set[str],
    mains: set[str],
) -> Function:
    route, response = _route(node)
    provides = providers.functions.get(node.name, "")
    decorated = " ".join(ast.unparse(one) for one in node.decorator_list)
    return Function(
        key=f"{text.name}:{qualified}",
        name=node.name,
        span=text.span(node),
        is_async=isinstance(node, ast.AsyncFunctionDef),
        route=route,
        starts=node.name in started or bool(STARTING.search(decorated)) or "on_event" in decorated,
        is_main=node.name in mains,
        yields=bool(provides) and any(isinstance(one, ast.Yield) for one in _own(node)),
        provides=provides,
        response=response,
    )


def _route(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, str]:
    """Method and path of a route, and the class that it answers with; "" for a function that is none."""
    for one in node.decorator_list:
        if not isinstance(one, ast.Call) or not isinstance(one.func, ast.Attribute) or one.func.attr not in METHODS:
            continue
        path = one.args[0] if one.args else next((word.value for word in one.keywords if word.arg == "path"), None)
        if not isinstance(path, ast.Constant | ast.JoinedStr | ast.Name | ast.Attribute | ast.BinOp):
            continue
        model = next((word.value for word in one.keywords if word.arg == "response_model"), node.returns)
        shown = str(path.value) if isinstance(path, ast.Constant) else ast.unparse(path)
        method = "GET" if one.func.attr in ("route", "api_route") else one.func.attr.upper()
        return f"{method} {shown}", ast.unparse(model) if model is not None else ""
    return "", ""


def session_parameters(
    node: ast.FunctionDef | ast.AsyncFunctionDef, providers: Providers
) -> Iterator[tuple[str, Kind]]:
    """The parameters that are handed a session."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    for one, default in (
        *zip(positional, defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ):
        kind = _parameter(one, default, providers)
        if kind:
            yield one.arg, kind


def _parameter(one: ast.arg, default: ast.expr | None, providers: Providers) -> Kind:
    if one.annotation is not None:
        written = ast.unparse(one.annotation).strip("'\"")
        kind = providers.aliases.get(written.rpartition(".")[2]) or session_kind(written)
        if kind:
            return kind
    if isinstance(default, ast.Call) and dotted(default.func, {}).endswith("Depends") and default.args:
        return providers.kind(dotted(default.args[0], {}).rpartition(".")[2])
    return ""


def _handed_over(nodes: Iterable[ast.AST]) -> set[str]:
    """The functions that are given to an application as its lifespan or start-up."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.keyword) and node.arg in ("lifespan", "on_startup"):
            found |= {one.id for one in ast.walk(node.value) if isinstance(one, ast.Name)}
        elif isinstance(node, ast.Call) and dotted(node.func, {}).endswith("add_event_handler"):
            found |= {one.id for one in node.args if isinstance(one, ast.Name)}
    return found


def _called_by_main(tree: ast.Module) -> set[str]:
    """The functions that `if __name__ == "__main__"` runs."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            found |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return found
