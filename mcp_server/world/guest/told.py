"""What a function gave, as paths with texts: to be compared with what it gives when another user's rows are gone."""

from __future__ import annotations

import dataclasses
import enum
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

DEEPEST, MOST = 8, 4_000
PLAIN = (str, bytes, int, float, bool, type(None))


class NoAnswer(Exception):
    """What was given is no answer yet: a statement that somebody else must run."""


@dataclasses.dataclass
class Told:
    """One call: what came back or was raised. leaves: path -> text. rows: (table, key) of the mapped rows in it.

    before, after: all rows of users, from look(); after: None where it could not be asked. outside: it used a connection that is
    not the call's. unfilled: why it was not called. is_tied: a foreign key of other rows stopped it.
    """

    leaves: dict[str, str] = dataclasses.field(default_factory=dict)
    rows: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    error: str = ""
    place: str = ""
    before: frozenset[tuple[str, str, str, str]] = frozenset()
    after: frozenset[tuple[str, str, str, str]] | None = None
    outside: bool = False
    refused: list[str] = dataclasses.field(default_factory=list)
    unfilled: str = ""
    is_tied: bool = False


def read(told: Told, value: Any, response_model: Any) -> None:
    """Note what a call gave. In the session that it used: what is not loaded yet is loaded, where an answer would."""
    if is_statement(value):
        raise NoAnswer("it gives a statement and runs none")
    value = listed(value)
    _gather(told, value, set(), 0)
    shaped = _shaped(value, response_model)
    for number, (path, text) in enumerate(_leaves(shaped, "", 0, set())):
        if number >= MOST:
            break
        told.leaves[path] = text


def listed(value: Any) -> Any:
    """Results, queries and generators as lists."""
    from sqlalchemy.engine import MappingResult, Result, ScalarResult
    from sqlalchemy.orm import Query

    if isinstance(value, (Result, ScalarResult, MappingResult)):
        return list(value.all())
    if isinstance(value, Query) or (hasattr(value, "__next__") and hasattr(value, "__iter__")):
        return list(itertools.islice(value, MOST))
    return value


def is_statement(value: Any) -> bool:
    """Whether a value is SQL that was not run."""
    from sqlalchemy.sql import ClauseElement

    return isinstance(value, ClauseElement)


def _shaped(value: Any, response_model: Any) -> Any:
    """As a route's response model would have it; as it is where there is none, or where it does not fit."""
    if response_model is None or is_response(value):
        return value
    try:
        from pydantic import TypeAdapter

        adapter = TypeAdapter(response_model)
        return adapter.dump_python(adapter.validate_python(value, from_attributes=True))
    except Exception:  # noqa: BLE001 - the project's own validators may raise anything; then what was given counts
        return value


def is_response(value: Any) -> bool:
    """Whether a value is a ready answer: bytes, or a stream of them."""
    return hasattr(value, "status_code") and (hasattr(value, "body") or hasattr(value, "body_iterator"))


def mapper_of(value: Any) -> Any:
    """The mapper of a row, None for anything else."""
    from sqlalchemy import inspect

    state = inspect(value, raiseerr=False) if not isinstance(value, (type, *PLAIN)) else None
    mapper = getattr(state, "mapper", None)
    return mapper if mapper is not None and state is not value and hasattr(state, "identity") else None


def key_of(value: Any) -> tuple[str, str]:
    """The table of a row, `schema.name`, and its key as texts."""
    mapper = mapper_of(value)
    table = mapper.local_table
    key = "|".join(str(part) for part in mapper.primary_key_from_instance(value))
    return f"{table.schema or 'public'}.{table.name}", key


def _gather(told: Told, value: Any, seen: set[int], depth: int) -> None:
    """The mapped rows in a value, as far as they are loaded."""
    if id(value) in seen or depth > DEEPEST or isinstance(value, PLAIN):
        return
    seen.add(id(value))
    if mapper_of(value) is not None:
        told.rows.add(key_of(value))
        inner: Any = [one for name, one in vars(value).items() if not name.startswith("_")]
    elif isinstance(value, Mapping):
        inner = value.values()
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner = value
    else:
        inner = list(vars(value).values()) if hasattr(value, "__dict__") and not isinstance(value, type) else ()
    for one in inner:
        _gather(told, one, seen, depth + 1)


def _leaves(value: Any, path: str, depth: int, seen: set[int]) -> Iterator[tuple[str, str]]:
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, PLAIN) or depth > DEEPEST:
        yield path, repr(value) if isinstance(value, PLAIN) else type(value).__name__
        return
    if id(value) in seen:
        return
    inner = _parts(value)
    if inner is None:
        yield path, _text(value)
        return
    below = seen | {id(value)}
    yield f"{path}#", str(len(inner))
    for name, one in inner:
        yield from _leaves(one, f"{path}.{name}", depth + 1, below)


def _parts(value: Any) -> Any:
    """What a value is made of, by name; None for a single one."""
    if mapper_of(value) is not None:
        return [(name, one) for name, one in sorted(vars(value).items()) if not name.startswith("_")]
    if isinstance(value, Mapping):
        return [(str(name), one) for name, one in value.items()]
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    if isinstance(value, (set, frozenset)):
        return list(enumerate(sorted(value, key=repr)))
    if is_response(value):
        body = getattr(value, "body", b"")
        return [("status", value.status_code), ("body", bytes(body or b""))]
    if dataclasses.is_dataclass(value) or hasattr(type(value), "model_fields") or hasattr(type(value), "__fields__"):
        return [(name, one) for name, one in sorted(vars(value).items()) if not name.startswith("_")]
    return None


def _text(value: Any) -> str:
    """A single value; of one whose text is its address, its kind."""
    text = str(value)
    return type(value).__name__ if " at 0x" in text else text
