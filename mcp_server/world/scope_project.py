"""A project's functions, dependencies and classes by name, for following calls from one file into another."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from mcp_server.model.code import ClassText
from mcp_server.model.code_scope import Classes, OwnedClass
from mcp_server.model.isolation import plain
from mcp_server.world.code_calls import Names, Text, dotted
from mcp_server.world.scope_routers import Guard, guards_of

SQL_START = re.compile(r"\s*(?:select|update|delete|with)\b", re.IGNORECASE)
SQL_TEXT = "?sql"
Definition = ast.FunctionDef | ast.AsyncFunctionDef
METHODS = frozenset({"get", "post", "put", "patch", "delete", "api_route", "route", "websocket", "head", "options"})
# Names that so many objects have that a call by one of them says nothing.
COMMON = frozenset(
    """get all first one add delete update filter where select query execute exec scalar scalars commit refresh close
    count list create save items keys values append extend pop remove find copy read write run call json dict model_dump
    send put post patch join format strip lower upper split encode decode""".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Known:
    """A function of the project. owner: the class that it is a method of, "" for none."""

    key: str
    node: Definition
    text: Text
    names: Names
    owner: str = ""

    @property
    def parameters(self) -> tuple[ast.arg, ...]:
        given = self.node.args
        return (*given.posonlyargs, *given.args, *given.kwonlyargs)

    def default(self, name: str) -> ast.expr | None:
        """The default of a parameter, None for none."""
        given = self.node.args
        placed = [*given.posonlyargs, *given.args]
        late = placed[len(placed) - len(given.defaults) :] if given.defaults else []
        pairs = [*zip(late, given.defaults, strict=True), *zip(given.kwonlyargs, given.kw_defaults, strict=True)]
        return next((value for one, value in pairs if one.arg == name), None)

    @property
    def decorators(self) -> tuple[ast.Call, ...]:
        return tuple(one for one in self.node.decorator_list if isinstance(one, ast.Call))

    @property
    def route(self) -> ast.Call | None:
        """The decorator that makes it a route, None for none."""
        for one in self.decorators:
            if isinstance(one.func, ast.Attribute) and one.func.attr in METHODS and (one.args or one.keywords):
                return one
        return None


@dataclass
class Project:
    """functions: by plain name. aliases: names of annotations with a dependency. texts: classes as written, by name.

    guards: what whole routers ask for."""

    classes: Classes
    functions: dict[str, list[Known]] = field(default_factory=dict)
    aliases: dict[str, ast.expr] = field(default_factory=dict)
    texts: Mapping[str, ClassText] = field(default_factory=dict)
    owners: frozenset[str] = frozenset()
    guards: list[Guard] = field(default_factory=list)

    @cached_property
    def _relevant(self) -> frozenset[str]:
        """The keys of functions that speak of a mapped class or SQL, or of a function that does."""
        words = {one.key: frozenset(_words(one.node)) for one in self.every()}
        wanted = {one.name for one in self.classes.listed} | {SQL_TEXT}
        found: set[str] = set()
        grown = True
        while grown:
            more = [one for one in self.every() if one.key not in found and words[one.key] & wanted]
            found |= {one.key for one in more}
            wanted |= {one.node.name for one in more} - COMMON
            grown = bool(more)
        return frozenset(found)

    def is_relevant(self, known: Known) -> bool:
        """Whether following a function can say anything of rows."""
        return known.key in self._relevant

    def every(self) -> Iterator[Known]:
        for listed in self.functions.values():
            yield from listed

    def guards_of(self, known: Known) -> Iterator[Guard]:
        """What the router of a route asks for."""
        route = known.route
        if route is not None and isinstance(route.func, ast.Attribute) and isinstance(route.func.value, ast.Name):
            name = route.func.value.id
            yield from (one for one in self.guards if one.is_of(known.text.name, name))

    def find(self, name: str, within: Known, receiver: str = "") -> Known | None:
        """The function of a dotted name, as called in another one; None when it is not sure which. receiver: its class."""
        last = name.rpartition(".")[2]
        found = self.functions.get(last, [])
        if receiver:
            return _only(one for one in found if one.owner == receiver)
        module = name.rpartition(".")[0].strip(".")
        if not module:
            return _only(one for one in found if one.text.name == within.text.name and not one.owner)
        there = [one for one in found if _is_in(one, module)]
        if there:
            return _only(there)
        return _only(found) if last not in COMMON else None

    def takes_owner(self, name: str, depth: int = 0) -> str:
        """The field of a class, or of one that it inherits, that sets a row's owner; "" for none."""
        text = self.texts.get(name)
        if text is None or depth > 8:
            return ""
        own = next((one.name for one in text.fields if plain(one.name) in self.owners), "")
        return own or next((found for base in text.bases if (found := self.takes_owner(base, depth + 1))), "")


