"""Rows put into a copy before a walk, and looked for after each of its stages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from mcp_server.model.observation import LostValues, Rows
from mcp_server.model.schema import Schema
from mcp_server.world.database import translating
from mcp_server.world.row_comparison import Snapshot, compare_rows, read_rows
from mcp_server.world.rows import Filled, fill

if TYPE_CHECKING:
    from asyncpg import Connection, Record


class RowWatch:
    """The generated rows of one walk. renames: {old identity: new identity} of tables and columns, as an upgrade makes them.

    only: the tables to fill, with those that they refer to; None for all.
    """

    def __init__(
        self, connection: Connection[Record], renames: Mapping[str, str], only: Collection[str] | None = None
    ) -> None:
        self._connection = connection
        self._renames = renames
        self._only = only
        self._filled = Filled()
        self._before: dict[str, Snapshot] = {}
        self._lost: dict[str, LostValues] = {}
        self._down: dict[str, LostValues] = {}

    async def begin(self, schema: Schema) -> None:
        """Fill the copy, which looks like `schema`."""
        with translating("filling a copy with rows"):
            self._filled = await fill(self._connection, schema, only=self._only)
            self._before = await read_rows(self._connection, schema, list(self._filled.rows))

    def continue_on(self, connection: Connection[Record]) -> None:
        """Look on another connection to the same copy from now on."""
        self._connection = connection

    async def look(self, schema: Schema, *, is_up: bool, is_first: bool) -> None:
        """Look for the rows after a stage that has led to `schema`."""
        renames = self._renames if is_up else {}
        names = [*self._before, *(renames[name] for name in self._before if name in renames)]
        with translating("reading rows of a copy"):
            after = await read_rows(self._connection, schema, names)
            found = await compare_rows(self._connection, self._before, after, renames)
        lost = self._lost if is_first else self._down
        lost.update({one.column: one for one in found if one.column not in self._lost and one.column not in lost})

    def told(self) -> Rows:
        """What became of them so far."""
        return Rows(
            dict(self._filled.rows), dict(self._filled.unfilled), tuple(self._lost.values()), tuple(self._down.values())
        )
