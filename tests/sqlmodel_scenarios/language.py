"""How the scenarios speak: models before, models after, and what is expected of the way between.

Scenario("a check is added", task(age=f(int)), task(age=f(int), args=lambda: (sa.CheckConstraint("age > 0", name="of_age"),)))
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

Base = type[SQLModel]


@dataclass(frozen=True)
class Of:
    """A field: its annotation, and what Field() is given; what can be called is called anew for each class."""

    annotation: Any
    given: Mapping[str, Any] = field(default_factory=dict, hash=False)


def f(annotation: Any, **given: Any) -> Of:
    """A field by its annotation."""
    return Of(annotation, given)


def column(make: Callable[[], sa.Column[Any]]) -> Of:
    """A field by a column of SQLAlchemy's own."""
    return Of(Any, {"sa_column": make})


@dataclass(frozen=True)
class Model:
    """A table's class. args: makes the constraints and indexes of `__table_args__`; options: the dictionary behind them."""

    name: str
    fields: Mapping[str, Of] = field(hash=False)
    args: Callable[[], Iterable[Any]] = field(default=lambda: (), hash=False)
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def declare(self, base: Base) -> None:
        """Make the class on a base with a registry of its own."""
        body: dict[str, Any] = {"__module__": __name__, "__annotations__": {}}
        for name, of in self.fields.items():
            given = {key: value() if key == "sa_column" else value for key, value in of.given.items()}
            body["__annotations__"][name] = of.annotation
            body[name] = Field(**given)
        body["__table_args__"] = (*self.args(), dict(self.options))
        type(base)(self.name, (base,), body, table=True)


@dataclass(frozen=True)
class Beside:
    """What stands in the MetaData beside the tables."""

    add: Callable[[sa.MetaData], Any]

    def declare(self, base: Base) -> None:
        self.add(base.metadata)


def model(name: str, /, args: Callable[[], Iterable[Any]] = lambda: (), options: Any = None, **fields: Of) -> Model:
    """A class with just these fields."""
    return Model(name, fields, args, options or {})


def task(args: Callable[[], Iterable[Any]] = lambda: (), options: Any = None, **fields: Of) -> Model:
    """The class that most scenarios change: a key `id`, and these fields."""
    return model("Task", args, options, id=f(int | None, default=None, primary_key=True), **fields)


def team(**fields: Of) -> Model:
    """A second class with a key `id`."""
    return model("Team", id=f(int | None, default=None, primary_key=True), **fields)


def values(*names: str, of: str = "Mood") -> type[enum.Enum]:
    """An enumeration whose members are called like their values."""
    return enum.Enum(of, {name: name for name in names}, type=str)


@dataclass(frozen=True)
class Scenario:
    """One change.

    beside: SQL that is in the database and not in the models. rows: inserted before the upgrade; check: true after it, as is `back`
    after the downgrade. likely: what looks renamed, as `renames` takes it. renames: what the caller says. warns: words that
    a step's reason or a loss holds. residue: words of what has no recipe. steps: how many statements the upgrade has at most.
    kept: the database has more than the models and keeps it, or Postgres keeps the name of a NOT NULL through a rename.
    others: tables that the project's settings call external.
    """

    name: str
    before: Model | tuple[Model | Beside, ...]
    after: Model | tuple[Model | Beside, ...]
    beside: str = ""
    rows: str = "select"
    check: str = "select true"
    back: str = "select true"
    likely: Mapping[str, str] = field(default_factory=dict, hash=False)
    renames: Mapping[str, str] = field(default_factory=dict, hash=False)
    warns: str = ""
    residue: str = ""
    steps: int = 99
    kept: bool = False
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


def metadata_of(models: Model | tuple[Model | Beside, ...]) -> sa.MetaData:
    """The MetaData of some models, in a registry of their own."""
    own = registry()
    base: Base = type(SQLModel)("Own", (SQLModel,), {"__module__": __name__}, registry=own)
    for one in models if isinstance(models, tuple) else (models,):
        one.declare(base)
    return base.metadata
