"""What a script expects to stand and nobody knows: made up as the script uses it, so that it can be carried out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mcp_server.model.names import split

# Kinds that only say how a table is made up.
ON_TABLES = ("primary key", "unique key", "unique index", "plain index", "clustering")


@dataclass(frozen=True, slots=True)
class StandInColumn:
    """A column. required: NOT NULL. tried: the types that it had before, none of which fitted."""

    name: str
    type: str
    required: bool = False
    tried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StandInTable:
    """A table. name: as SQL writes it. key: of PARTITION BY, "" for none. parent, bound: of a partition."""

    name: str
    columns: tuple[StandInColumn, ...] = ()
    unlogged: bool = False
    key: str = ""
    parent: str = ""
    bound: str = ""

    def column(self, name: str) -> StandInColumn | None:
        """The column of that plain name."""
        return next((one for one in self.columns if one.name == name), None)

    def with_column(self, column: StandInColumn) -> StandInTable:
        """The table with one column more, or with another in the place of the one of that name."""
        if self.column(column.name) is None:
            return replace(self, columns=(*self.columns, column))
        return replace(self, columns=tuple(column if one.name == column.name else one for one in self.columns))

    def without_column(self, name: str) -> StandInTable:
        """The table without a column."""
        return replace(self, columns=tuple(one for one in self.columns if one.name != name))


@dataclass(frozen=True, slots=True)
class StandIn:
    """Anything else. kind: "schema", "type", "domain", "index", ... name: as SQL writes it. sql: what makes it. tried: as of columns."""

    kind: str
    name: str
    sql: str
    tried: tuple[str, ...] = ()

    @property
    def is_early(self) -> bool:
        """Whether tables may need it, so that it is made before them."""
        return self.kind in ("schema", "type", "domain", "function", "procedure", "sequence", "extension")


@dataclass(frozen=True, slots=True)
class StandIns:
    """All that was made up, in the order in which it was asked for."""

    tables: tuple[StandInTable, ...] = ()
    others: tuple[StandIn, ...] = ()

    def table(self, name: str) -> StandInTable | None:
        """The table of a name that may lack its schema, or have one more."""
        return next((one for one in self.tables if is_same(one.name, name)), None)

    def other(self, kind: str, name: str) -> StandIn | None:
        """Something else by its kind and name."""
        return next((one for one in self.others if one.kind == kind and is_same(one.name, name)), None)

    def with_table(self, table: StandInTable) -> StandIns:
        """With one table more, or another in the place of the one of that name."""
        if any(one.name == table.name for one in self.tables):
            return replace(self, tables=tuple(table if one.name == table.name else one for one in self.tables))
        return replace(self, tables=(*self.tables, table))

    def with_other(self, item: StandIn) -> StandIns:
        """With one thing more, or another in the place of the one of that kind and name."""
        known = [one for one in self.others if (one.kind, one.name) == (item.kind, item.name)]
        if known:
            return replace(self, others=tuple(item if one in known else one for one in self.others))
        return replace(self, others=(*self.others, item))

    def named(self) -> Iterator[str]:
        """What stands in, for people: `table users (id, email)`, `index orders_idx`."""
        for table in self.tables:
            columns = ", ".join(one.name for one in table.columns)
            yield f"table {table.name} ({columns})" if columns else f"table {table.name}"
        yield from (f"{item.kind} {item.name}" for item in self.others if item.kind not in ON_TABLES)

    def __bool__(self) -> bool:
        return bool(self.tables or self.others)


def is_same(one: str, other: str) -> bool:
    """Whether two names may mean the same object: `task` and `public.task` do, `app.task` and `task` too.

    >>> is_same("app.task", "old.task"), is_same("task", "app.task")
    (False, True)
    """
    first, second = split(one), split(other)
    shared = min(len(first), len(second))
    return shared > 0 and first[-shared:] == second[-shared:]
