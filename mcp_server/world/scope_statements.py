"""Statements as they are put together, and what happens when one is sent."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server.model.code_scope import Verb
from mcp_server.world import scope_bodies, scope_conditions, scope_rows, scope_sql
from mcp_server.world.scope_values import NOTHING, UNKNOWN, Condition, Held, Statement

if TYPE_CHECKING:
    from mcp_server.world.scope_reading import Reading

READS = frozenset({"exec", "execute", "scalars", "scalar", "stream", "stream_scalars"})
MAKES: dict[str, Verb] = {
    "select": "select",
    "update": "update",
    "delete": "delete",
    "insert": "insert",
    "exists": "select",
}
LEGACY_ENDS = frozenset(
    [
        "all",
        "first",
        "one",
        "one_or_none",
        "count",
        "scalar",
        "get",
        "paginate",
        "delete",
        "update",
        "get_or_404",
        "first_or_404",
        "one_or_404",
    ]
)
EAGER = frozenset({"selectinload", "joinedload", "subqueryload", "immediateload"})
WHOLE = frozenset(
    {"subquery", "cte", "alias", "scalar_subquery", "lateral", "correlate", "label", "as_scalar", "exists", "any_"}
)
RUN_SQL = frozenset(
    ["text", "execute", "exec", "fetch", "fetchrow", "fetchval", "fetch_all", "fetch_one", "exec_driver_sql", "raw"]
)


def begun(
    reading: Reading,
    node: ast.expr,
    verb: Verb,
    models: tuple[str, ...],
    *,
    legacy: bool = False,
    where: Condition = NOTHING,
) -> Held:
    """A statement that begins here."""
    return Held("statement", statement=Statement(verb, reading.span(node), models, where, legacy))


def made(reading: Reading, node: ast.Call, verb: str, base: Held | None) -> Held | None:
    """A statement that a call begins, lengthens or sends; None for any other call."""
    if base is not None and base.kind == "statement" and base.statement is not None:
        return _lengthened(reading, node, verb, base.statement)
    if verb in RUN_SQL and node.args:
        scope_sql.read_raw(reading, node)
    if reading.classes.get(verb) is not None:
        return scope_bodies.instance(reading, node, verb)
    if verb == "query" and node.args:
        return _selected(reading, node, "select", legacy=True)
    if verb in MAKES and (base is None or base.kind == "value") and _is_maker(reading, node, verb):
        return _selected(reading, node, MAKES[verb])
    row = scope_rows.by_key(reading, node, verb)
    if row is not None:
        return row
    if verb in READS and node.args:
        held = reading.value(node.args[0])
        if held.statement is not None:
            return sent(reading, node, held.statement)
    return None


def _is_maker(reading: Reading, node: ast.Call, verb: str) -> bool:
    """Whether `select(...)` is SQLAlchemy's, and not a method of that name."""
    if isinstance(node.func, ast.Attribute):
        return isinstance(node.func.value, ast.Name) and node.func.value.id in ("sa", "sqlalchemy", "sqlmodel", "sql")
    if verb in ("select", "exists"):
        return True
    return bool(node.args) and reading.value(node.args[0]).kind == "class"


def _selected(reading: Reading, node: ast.Call, verb: Verb, *, legacy: bool = False) -> Held:
    models: list[str] = []
    where = NOTHING
    for one in node.args:
        for held in _parts(reading, one):
            if held.statement is not None:
                where = where & scope_conditions.semijoin(held.statement)
                models += held.statement.models
            else:
                models.append(held.model)
    if not models and verb == "select" and not legacy and node.args and _is_unknown_class(reading, node.args[0]):
        reading.findings.unknown.add(reading.span(node))
    return begun(reading, node, verb, tuple(dict.fromkeys(models)), legacy=legacy, where=where)


def _is_unknown_class(reading: Reading, node: ast.expr) -> bool:
    """Whether what is selected is a class that a value holds: `select(self.model)`, `select(model)`."""
    held = reading.value(node)
    written = ast.unparse(node)
    return held.kind == "value" and isinstance(node, ast.Name | ast.Attribute) and "model" in written.lower()


def _parts(reading: Reading, node: ast.expr) -> Iterator[Held]:
    """The classes, columns and subqueries in an expression that is selected."""
    held = reading.value(node)
    if held.kind in ("class", "column") or held.statement is not None:
        yield held
        return
    if isinstance(node, ast.Call):
        for one in (*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])):
            yield from _parts(reading, one)
    elif isinstance(node, ast.BinOp | ast.Tuple | ast.List | ast.Starred):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from _parts(reading, child)


def _lengthened(reading: Reading, node: ast.Call, verb: str, known: Statement) -> Held:
    """A statement with one more call on it."""
    if known.legacy and verb in LEGACY_ENDS:
        values = [reading.value(one) for one in node.args]
        if verb in ("update", "delete"):
            if values:
                scope_bodies.check_values(reading, node, known, values[0])
            known = replace(known, verb="delete" if verb == "delete" else "update")
        return sent(reading, node, known)
    found = known
    if verb in ("where", "filter", "having"):
        found = known.filtered(scope_conditions.both(reading, node.args))
    elif verb == "filter_by":
        found = known.filtered(_by_names(reading, node, known))
    elif verb in ("join", "outerjoin", "join_from", "select_from"):
        found = _joined(reading, node, verb, known)
    elif verb in ("options", "union", "union_all", "intersect", "add_columns", "with_only_columns"):
        found = _extended(reading, node, verb, known)
    elif verb == "values":
        for one in node.args:
            scope_bodies.check_values(reading, node, known, reading.value(one))
        scope_bodies.check_keywords(reading, node, known)
    else:
        for one in (*node.args, *(word.value for word in node.keywords)):
            inner = reading.value(one)
            if inner.statement is not None:
                found = found.filtered(scope_conditions.semijoin(inner.statement))
    return Held("statement", statement=found)


