"""Rules: one file each, named by the fault; the folder says what is judged. Being in a folder is being registered.

A rule's module has RULE, and `check`, whose first parameter's annotation says what it judges. Its docstring is its page.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from mcp_server.model.finding import Finding, Report, Rule


@dataclass(frozen=True, slots=True)
class Registered:
    """A rule with what its file says of it. name: the file's. subject: the class that it judges, by its name."""

    name: str
    rule: Rule
    subject: str
    page: str
    check: Callable[[Any], Iterable[Finding]]


@cache
def rules() -> tuple[Registered, ...]:
    """Every rule of this package, by code."""
    found = (_registered(module) for module in _modules())
    return tuple(sorted((one for one in found if one), key=lambda one: one.rule.code))


def _modules() -> Iterable[ModuleType]:
    for info in pkgutil.walk_packages(__path__, __name__ + "."):
        yield import_module(info.name)


def _registered(module: ModuleType) -> Registered | None:
    rule = getattr(module, "RULE", None)
    if not isinstance(rule, Rule):
        return None
    judged = next(iter(inspect.signature(module.check).parameters.values())).annotation
    subject = getattr(judged, "__name__", str(judged))
    return Registered(module.__name__.rpartition(".")[2], rule, subject, inspect.getdoc(module) or "", module.check)


def judge(*subjects: object) -> Report:
    """What every rule for these values finds."""
    return Report.of(
        finding
        for subject in subjects
        for one in rules()
        if one.subject == type(subject).__name__
        for finding in one.check(subject)
    )


def rule_of(code: str) -> Registered | None:
    """The rule of a code, or None."""
    return next((one for one in rules() if one.rule.code == code), None)
