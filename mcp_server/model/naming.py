"""What a column's name tells of its meaning, where names are by custom: states, moments, money, references."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
STATES = frozenset({"status", "state", "priority", "role", "severity"})
MONEY = frozenset({"price", "amount", "cost", "balance", "salary", "fee", "budget", "total", "subtotal", "tax"})
TEXTS = ("text", "character varying", "character", "pg_catalog.text", "citext")


def words(name: str) -> tuple[str, ...]:
    """The parts of a name in lower case: `createdAt` and `created_at` alike give ("created", "at")."""
    return tuple(part.lower() for part in _WORDS.findall(name))


def is_state(name: str) -> bool:
    """Whether a column of that name holds one word of a few."""
    return words(name)[-1:] != () and words(name)[-1] in STATES


def is_creation(name: str) -> bool:
    """Whether it tells when a row was made."""
    return words(name) in (("created", "at"), ("created", "on"), ("inserted", "at"), ("creation", "date"), ("created",))


def is_change(name: str) -> bool:
    """Whether it tells when a row was last changed."""
    return words(name) in (("updated", "at"), ("updated", "on"), ("modified", "at"), ("last", "modified"), ("updated",))


def is_moment(name: str) -> bool:
    """Whether it holds a date or a time."""
    parts = words(name)
    return (len(parts) > 1 and parts[-1] in ("at", "date", "datetime", "timestamp", "deadline")) or parts in (
        ("date",),
        ("deadline",),
        ("timestamp",),
        ("birthday",),
        ("birthdate",),
    )


def is_money(name: str) -> bool:
    """Whether it holds an amount of money."""
    parts = words(name)
    return bool(parts) and parts[-1] in MONEY and not {"count", "number", "token", "tokens"} & set(parts)


def is_text(type_: str) -> bool:
    """Whether a column's type is a plain text, of whatever length."""
    return type_.partition("(")[0] in TEXTS


def stem(name: str) -> str:
    """What a column refers to by its name: `user_id` and `userId` give "user", "" when it does not look so."""
    parts = words(name)
    return "_".join(parts[:-1]) if len(parts) > 1 and parts[-1] == "id" else ""


def names_of(thing: str) -> tuple[str, ...]:
    """The names that a table of such things may have: user, users; category, categories."""
    plural = (
        thing[:-1] + "ies"
        if thing.endswith("y") and thing[-2:-1] not in "aeiou"
        else thing + ("es" if thing.endswith(("s", "x", "ch", "sh")) else "s")
    )
    return (thing, plural)
