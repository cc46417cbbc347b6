"""What one file asks of the database: each function is followed once, from top to bottom, with what its names hold.

What a name holds is one of four: a session, a statement, a result, rows of a model. Branches are followed one after the
other; what cannot be told is nothing, and no fact comes of it.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from mcp_server.model.code import Handed, Opened, Query, Selection, Walk
from mcp_server.world.code_calls import Names, Text, dotted
from mcp_server.world.code_held import (
    MANY,
    NOTHING,
    ONE,
    Definition,
    Facts,
    Ground,
    Held,
    attributes,
    chained,
    each_of,
    is_few,
    left_open,
    loaded_by,
    parameters,
    refreshed,
    selected,
    session_of,
    taken,
)

READS = frozenset({"exec", "execute", "scalars", "scalar", "stream", "stream_scalars"})
GETS = frozenset({"get", "get_one"})
OTHERS = frozenset({"commit", "flush", "refresh", "merge", "delete", "run_sync", "bulk_save_objects", "rollback"})
EAGERLY = frozenset({"selectin", "joined", "subquery", "immediate"})
LEGACY = frozenset({"all", "first", "one", "one_or_none", "count", "get", "scalar", "delete", "update"})


def read_queries(text: Text, tree: ast.Module, names: Names, ground: Ground) -> Facts:
    """The queries, walks and returned rows of a file."""
    facts = Facts()
    _Reading(text, names, ground, facts, "", {}).block(tree.body)
    return facts


class _Reading:
    """One function that is being followed. held: its names. loop: the line of the innermost `for`."""

    def __init__(
        self, text: Text, names: Names, ground: Ground, facts: Facts, function: str, held: dict[str, Held]
    ) -> None:
        self.text, self.names, self.ground, self.facts = text, names, ground, facts
        self.function, self.held, self.loop = function, held, 0
        self.key = f"{text.name}:{function}" if function else ""

    def block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node)
            case ast.ClassDef():
                self._inner(node.name, attributes(node, self.names, self.ground)).block(node.body)
            case ast.Assign():
                value = self.value(node.value)
                for target in node.targets:
                    self._bind(target, value)
                    self._note_opened(target, node.value, value)
            case ast.AnnAssign(value=ast.expr() as value):
                self._bind(node.target, self.value(value))
            case ast.For() | ast.AsyncFor():
                self._for(node)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    given = self.value(item.context_expr)
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, given)
                self.block(node.body)
            case ast.Return(value=ast.expr() as value):
                self.facts.give(self.value(value), self.text.span(node), self.key)
            case ast.Expr(value=ast.Call() as value):
                self.value(value)
                self.facts.mark(self.text.span(value), "statement")
            case _:
                self._within(node)

    def _within(self, node: ast.AST) -> None:
        """What a node of any other kind holds: bodies, handlers, cases, keywords."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
            elif isinstance(child, ast.stmt):
                self.statement(child)
            else:
                self._within(child)

    def _function(self, node: Definition) -> None:
        held = {name: one for name, one in self.held.items() if one.what == "session"}
        inner = self._inner(node.name, {**held, **parameters(node, self.names, self.ground)})
        before = len(self.facts.opened)
        inner.block(node.body)
        mine = self.facts.opened[before:]
        self.facts.opened[before:] = [one for one in mine if one.function != inner.key or left_open(node, one.name)]

    def _note_opened(self, target: ast.expr, made: ast.expr, held: Held | None) -> None:
        """A session that is made and kept under a name of this function."""
        is_made = isinstance(made, ast.Call) and held is not None and held.what == "session"
        if is_made and self.function and isinstance(target, ast.Name) and isinstance(made, ast.Call):
            self.facts.opened.append(Opened(target.id, ast.unparse(made.func), self.text.span(made), self.key))

    def _inner(self, name: str, held: dict[str, Held]) -> _Reading:
        qualified = f"{self.function}.{name}".lstrip(".")
        return _Reading(self.text, self.names, self.ground, self.facts, qualified, held)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        given = self.value(node.iter)
        if given is not None and given.what == "session":  # `async for session in get_session()`
            self._bind(node.target, given)
            self.block(node.body)
            return
        outer = self.loop
        # What arrives from a queue or a socket comes one by one: only rows of ours could be asked for together.
        arrives = isinstance(node, ast.AsyncFor) and given is None
        self.loop = outer if arrives or is_few(node) else node.lineno
        self._bind(node.target, each_of(given, self.loop))
        self.block(node.body)
        self.loop = outer
        self.block(node.orelse)

    def _bind(self, target: ast.expr, value: Held | None) -> None:
        match target:
            case ast.Name():
                self.held.pop(target.id, None)
                if value is not None:
                    self.held[target.id] = value
            case ast.Tuple() | ast.List():
                for one in target.elts:
                    self._bind(one, None)
            case ast.Attribute():
                self.value(target.value)

    def value(self, node: ast.expr, *, awaited: bool = False) -> Held | None:
        """What an expression holds."""
        match node:
            case ast.Name():
                return self.held.get(node.id)
            case ast.Await():
                return self.value(node.value, awaited=True)
            case ast.NamedExpr():
                given = self.value(node.value)
                self._bind(node.target, given)
                return given
            case ast.Call():
                return self._call(node, awaited)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                given = self.value(node.value)
                self.value(node.slice)
                return replace(given, what="row") if given and given.what == "rows" else None
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node)
            case ast.IfExp():
                self.value(node.test)
                first, second = self.value(node.body), self.value(node.orelse)
                return first or second
            case ast.BoolOp():
                return next((one for one in [self.value(each) for each in node.values] if one), None)
            case ast.Lambda():
                return None
        self._within(node)
        return None

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Held | None:
        outer, kept = self.loop, dict(self.held)
        for number, part in enumerate(node.generators):
            given = self.value(part.iter)
            if number == 0 and not is_few(part):
                self.loop = node.lineno
            self._bind(part.target, each_of(given, self.loop))
            for test in part.ifs:
                self.value(test)
        elements = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        last = [self.value(one) for one in elements][-1]
        self.loop, self.held = outer, kept
        return replace(last, what="rows") if last and last.what == "row" and last.model else None

    def _attribute(self, node: ast.Attribute) -> Held | None:
        base = self.value(node.value)
        if base is None or base.what != "row" or not isinstance(node.ctx, ast.Load):
            return self.held.get(f"{node.value.id}.{node.attr}") if isinstance(node.value, ast.Name) else None
        known = self.ground.relationships.get((base.model, node.attr))
        if known is None:
            return None
        name = f"{base.model}.{node.attr}"
        loaded = name in base.selection.loaded or known.lazy in EAGERLY
        self.facts.walks.append(
            Walk(base.model, node.attr, self.text.span(node), self.key, base.kind, loaded, base.loop and self.loop)
        )
        if known.target not in self.ground.models:
            return None
        selection = Selection((known.target,), loaded=base.selection.loaded)
        return replace(base, what="rows" if known.many else "row", selection=selection)

    def _call(self, node: ast.Call, awaited: bool) -> Held | None:
        name = dotted(node.func, self.names)
        verb = name.rpartition(".")[2]
        base = self.value(node.func.value) if isinstance(node.func, ast.Attribute) else None
        if base is not None and base.what == "session":
            return self._asked(node, base, verb, awaited)
        if base is not None and base.what == "statement":
            return self._chained(node, base, verb)
        if base is not None and base.what in ("result", "rows"):
            # Whoever asks this of a coroutine gets an AttributeError.
            inner = node.func.value if isinstance(node.func, ast.Attribute) else node
            if isinstance(inner, ast.Call):
                self.facts.mark(self.text.span(inner), "chained")
            self._arguments(node)
            return self._taken(base, verb)
        if verb == "len" and node.args:
            before = len(self.facts.queries)
            held = self.value(node.args[0])
            if held is not None and held.what == "rows" and len(self.facts.queries) > before:
                self.facts.queries[-1] = replace(self.facts.queries[-1], counted=True)
            return None
        self._arguments(node)
        if verb == "select" and node.args:
            return Held("statement", selection=selected(node.args, self.names, self.ground))
        if verb in ("list", "sorted", "tuple", "set", "reversed", "enumerate") and node.args:
            return self.value_again(node.args[0])
        given = (*node.args, *(word.value for word in node.keywords))
        named = (self.held.get(ast.unparse(one)) for one in given if isinstance(one, ast.Name | ast.Attribute))
        session = next((one for one in named if one is not None and one.what == "session"), None)
        if session is not None and verb != "?":
            found = Handed(verb, self.text.span(node), self.key, session.kind, self.loop, awaited)
            self.facts.handed.append(found)
        return session_of(node, name, self.names, self.ground, self.loop)

    def _arguments(self, node: ast.Call) -> None:
        for one in (*node.args, *(word.value for word in node.keywords)):
            self.value(one)

    def value_again(self, node: ast.expr) -> Held | None:
        """What an expression holds that was followed already: no fact is told twice."""
        kept = Facts(list(self.facts.queries), list(self.facts.walks))
        held = self.value(node)
        self.facts.queries[:], self.facts.walks[:] = kept.queries, kept.walks
        return replace(held, what="rows") if held and held.what in ("rows", "result") else None

    def _chained(self, node: ast.Call, base: Held, verb: str) -> Held | None:
        self._arguments(node)
        if base.legacy and verb in LEGACY:
            self._ask(node, replace(base, what="session"), verb, False, base.selection)
            return self._taken(replace(base, what="result"), verb)
        return replace(base, selection=chained(base.selection, node, verb, self.names))

    def _asked(self, node: ast.Call, session: Held, verb: str, awaited: bool) -> Held | None:
        given = [self.value(one) for one in node.args]
        for word in node.keywords:
            self.value(word.value)
        if verb == "query":
            return replace(
                session, what="statement", selection=selected(node.args, self.names, self.ground), legacy=True
            )
        if verb in READS:
            selection = given[0].selection if given and given[0] and given[0].what == "statement" else None
            self._ask(node, session, verb, awaited, selection)
            held = replace(session, what="result", selection=selection or NOTHING)
            return replace(held, what="row") if verb == "scalar" else held
        if verb in GETS and node.args:
            selection = replace(selected(node.args[:1], self.names, self.ground), loaded=loaded_by(node, self.names))
            self._ask(node, session, verb, awaited, selection)
            return replace(session, what="row", selection=selection)
        if verb in OTHERS:
            self._ask(node, session, verb, awaited, None)
            name = ast.unparse(node.args[0]) if node.args else ""
            if verb == "refresh" and name in self.held:
                self.held[name] = refreshed(self.held[name], node)
        return None

    def _ask(self, node: ast.Call, session: Held, verb: str, awaited: bool, selection: Selection | None) -> None:
        self.facts.queries.append(
            Query(
                verb, self.text.span(node), self.key, session.kind, session.flavour, awaited, self.loop, selection,
                own_session=bool(self.loop) and session.loop == self.loop,
            )
        )  # fmt: skip

    def _taken(self, base: Held, verb: str) -> Held | None:
        """What is taken of a result, noted on the query that gave it."""
        last = self.facts.queries[-1] if self.facts.queries else None
        if base.what == "result" and last is not None and last.selection == base.selection and verb in (*MANY, *ONE):
            self.facts.queries[-1] = replace(last, ends=verb)
        return taken(base, verb)
