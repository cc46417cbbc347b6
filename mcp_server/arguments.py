"""How a tool's arguments are stated to a client, and what is said of those that do not fit."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, get_origin

from pydantic import BeforeValidator, Field, ValidationError

from mcp_server.door import Contract

SHOWN = 60


def signed(function: Callable[..., Any], context: Any, contract: Contract) -> Callable[..., Any]:
    """The function with the contract's parameters as its signature, after one called `mcp_context` of that type."""
    parameters = [inspect.Parameter("mcp_context", inspect.Parameter.KEYWORD_ONLY, annotation=context)]
    for argument in contract.arguments:
        notes: list[Any] = [Field(description=argument.description)] if argument.description else []
        if get_origin(argument.type) is tuple:
            notes.append(BeforeValidator(_as_many))
        kind = Annotated[(argument.type, *notes)] if notes else argument.type
        parameters.append(
            inspect.Parameter(argument.name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=argument.default)
        )
    function.__signature__ = inspect.Signature(parameters, return_annotation=str)  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return function


def stated(schema: dict[str, Any]) -> dict[str, Any]:
    """A tool's input schema as it is sent: without titles that only repeat names, and closed."""
    return {**_untitled(schema), "additionalProperties": False}


def unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """What is said of a name that is not known: the nearest, or all."""
    near = get_close_matches(name, known, n=1)
    advice = f"Did you mean `{near[0]}`?" if near else f"Known are: {', '.join(known)}."
    return f"There is no {kind} called `{name[:SHOWN]}`. {advice}"


def mistakes(name: str, error: ValidationError) -> str:
    """What is wrong with the arguments, one line each, in our own words where the kind is common."""
    lines = [f"{name} cannot be called like this:"]
    for found in error.errors(include_url=False, include_context=False):
        place = ".".join(str(part) for part in found["loc"])
        got = "" if found["type"] == "missing" else f", not {_short(found['input'])}"
        lines.append(f"- `{place}`: {found['msg']}{got}")
    return "\n".join(lines)


def _as_many(value: Any) -> Any:
    """One text where a list of texts is wanted means a list of one."""
    return [value] if isinstance(value, str) else value


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str):
            continue
        if key in ("properties", "$defs"):
            kept[key] = {name: _untitled(part) for name, part in value.items()}
        elif isinstance(value, dict) and key not in ("default", "const"):
            kept[key] = _untitled(value)
        elif key in ("anyOf", "oneOf", "allOf", "prefixItems"):
            kept[key] = [_untitled(part) for part in value]
        else:
            kept[key] = value
    return kept


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
