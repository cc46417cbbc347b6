"""Renames: only when the caller says so."""

from __future__ import annotations

from mcp_server.model.change import Renamed
from mcp_server.model.plan import Step
from mcp_server.model.schema import Schema


def renamed(schema: Schema, renames: tuple[Renamed, ...]) -> Schema:
    return schema


def rename_steps(renames, schema) -> tuple[Step, ...]:
    return ()
