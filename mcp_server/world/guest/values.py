"""Values for a call that nobody states: an id as its annotation wants it, a body that its class accepts."""

from __future__ import annotations

import datetime
import decimal
import enum
import inspect
import typing
import uuid
from collections.abc import Callable
from typing import Any

TEXT = "dbarch"
MADE: dict[Any, Callable[[], Any]] = {
    str: lambda: TEXT, int: lambda: 1, float: lambda: 1.0, bool: lambda: False, bytes: lambda: b"", uuid.UUID: uuid.uuid4,
    decimal.Decimal: lambda: decimal.Decimal(1), datetime.datetime: lambda: datetime.datetime.now(datetime.timezone.utc),  # noqa: UP017 - Python 3.9
    datetime.date: lambda: datetime.date(2030, 1, 1), datetime.time: lambda: datetime.time(12), list: list, dict: dict, set: set,
    tuple: tuple,
}  # fmt: skip


class Unfilled(Exception):
    """An argument for which no value can be made, and why."""


def bare(annotation: Any) -> Any:
    """An annotation without what wraps it: Annotated, Optional, a union with None."""
    if hasattr(annotation, "__metadata__"):
        return bare(annotation.__origin__)
    if is_union(annotation):
        kinds = [one for one in typing.get_args(annotation) if one is not type(None)]
        return bare(kinds[0]) if kinds else annotation
    return annotation


def is_union(annotation: Any) -> bool:
    """Whether an annotation is `A | B`, in either way of writing it."""
    return typing.get_origin(annotation) is typing.Union or type(annotation).__name__ == "UnionType"


def is_optional(annotation: Any) -> bool:
    """Whether None will do."""
    if hasattr(annotation, "__metadata__"):
        return is_optional(annotation.__origin__)
    return is_union(annotation) and type(None) in typing.get_args(annotation)


def as_kind(text: str, annotation: Any, column: Any = None) -> Any:
    """A value that the database gave as text, as an annotation wants it; else as the column's own type."""
    kind = bare(annotation)
    if typing.get_origin(kind) in (list, set, tuple, frozenset):
        inner = (*typing.get_args(kind), Any)[0]
        return typing.get_origin(kind)([as_kind(text, inner, column)])
    if kind in (list, set, tuple):
        return kind([as_kind(text, Any, column)])
    if not isinstance(kind, type) or kind in (Any, object, inspect.Parameter.empty):
        kind = python_type(column)
    try:
        return _converted(text, kind)
    except (ValueError, TypeError, decimal.InvalidOperation) as error:
        raise Unfilled(f"{text!r} is no {getattr(kind, '__name__', kind)}") from error


def _converted(text: str, kind: Any) -> Any:
    if kind is bool:
        return text in ("t", "true", "True", "1")
    if kind in (int, float, str, uuid.UUID, decimal.Decimal) or not isinstance(kind, type):
        of_text: Any = kind
        return of_text(text) if isinstance(kind, type) else text
    if kind in (datetime.datetime, datetime.date, datetime.time):
        return kind.fromisoformat(text)
    if issubclass(kind, enum.Enum):
        named = getattr(kind, "__members__", {})
        return named[text] if text in named else kind(text)
    made_of: Any = kind
    return made_of(text)


def python_type(column: Any) -> Any:
    """What Python holds of a column's values; str where that is not known."""
    try:
        return column.type.python_type
    except (AttributeError, NotImplementedError):
        return str


def made(annotation: Any, name: str = "", depth: int = 0) -> Any:
    """Some value of a kind. Raises Unfilled."""
    kind = bare(annotation)
    origin = typing.get_origin(kind)
    if ("email" in name.lower() and kind in (str, Any)) or getattr(kind, "__name__", "") == "EmailStr":
        return "somebody@example.com"
    if origin is typing.Literal:
        return typing.get_args(kind)[0]
    if origin in MADE:
        return MADE[origin]()
    if kind in MADE:
        return MADE[kind]()
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return next(iter(kind))
    if is_body(kind) and depth < 3:
        return body(kind, {}, depth + 1)
    if is_optional(annotation):
        return None
    if kind in (Any, object, inspect.Parameter.empty):
        return TEXT
    raise Unfilled(f"nothing is known that would be a {getattr(kind, '__name__', kind)}")


def is_body(kind: Any) -> bool:
    """Whether a class is a pydantic model, or a SQLModel, mapped or not."""
    return isinstance(kind, type) and hasattr(kind, "model_fields")


def fields(kind: Any) -> dict[str, Any]:
    """The fields of a body's class."""
    found: dict[str, Any] = dict(kind.model_fields)
    return found


def body(kind: Any, given: dict[str, Any], depth: int = 0) -> Any:
    """A body with these values, and with what else its class asks for. Raises Unfilled."""
    known = fields(kind)
    values = {_alias(name, known[name]): value for name, value in given.items() if name in known}
    first_text = not given
    for name, field in known.items():
        if name in given:
            continue
        if field.is_required():
            values[_alias(name, field)] = _fitting(made(field.annotation, name, depth), field)
        elif bare(field.annotation) is str and (first_text or not values):
            values[_alias(name, field)], first_text = _fitting(made(field.annotation, name, depth), field), False
    try:
        validate: Any = getattr(kind, "model_validate", kind)
        return validate(values)
    except Exception as error:
        words = " ".join(str(error).split())[:160]
        raise Unfilled(f"a {kind.__name__} with made-up values is refused: {words}") from error


def _alias(name: str, field: Any) -> str:
    alias = getattr(field, "validation_alias", None) or getattr(field, "alias", None)
    return alias if isinstance(alias, str) else name


def _fitting(value: Any, field: Any) -> Any:
    """A made-up text or number within the bounds that a field states."""
    for one in getattr(field, "metadata", ()):
        least, most = getattr(one, "min_length", None), getattr(one, "max_length", None)
        if isinstance(value, str) and "@" not in value:
            value = value.ljust(least or 0, "x")[: most or None]
        low = getattr(one, "ge", None) if getattr(one, "gt", None) is None else one.gt + 1
        if isinstance(value, (int, float)) and not isinstance(value, bool) and low is not None:
            value = max(value, type(value)(low))
    return value