def _by_names(reading: Reading, node: ast.Call, known: Statement) -> Condition:
    model = known.models[-1] if known.models else ""
    found = NOTHING
    for word in node.keywords:
        value = reading.value(word.value)
        for name, held in ((word.arg, value),) if word.arg else value.pairs:
            found = found & scope_conditions.fixed(reading, Held("column", model=model, attribute=name), held)
    return found


def _joined(reading: Reading, node: ast.Call, verb: str, known: Statement) -> Statement:
    """A join: its condition counts as a filter unless rows without a match stay."""
    if not node.args:
        return known
    outer = verb == "outerjoin" or any(
        word.arg in ("isouter", "full") and ast.unparse(word.value) == "True" for word in node.keywords
    )
    target = reading.value(node.args[0])
    names = list(target.statement.models) if target.statement else [target.model] if target.kind == "class" else []
    links: set[frozenset[str]] = set()
    if target.kind == "column":
        one = reading.classes.get(target.model)
        reached = one.target(target.attribute)[0] if one is not None else ""
        names = [reached] if reached else []
        links |= {frozenset({target.model, reached})} if reached else set()
    stated = [reading.value(one) for one in (*node.args[1:], *(w.value for w in node.keywords if w.arg == "onclause"))]
    on = [scope_conditions.as_condition(reading, one) for one in stated if one.kind == "condition"]
    if not on:
        links |= {
            frozenset({name, other})
            for name in names
            for other in known.models
            if reading.classes.are_joined(name, other)
        }
    condition = Condition(links=frozenset(links))
    for each in on:
        condition = condition & (Condition(opened=each.scoped, asked=each.asked, models=each.models) if outer else each)
    if target.statement is not None and not outer:
        condition = condition & target.statement.where
    if outer:
        condition = replace(condition, links=condition.links | {link for each in on for link in each.links})
        return _outer(known, names, condition)
    return known.with_models(*names).filtered(condition)


def _outer(known: Statement, names: list[str], condition: Condition) -> Statement:
    """Rows of the left side stay without a match: what scopes the right side alone does not scope them."""
    left = set(known.models)
    found = known.with_models(*names)
    kept = frozenset(link for link in condition.links if link & (left & known.where.scoped))
    inner = replace(condition, links=kept or condition.links)
    opened = condition.opened & left
    return replace(found, where=found.where & replace(inner, opened=opened, scoped=condition.opened - left))


def _extended(reading: Reading, node: ast.Call, verb: str, known: Statement) -> Statement:
    found = known
    for one in node.args:
        if verb == "options":
            _loaded(reading, one)
            continue
        for held in _parts(reading, one):
            inner = held.statement
            found = found.or_else(inner) if inner is not None else found.with_models(held.model)
    return found


def _loaded(reading: Reading, node: ast.expr) -> None:
    """`selectinload(Tag.tasks)`: rows of users come along with rows that are everybody's."""
    for one in ast.walk(node):
        if isinstance(one, ast.Call) and ast.unparse(one.func).rpartition(".")[2] in EAGER and one.args:
            column = reading.value(one.args[0])
            owner = reading.classes.get(column.model) if column.kind == "column" else None
            if owner is None or owner.is_owned or owner.is_user:
                continue
            target, many = owner.target(column.attribute)
            if many and reading.classes.is_owned(target):
                reading.fault(
                    "walk", "select", target, one, f"{column.model}.{column.attribute} has those of all users"
                )


def sent(reading: Reading, node: ast.expr, known: Statement) -> Held:
    """A statement that is sent: what of it nothing keeps to one user is reported, or waits for a comparison."""
    if known.verb == "insert":
        return UNKNOWN
    row = Held("row", "row", known.models[0] if known.models else "", many=True)
    asked = [(model, what) for model, what in sorted(known.where.asked) if not what.startswith(scope_conditions.NAMED)]
    for model, what in asked:
        if reading.classes.is_owned(model):
            reading.fault("request", known.verb, model, known.span, f"the owner is compared with {what}")
    left = known.open_models(reading.classes)
    if not left:
        if not asked and any(reading.classes.is_owned(one) for one in known.models):
            reading.findings.kept.add(known.span)
        _tie(reading, known, frozenset())
        return row
    pending: frozenset[int] = frozenset()
    for model in left:
        fault = "opened" if model in known.where.opened else "unscoped"
        access = reading.report(fault, known.verb, model, known.span, _detail(known, model))  # type: ignore[arg-type]
        if access is not None and known.verb in ("update", "delete"):
            reading.findings.faults.append(access)
        else:
            pending |= reading.wait(access)
    _tie(reading, known, pending)
    return replace(row, pending=pending)


def _tie(reading: Reading, known: Statement, pending: frozenset[int]) -> None:
    for model, what in known.where.asked:
        if what.startswith(scope_conditions.NAMED):
            reading.findings.tie(model, what.removeprefix(scope_conditions.NAMED).strip(), pending)


def _detail(known: Statement, model: str) -> str:
    others = [name for name in known.models if name != model]
    return f"joined with {', '.join(others)}" if others else ""
