"""Few rows of a table fit on a page though it is read whole, or the long values that it keeps apart (TOAST) are read with nearly every row.

A wide column costs whoever reads the others: it fills the pages, or it is fetched and unpacked because the statement asks for all
columns. What is rarely wanted belongs into a table of its own, or is left out of the statement.
https://www.postgresql.org/docs/current/storage-toast.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health, TableHealth, megabytes

RULE = Rule(code="H208", severity="info", form="project")
WIDE, LEAST, OFTEN, MANY_BLOCKS = 1_000, 100 * MEGABYTE, 10, 1_000_000


def check(health: Health) -> Iterator[Finding]:
    for table in health.tables:
        if _fills_pages(table):
            yield RULE.found(
                subject=table.identity,
                message=f"A row of {table.identity} has {table.width:,} bytes, and all of them were read about "
                f"{table.rows_scanned / table.rows:,.0f} times." + _wide_columns(table),
                evidence=f"observed: {megabytes(table.size)}, {table.rows_scanned:,} rows read in scans of {health.server.counted_days:.0f} days",
                fix="Move the wide columns that lists do not show into a table of their own, one row to one; or give the scans an index.",
            )
        elif _reads_long_values(table):
            yield RULE.found(
                subject=table.identity,
                message=f"The long values of {table.identity} ({megabytes(table.toast_size)} beside {megabytes(table.size)}) are read with "
                "nearly every row." + _wide_columns(table),
                evidence=f"observed: {table.toast_blocks:,} pages of them for {table.rows_read:,} rows in {health.server.counted_days:.0f} days",
                fix="Name the columns that are wanted instead of all (SQLAlchemy: load_only(), or deferred() in the model). "
                "lz4 unpacks faster: alter table … alter column … set compression lz4 (for new values).",
            )


def _fills_pages(table: TableHealth) -> bool:
    wide = table.width is not None and table.width >= WIDE and table.rows > 0
    return wide and table.size >= LEAST and table.rows_scanned >= OFTEN * table.rows


def _reads_long_values(table: TableHealth) -> bool:
    large = table.toast_size >= max(LEAST, table.size)
    return large and table.toast_blocks >= max(MANY_BLOCKS, table.rows_read)


def _wide_columns(table: TableHealth) -> str:
    return f" Widest: {', '.join(table.wide_columns)}." if table.wide_columns else ""
