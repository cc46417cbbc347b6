"""What whole routers ask for before each of their routes: `APIRouter(dependencies=[...])`, `include_router(..., dependencies=[...])`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from mcp_server.world.code_calls import Names, Text, dotted


@dataclass(frozen=True)
class Guard:
    """Dependencies of a router, as written. router: its name, dotted; file: where it is made, "" when another file names it.

    text, names: of the file in which the dependencies stand.
    """

    router: str
    file: str
    dependencies: tuple[ast.expr, ...]
    text: Text
    names: Names

    def is_of(self, file: str, name: str) -> bool:
        """Whether this is about the router of that name in a file."""
        if self.file:
            return (self.file, self.router) == (file, name)
        path = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        module, _, last = self.router.rpartition(".")
        return last == name and bool(module) and f".{path}".endswith(f".{module.strip('.')}")


def guards_of(text: Text, tree: ast.Module, names: Names) -> Iterator[Guard]:
    """The routers of a file, and those that it includes, with what they ask for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            made = dotted(node.value.func, names).rpartition(".")[2]
            found = _dependencies(node.value, names)
            if found and made in ("APIRouter", "FastAPI"):
                yield from (
                    Guard(one.id, text.name, found, text, names) for one in node.targets if isinstance(one, ast.Name)
                )
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".include_router") and node.args:
            found = _dependencies(node, names)
            if found:
                router = node.args[0]
                is_here = isinstance(router, ast.Name) and router.id not in names
                yield Guard(dotted(router, names), text.name if is_here else "", found, text, names)


def _dependencies(node: ast.Call, names: Names) -> tuple[ast.expr, ...]:
    listed = next((word.value for word in node.keywords if word.arg == "dependencies"), None)
    calls = [one for one in ast.walk(listed) if isinstance(one, ast.Call)] if listed is not None else []
    depends = [one for one in calls if dotted(one.func, names).rpartition(".")[2] in ("Depends", "Security")]
    return tuple(one.args[0] for one in depends if one.args)
