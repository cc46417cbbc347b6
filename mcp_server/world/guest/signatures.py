"""What a function's signature says: annotations resolved, dependencies, sessions, names that its code uses."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Any

from .values import is_body

EMPTY = inspect.Parameter.empty


def hints(function: Any) -> dict[str, Any]:
    """The annotations of a function or class, resolved where they can be."""
    target: Any = vars(function).get("__init__", function) if isinstance(function, type) else function
    if not isinstance(target, (type, types.FunctionType, types.MethodType)):
        target = type(target).__call__
    try:
        return typing.get_type_hints(target, include_extras=True)
    except Exception:  # noqa: BLE001 - a name that is there for type checkers alone, or anything else
        return {name: _resolved(text, target) for name, text in getattr(target, "__annotations__", {}).items()}


def _resolved(text: Any, function: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return eval(text, getattr(function, "__globals__", {}))  # as typing does with the project's own annotations
    except Exception:  # noqa: BLE001
        return EMPTY


def names_in(function: Any) -> set[str]:
    """The names that a function's code uses."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    found: set[str] = set()
    todo = [code] if code is not None else []
    while todo:
        one = todo.pop()
        found |= set(one.co_names) | set(one.co_freevars)
        todo += [inner for inner in one.co_consts if isinstance(inner, types.CodeType)]
    return found


def depends(one: inspect.Parameter, annotation: Any) -> Any:
    """What provides a parameter: `= Depends(f)` or Annotated; () for `Depends()`; None for a plain one."""
    for marker in (one.default, *getattr(annotation, "__metadata__", ())):
        if type(marker).__name__ in ("Depends", "Security") and hasattr(marker, "dependency"):
            return marker.dependency or ()
    return None


def marker_of(one: inspect.Parameter, annotation: Any) -> Any:
    """FastAPI's `Query(...)` and its like; None for none."""
    for marker in (one.default, *getattr(annotation, "__metadata__", ())):
        if str(type(marker).__module__).startswith("fastapi.param"):
            return marker
    return None


def is_session(kind: Any) -> bool:
    """Whether a class is SQLAlchemy's Session or AsyncSession, or one of theirs."""
    from sqlalchemy.orm import Session

    return isinstance(kind, type) and (issubclass(kind, Session) or is_asynchronous(kind))


def is_asynchronous(kind: Any) -> bool:
    """Whether a session's class is an asynchronous one."""
    from sqlalchemy.ext.asyncio import AsyncSession

    return isinstance(kind, type) and issubclass(kind, AsyncSession)


def default_session(function: Any) -> Any:
    """The class of a session that no annotation tells: SQLModel's where it is installed."""
    is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    try:
        if is_async:
            from sqlmodel.ext.asyncio.session import AsyncSession as Asynchronous

            return Asynchronous
        from sqlmodel import Session as Plain

        return Plain
    except ImportError:
        from sqlalchemy.ext.asyncio import AsyncSession
        from sqlalchemy.orm import Session

        return AsyncSession if is_async else Session


def is_scheme(provider: Any) -> bool:
    """Whether a dependency is one of FastAPI's own that reads a token from the request."""
    return str(type(provider).__module__).startswith(("fastapi.security", "fastapi_users", "starlette"))


def is_request(kind: Any) -> bool:
    """Whether a class is that of a request."""
    return getattr(kind, "__name__", "") in ("Request", "HTTPConnection", "WebSocket") and not is_body(kind)


def is_list(kind: Any) -> bool:
    """Whether an annotation is a list of something."""
    return typing.get_origin(kind) in (list, set, tuple, frozenset)
