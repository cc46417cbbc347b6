"""What a shell can give for an operation's arguments, and what the operation gets for it."""

from __future__ import annotations

import sys
from typing import Any, get_args, get_origin

from mcp_server.door import Argument


def pair_of(argument: Argument) -> str:
    """How one entry of a mapping is written on the line."""
    return "OLD=NEW" if argument.name == "renames" else "KEY=VALUE"


def shell_type(kind: Any) -> tuple[Any, bool]:
    """The type that a shell can give for an operation's: a list of words for tuples and mappings."""
    options = [part for part in get_args(kind) if part is not type(None)] if type(None) in get_args(kind) else [kind]
    for option in options:
        origin = get_origin(option) or option
        if origin in (tuple, list, dict):
            return list[str], True
    return (kind, False) if len(options) == 1 else (str | None, False)


def understood(argument: Argument, value: Any) -> Any:
    """A value of the line as the operation wants it: `-` is stdin, words with `=` are a mapping.

    Raises ValueError for a word that is no entry of a mapping.
    """
    if argument.required and value == "-":
        return sys.stdin.read()
    if not isinstance(value, list | tuple):
        return value
    kinds = [get_origin(part) or part for part in (argument.type, *get_args(argument.type))]
    if dict not in kinds:
        return tuple(value) if value else argument.default
    if wrong := [word for word in value if "=" not in word]:
        raise ValueError(f"`{wrong[0]}` is not {pair_of(argument)}")
    pairs = {old: new for old, _, new in (word.partition("=") for word in value)}
    return pairs or argument.default
