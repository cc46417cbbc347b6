"""What a name may hold while a function is followed: a session, a statement, a result, rows."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from mcp_server.model.code import Handed, Opened, Query, Relationship, Returned, Selection, Walk
from mcp_server.model.code_call import Span
from mcp_server.world.code_calls import Names, dotted
from mcp_server.world.code_functions import Kind, Providers, session_kind, session_parameters

NOTHING = Selection()
EAGER = frozenset({"selectinload", "joinedload", "subqueryload", "contains_eager", "immediateload"})
SAME = frozenset({"scalars", "unique", "yield_per", "mappings", "tuples"})
MANY = frozenset({"all", "fetchall", "fetchmany", "partitions", *SAME})
ONE = frozenset({"first", "one", "one_or_none", "scalar_one", "scalar_one_or_none", "scalar", "fetchone"})
BATCH = re.compile(r"batch|chunk|\bpages?\b", re.IGNORECASE)
SQL = ("sqlmodel.", "sqlalchemy.")
Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known of the whole project before a function is followed."""

    providers: Providers
    relationships: Mapping[tuple[str, str], Relationship]
    models: frozenset[str]


@dataclass(frozen=True, slots=True)
class Held:
    """What a name holds. kind: of the session it came from. loop: the line of the `for` that made or bound it."""

    what: Literal["session", "statement", "result", "rows", "row"]
    kind: Kind = ""
    flavour: str = ""
    selection: Selection = NOTHING
    loop: int = 0
    legacy: bool = False

    @property
    def model(self) -> str:
        """The class of the rows, "" when several are selected together."""
        only = len(self.selection.models) == 1 and not self.selection.others
        return self.selection.models[0] if only else ""


@dataclass
class Facts:
    """What was found in a file so far."""

    queries: list[Query] = field(default_factory=list)
    walks: list[Walk] = field(default_factory=list)
    returned: list[Returned] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)

    def mark(self, span: Span, alone: Literal["statement", "chained"]) -> None:
        """Note on the query that stands there what is done with it."""
        last = self.queries[-1] if self.queries else None
        if last is not None and last.span == span:
            self.queries[-1] = replace(last, alone=alone)

    def give(self, held: Held | None, span: Span, function: str) -> None:
        """Note the rows that a function returns."""
        if held is not None and held.what in ("rows", "row", "result") and held.model:
            many = held.what != "row"
            self.returned.append(Returned(held.model, held.selection.loaded, span, function, held.kind, many))


def parameters(node: Definition, names: Names, ground: Ground) -> dict[str, Held]:
    """The parameters of a function that hold a session."""
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    annotations = {one.arg: one.annotation for one in arguments}
    held: dict[str, Held] = {}
    for name, kind in session_parameters(node, ground.providers):
        written = annotations.get(name)
        if written is None or not _is_another(written, names, ground):
            held[name] = Held("session", kind, _flavour(written, names, ground) if written is not None else "")
    return held


def attributes(node: ast.ClassDef, names: Names, ground: Ground) -> dict[str, Held]:
    """What the methods of a class find in `self`: the sessions that its __init__ was handed and keeps."""
    for one in node.body:
        if isinstance(one, ast.FunctionDef) and one.name == "__init__":
            given = parameters(one, names, ground)
            kept = [
                each for each in one.body if isinstance(each, ast.Assign | ast.AnnAssign) and each.value is not None
            ]
            return {
                ast.unparse(target): given[each.value.id]
                for each in kept
                for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
                if isinstance(each.value, ast.Name) and each.value.id in given
            }
    return {}


def _is_another(written: ast.expr, names: Names, ground: Ground) -> bool:
    """Whether the Session of an annotation is not a database's: a model of that name, an HTTP client's."""
    full = [dotted(one, names) for one in ast.walk(written) if isinstance(one, ast.Name | ast.Attribute)]
    named = [name for name in full if name.rpartition(".")[2] in ("Session", "AsyncSession")]
    return bool(named) and all(is_no_session(name, ground) for name in named)


def is_no_session(name: str, ground: Ground) -> bool:
    """Whether a class named Session belongs to somebody else."""
    if name.startswith(SQL):
        return False
    return name.startswith(("requests.", "aiohttp.", "boto3.", "httpx.")) or name.rpartition(".")[2] in ground.models