def _words(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            yield one.id
        elif isinstance(one, ast.Attribute):
            yield one.attr
        elif isinstance(one, ast.Constant) and isinstance(one.value, str) and SQL_START.match(one.value):
            yield SQL_TEXT


def _only(found: Iterable[Known]) -> Known | None:
    listed = list(found)
    return listed[0] if len(listed) == 1 else None


def _is_in(one: Known, module: str) -> bool:
    """Whether a function is in a module, or in a class, of that name."""
    if one.owner and module.rpartition(".")[2] == one.owner:
        return True
    path = one.text.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return path == module or path.endswith(f".{module}") or module.endswith(f".{path}")


def add_file(project: Project, text: Text, tree: ast.Module, names: Names) -> None:
    """Note the functions and aliases of a file."""
    for one in _functions(text, tree, names, "", ""):
        project.functions.setdefault(one.node.name, []).append(one)
    project.guards.extend(guards_of(text, tree, names))
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if (
            isinstance(target, ast.Name)
            and isinstance(value, ast.Subscript)
            and _last(value.value, names) == "Annotated"
        ):
            project.aliases[target.id] = value


def _last(node: ast.expr, names: Names) -> str:
    return dotted(node, names).rpartition(".")[2]


def _functions(text: Text, node: ast.AST, names: Names, prefix: str, owner: str) -> Iterator[Known]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Known(f"{text.name}:{prefix}{child.name}", child, text, names, owner)
            yield from _functions(text, child, names, f"{prefix}{child.name}.", "")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(text, child, names, f"{prefix}{child.name}.", child.name)
        elif isinstance(child, ast.If | ast.Try | ast.With):
            yield from _functions(text, child, names, prefix, owner)


def classes_as_written(
    texts: Iterable[ClassText], owners: Iterable[str], shared: Iterable[str] = (), user: str = ""
) -> Classes:
    """The mapped classes of a project by their text alone: where the models cannot be imported."""
    listed = list(texts)
    tables = {_table(one): one.name for one in listed if one.is_table}
    wanted = {plain(one) for one in owners}
    found: dict[str, OwnedClass] = {}
    for one in listed:
        if one.is_table:
            fields = _inherited(one, {each.name: each for each in listed})
            references = tuple((name, tables[table]) for name, table in _keys(fields) if table in tables)
            owner = next((name for name, _ in fields if plain(name) in wanted), "")
            users = next((target for name, target in references if name == owner), "")
            related = tuple(_related(fields))
            found[one.name] = OwnedClass(one.name, _table(one), owner, False, bool(owner), references, related)
            user = user or users
    return settled(found, user, frozenset(shared))


def settled(found: Mapping[str, OwnedClass], user: str, shared: frozenset[str]) -> Classes:
    """Which classes lead to an owner: directly or by the classes that they refer to."""
    listed = {
        name: replace(one, is_user=name == user, is_owned=one.is_owned and name not in shared)
        for name, one in found.items()
    }
    changed = True
    while changed:
        changed = False
        for name, one in listed.items():
            leads = any(
                target == user or (target in listed and listed[target].is_owned) for _, target in one.references
            )
            if leads and not one.is_owned and not one.is_user and name not in shared:
                listed[name] = replace(one, is_owned=True)
                changed = True
    named = {
        name: replace(
            one, owner=one.owner or next((attribute for attribute, target in one.references if target == user), "")
        )
        for name, one in listed.items()
    }
    return Classes(tuple(named.values()))


def _table(one: ClassText) -> str:
    stated = one.field("__tablename__")
    return stated.value.strip("\"'") if stated is not None and stated.value else one.name.lower()


def _inherited(one: ClassText, by_name: Mapping[str, ClassText], depth: int = 0) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = [(each.name, each) for each in one.fields]
    for base in one.bases:
        if base in by_name and depth < 8:
            found += _inherited(by_name[base], by_name, depth + 1)
    return found


def _keys(fields: list[tuple[str, object]]) -> Iterator[tuple[str, str]]:
    """Foreign keys as written: `foreign_key="task.id"`, `ForeignKey("task.id")`."""
    for name, one in fields:
        value = getattr(one, "value", "")
        match = re.search(r"(?:foreign_key\s*=\s*|ForeignKey\(\s*)[\"']([\w.]+)\.\w+[\"']", value)
        if match:
            yield name, match[1].rpartition(".")[2]


def _related(fields: list[tuple[str, object]]) -> Iterator[tuple[str, str, bool]]:
    for name, one in fields:
        if getattr(one, "kind", "") in ("Relationship", "relationship"):
            stated = f"{getattr(one, 'annotation', '')} {getattr(one, 'value', '')}"
            words = [
                word
                for word in re.findall(r"[A-Z]\w+", stated)
                if word not in ("Relationship", "List", "Optional", "Mapped", "Set")
            ]
            if words:
                yield name, words[0], bool(re.search(r"\b(?:list|List|set|Set)\[", stated))
