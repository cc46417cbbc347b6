"""A statement of the user's own, named `module:function` or `module:name`, compiled for PostgreSQL. Nothing is connected to."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from typing import Any

from .guard import Guard
from .places import Place
from .probe import prefer, roots_for

SESSIONS = ("session", "db", "conn", "connection", "s")


class NoStatement(Exception):
    """What was named is, or gives, no statement."""


class Captured(BaseException):
    """A session was handed a statement; no `except Exception` of the user's may swallow it."""

    def __init__(self, statement: Any) -> None:
        super().__init__()
        self.statement = statement


class Listening:
    """Stands in for a session: the first statement that it is given is the answer."""

    def exec(self, statement: Any, *_: Any, **__: Any) -> Any:
        raise Captured(statement)

    execute = scalars = scalar = stream = stream_scalars = exec


def compile_statement(request: dict[str, Any], guard: Guard) -> dict[str, Any]:
    """request: name (`app.queries:latest`), arguments. -> sql with `$n`, values, the file and line of its function."""
    module_name, _, path = request["name"].partition(":")
    roots = roots_for([module_name], guard.project)
    prefer(roots)
    if not roots and importlib.util.find_spec(module_name.partition(".")[0]) is None:
        raise NoStatement(f"no folder of the project holds the module {module_name}")
    module = importlib.import_module(module_name)
    found: Any = module
    for part in path.split("."):
        if not hasattr(found, part):
            names = sorted(
                name
                for name, value in vars(module).items()
                if inspect.isfunction(value) and value.__module__ == module_name
            )
            raise NoStatement(f"{module_name} has no {path}; its functions are {', '.join(names[:20]) or 'none'}")
        found = getattr(found, part)
    place = _place(found, guard)
    statement = _statement(found, list(request["arguments"]), request["name"])
    sql, values = _compiled(statement)
    return {"sql": sql, "values": values, "place": place}


def _place(found: Any, guard: Guard) -> Place:
    try:
        return Place(guard.project.name(inspect.getsourcefile(found) or ""), inspect.getsourcelines(found)[1])
    except (TypeError, OSError):
        return Place()


def _statement(found: Any, arguments: list[Any], name: str) -> Any:
    is_code = inspect.isfunction(found) or inspect.ismethod(found)
    given = _called(found, arguments, name) if is_code else found
    if not hasattr(given, "compile"):
        raise NoStatement(f"{name} gives a {type(given).__name__}, which is no SQLAlchemy statement")
    return given


def _called(function: Any, arguments: list[Any], name: str) -> Any:
    """What a function returns, or the first statement that it gives to its session."""
    left, given, missing = list(arguments), {}, []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.name in SESSIONS or "Session" in str(parameter.annotation):
            given[parameter.name] = Listening()
        elif left:
            given[parameter.name] = left.pop(0)
        elif parameter.default is parameter.empty:
            missing.append(parameter.name)
    if missing:
        raise NoStatement(f"{name} wants values for {', '.join(missing)}")
    try:
        result = function(**given)
        if inspect.iscoroutine(result):
            try:
                result.send(None)
            except StopIteration as ended:
                return ended.value
            finally:
                result.close()
            raise NoStatement(f"{name} waits for something else before it gives its session a statement")
    except Captured as captured:
        return captured.statement
    return result


def _compiled(statement: Any) -> tuple[str, list[Any]]:
    from sqlalchemy.dialects.postgresql import asyncpg

    dialect = asyncpg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    parameters = compiled.construct_params()
    order = compiled.positiontup or []
    return str(compiled), [_plain(compiled, name, parameters[name]) for name in order]


def _plain(compiled: Any, name: str, value: Any) -> Any:
    """A value as JSON carries it, after the column's own type has turned it into what the database stores."""
    bound = compiled.binds.get(name)
    kind = getattr(bound, "type", None)
    processor = kind.dialect_impl(compiled.dialect).bind_processor(compiled.dialect) if kind is not None else None
    if processor is not None and value is not None:
        value = processor(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(compiled, "", item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(compiled, "", item) for key, item in value.items()}
    return value.name if hasattr(type(value), "__members__") else str(value)