def _flavour(written: ast.expr, names: Names, ground: Ground) -> str:
    """The package of a session's class, "" when it is not told here."""
    for one in ast.walk(written):
        if isinstance(one, ast.Name | ast.Attribute):
            full = dotted(one, names)
            last = full.rpartition(".")[2]
            if last in ("Session", "AsyncSession") and "." in full:
                return full.partition(".")[0]
            if last in ground.providers.aliases:
                return ground.providers.flavours.get(last, "")
    return ""


def session_of(node: ast.Call, name: str, names: Names, ground: Ground, loop: int) -> Held | None:
    """The session that a call gives."""
    verb = name.rpartition(".")[2]
    if verb in ("Session", "AsyncSession") and not is_no_session(name, ground):
        return Held("session", session_kind(verb), name.partition(".")[0] if "." in name else "", loop=loop)
    if verb in ("next", "anext") and node.args and isinstance(node.args[0], ast.Call):
        verb = dotted(node.args[0].func, names).rpartition(".")[2]
    kind = ground.providers.kind(verb)
    return Held("session", kind, ground.providers.flavours.get(verb, ""), loop=loop) if kind else None


def selected(parts: list[ast.expr], names: Names, ground: Ground) -> Selection:
    """What a select() or query() asks for."""
    models: list[str] = []
    others: list[str] = []
    for one in parts:
        last = dotted(one, names).rpartition(".")[2]
        whole = isinstance(one, ast.Name | ast.Attribute) and last in ground.models
        (models if whole else others).append(last if whole else ast.unparse(one))
    return Selection(tuple(models), tuple(others))


def loaded_by(node: ast.Call, names: Names) -> frozenset[str]:
    """The relationships that the options of a statement load along."""
    return frozenset(
        f"{dotted(argument.value, names).rpartition('.')[2]}.{argument.attr}"
        for one in ast.walk(node)
        if isinstance(one, ast.Call) and dotted(one.func, names).rpartition(".")[2] in EAGER
        for argument in one.args
        if isinstance(argument, ast.Attribute)
    )


def chained(selection: Selection, node: ast.Call, verb: str, names: Names) -> Selection:
    """A statement with one more call on it."""
    longer = replace(selection, verbs=(*selection.verbs, verb))
    if verb == "options":
        return replace(longer, loaded=longer.loaded | loaded_by(node, names))
    if verb == "order_by":
        return replace(longer, ordered=", ".join(ast.unparse(one) for one in node.args))
    return replace(longer, offset=ast.unparse(node.args[0])) if verb == "offset" and node.args else longer


def refreshed(held: Held, node: ast.Call) -> Held:
    """A row after `refresh(task, ["user"])`, which loads what it names."""
    named = {
        f"{held.model}.{one.value}"
        for given in (*node.args[1:], *(word.value for word in node.keywords))
        for one in ast.walk(given)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }
    return replace(held, selection=replace(held.selection, loaded=held.selection.loaded | named))


def each_of(held: Held | None, loop: int) -> Held | None:
    """What a loop over something binds at each turn."""
    return replace(held, what="row", loop=loop) if held is not None and held.what in ("rows", "result") else None


def taken(base: Held, verb: str) -> Held | None:
    """What a method of a result gives."""
    if verb in SAME:
        return base
    if verb in MANY:
        return replace(base, what="rows")
    return replace(base, what="row") if verb in ONE else None


def left_open(node: Definition, name: str) -> bool:
    """Whether a function neither closes what it holds under a name nor hands it on."""
    handed = rf"\b{re.escape(name)}\.(?:close|aclose|__exit__)\(|\b(?:yield|return|with|await|global) {re.escape(name)}\b(?!\.)"
    kept = rf"(?:\bclosing\(|[=(,]\s*){re.escape(name)}\s*(?:[,)\n]|$)"
    written = ast.unparse(node)
    return not re.search(handed, written) and not re.search(kept, written)


def is_few(node: ast.For | ast.AsyncFor | ast.comprehension) -> bool:
    """Whether a loop does not run over rows: it is written out, a few tries, whole batches, or what arrives from outside."""
    over = node.iter
    if isinstance(over, ast.List | ast.Tuple | ast.Set):
        return True
    if isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and over.func.id == "range":
        return all(isinstance(one, ast.Constant) or "retr" in ast.unparse(one).lower() for one in over.args)
    return bool(BATCH.search(f"{ast.unparse(node.target)} {ast.unparse(over)}"))
