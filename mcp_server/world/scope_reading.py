"""One function that is followed for whose rows it reaches: statements, branches, what is compared.

Branches are followed each by itself, and a name keeps what is sure of both. What only an administrator's role reaches is
counted apart. A row that was fetched by its id alone stays open until its owner is compared with somebody.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from mcp_server.model.code_call import Span
from mcp_server.model.code_scope import Access, Fault, Verb, plain_name
from mcp_server.world import scope_bodies, scope_calls, scope_conditions
from mcp_server.world.code_calls import dotted
from mcp_server.world.scope_findings import Findings
from mcp_server.world.scope_project import Known
from mcp_server.world.scope_roles import certain as certain_of
from mcp_server.world.scope_roles import role as role_of
from mcp_server.world.scope_values import TRUSTED, UNKNOWN, Condition, Held, either

DEEPEST = 6
MOST_CALLS = 400


class Reading:
    """One function with what its names hold. through: the functions that called it, the root first."""

    def __init__(
        self, findings: Findings, known: Known, held: dict[str, Held], through: tuple[str, ...], *, is_role: bool
    ) -> None:
        self.findings, self.known, self.held = findings, known, held
        self.project, self.classes = findings.project, findings.project.classes
        self.through, self.is_role = through, is_role
        self.given: list[Held] = []

    def span(self, node: ast.expr | ast.stmt) -> Span:
        return self.known.text.span(node)

    def report(
        self, fault: Fault, verb: Verb, model: str, node: ast.expr | ast.stmt | Span, detail: str = ""
    ) -> Access | None:
        """Note an access that is open; None when only a role reaches it."""
        self.findings.events += 1
        span = node if isinstance(node, Span) else self.span(node)
        if self.is_role:
            self.findings.privileged.add(span)
            return None
        name, is_routed = plain_name(model), self.findings.is_routed
        return Access(fault, verb, name, span, self.known.key, detail, self.through, is_routed)

    def fault(self, fault: Fault, verb: Verb, model: str, node: ast.expr | ast.stmt | Span, detail: str = "") -> None:
        found = self.report(fault, verb, model, node, detail)
        if found is not None:
            self.findings.faults.append(found)

    def wait(self, access: Access | None, parents: frozenset[int] = frozenset()) -> frozenset[int]:
        """Keep an access open until an owner is compared; the number to close it by."""
        if access is None:
            return frozenset()
        number = len(self.findings.parents) + 1
        self.findings.parents[number] = parents
        self.findings.waiting[number] = access
        return frozenset({number})

    def block(self, body: list[ast.stmt]) -> None:
        for node in body:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return
            case ast.Assign():
                value = self.value(node.value)
                for target in node.targets:
                    self.bind(target, value)
            case ast.AnnAssign(value=ast.expr() as written):
                self.bind(node.target, self.value(written))
            case ast.AugAssign():
                self._add(node)
            case ast.If():
                self._if(node)
            case ast.For() | ast.AsyncFor():
                self.bind(node.target, each(self.value(node.iter)))
                self._maybe(node.body)
                self.block(node.orelse)
            case ast.While():
                self.value(node.test)
                self._maybe(node.body)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    value = self.value(item.context_expr)
                    if item.optional_vars is not None:
                        self.bind(item.optional_vars, value)
                self.block(node.body)
            case ast.Try():
                self._try(node)
            case ast.Return(value=ast.expr() as written):
                self.given.append(self.value(written))
            case ast.Expr(value=ast.Yield(value=ast.expr() as written)):
                self.given.append(self.value(written))
            case ast.Match():
                self.value(node.subject)
                for one in node.cases:
                    self._maybe(one.body)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.value(child)

    def _add(self, node: ast.AugAssign) -> None:
        value, name = self.value(node.value), ast.unparse(node.target)
        known = self.held.get(name)
        if known is not None and known.kind == value.kind == "condition":
            self.held[name] = replace(known, condition=known.condition & value.condition)

    def _try(self, node: ast.Try) -> None:
        self.block(node.body)
        for handler in node.handlers:
            self._maybe(handler.body)
        self.block(node.orelse)
        self.block(node.finalbody)

    def _maybe(self, body: list[ast.stmt]) -> None:
        before, was_role = dict(self.held), self.is_role
        self.block(body)
        self.held = before if ends(body) else merged(before, self.held)
        self.is_role = was_role

    def _if(self, node: ast.If) -> None:
        certain = certain_of(self, node.test)
        role = role_of(self, node.test)
        self.value(node.test)
        before, was_role = dict(self.held), self.is_role
        self.is_role = was_role or role == "yes"
        if certain is not False:
            self.block(node.body)
        yes, self.held, self.is_role = self.held, dict(before), was_role or role == "no"
        if certain is not True:
            self.block(node.orelse)
        no = self.held
        if ends(node.body) or certain is False or (role == "yes" and not ends(node.orelse)):
            self.held = no
        elif ends(node.orelse) or certain is True or role == "no":
            self.held = yes
        else:
            self.held = merged(yes, no)
        self.is_role = was_role or (role == "no" and ends(node.body))  # whoever has no such role has left

    def bind(self, target: ast.expr, value: Held) -> None:
        match target:
            case ast.Name():
                self.held[target.id] = value
            case ast.Tuple() | ast.List():
                for one in target.elts:
                    self.bind(one.value if isinstance(one, ast.Starred) else one, value)
            case ast.Attribute():
                base = self.value(target.value)
                self.held[ast.unparse(target)] = value
                self._set(base, target.attr, value, target)

    def _set(self, base: Held, attribute: str, value: Held, node: ast.expr) -> None:
        """`task.user_id = ...`: the owner of a row is set."""
        one = self.classes.get(base.model) if base.kind == "row" else None
        if one is not None and one.is_owned and attribute == one.owner and self.origin(value) == "request":
            self.fault(
                "body", "update", base.model, node, f"{base.model}.{attribute} is set to {value.text or value.key}"
            )

    def origin(self, held: Held) -> str:
        """Where a value comes from; one that the request names and that was compared with the user's is trusted."""
        if held.origin == "request" and held.key and held.key in self.findings.verified:
            return "trusted"
        return held.origin

    def value(self, node: ast.expr) -> Held:
        """What an expression holds."""
        match node:
            case ast.Name():
                return self._name(node)
            case ast.Await() | ast.Starred() | ast.YieldFrom():
                return self.value(node.value)
            case ast.NamedExpr():
                value = self.value(node.value)
                self.bind(node.target, value)
                return value
            case ast.Constant():
                return Held(origin="constant", text=str(node.value))
            case ast.Attribute():
                return self._attribute(node)
            case ast.Call():
                return scope_calls.call(self, node)
            case ast.Compare() | ast.BinOp(op=ast.BitAnd() | ast.BitOr()) | ast.UnaryOp():
                return scope_conditions.compared(self, node)
            case ast.BoolOp():
                held = [self.value(one) for one in node.values]
                return next(
                    (one for one in held if one.kind in ("row", "statement") or one.origin == "request"), held[-1]
                )
            case ast.IfExp():
                return self._choice(node)
            case ast.Subscript():
                return self._subscript(node)
            case ast.List() | ast.Tuple() | ast.Set():
                return self._listed(node)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return self._comprehension(node)
            case ast.JoinedStr() | ast.FormattedValue():
                inner = [self.value(one) for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)]
                return next((one for one in inner if one.origin == "request"), UNKNOWN)
            case ast.Dict() if node.keys:
                return scope_bodies.mapping(self, node)
            case ast.Lambda():
                return UNKNOWN
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
        return UNKNOWN

    def _name(self, node: ast.Name) -> Held:
        if node.id in self.held:
            return self.held[node.id]
        last = dotted(node, self.known.names).rpartition(".")[2]
        return Held("class", model=last) if self.classes.get(last) else Held(text=node.id)

    def _choice(self, node: ast.IfExp) -> Held:
        certain, role = certain_of(self, node.test), role_of(self, node.test)
        self.value(node.test)
        first, second = self.value(node.body), self.value(node.orelse)
        if certain is not None or role:
            return first if certain is True or role == "no" else second
        return either(first, second) or UNKNOWN

    def _subscript(self, node: ast.Subscript) -> Held:
        base = self.value(node.value)
        self.value(node.slice)
        if base.kind == "row":
            return replace(base, many=False)
        if self.origin(base) in ("request", "trusted") or base.kind in ("body", "request"):
            return part(base, ast.unparse(node.slice).strip("'\""), ast.unparse(node))
        return UNKNOWN

    def _listed(self, node: ast.List | ast.Tuple | ast.Set) -> Held:
        held = [self.value(one) for one in node.elts]
        if not held or all(one.kind == "condition" for one in held):
            found = Condition()
            for one in held:
                found = found & one.condition
            return Held("condition", condition=found)
        return next((one for one in held if one.kind == "row" or one.origin == "request"), UNKNOWN)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Held:
        before = dict(self.held)
        for one in node.generators:
            self.bind(one.target, each(self.value(one.iter)))
            for test in one.ifs:
                self.value(test)
        value = self.value(node.elt)
        self.held = before
        return replace(value, many=True) if value.kind == "row" else value

    def _attribute(self, node: ast.Attribute) -> Held:
        written = ast.unparse(node)
        if written in self.held:
            return self.held[written]
        base = self.value(node.value)
        last = dotted(node, self.known.names).rpartition(".")[2]
        if base.kind == "value" and base.origin == "unknown" and self.classes.get(last) and last[:1].isupper():
            return Held("class", model=last)
        return scope_calls.attribute(self, base, node.attr, node)


def each(held: Held) -> Held:
    """What a loop over something binds."""
    return replace(held, many=False) if held.kind == "row" else held


def part(base: Held, name: str, text: str) -> Held:
    """An attribute or an item of what the request or the user's token says."""
    origin = "trusted" if base.origin == "trusted" else "request"
    key = f"{base.key}.{name}" if base.key else name
    return Held("value", origin, key=key, text=text) if origin == "request" else TRUSTED  # type: ignore[arg-type]


def ends(body: list[ast.stmt]) -> bool:
    """Whether a block never goes on to what follows it."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.If):
        return ends(last.body) and ends(last.orelse)
    return isinstance(last, ast.Raise | ast.Return | ast.Continue | ast.Break)


def merged(first: dict[str, Held], second: dict[str, Held]) -> dict[str, Held]:
    """What is sure of each name after one of two branches."""
    names = dict.fromkeys([*first, *second])
    found = ((name, either(first.get(name), second.get(name))) for name in names)
    return {name: held for name, held in found if held is not None}
