"""A foreign key is stated in one place, and in another it is said that there is none.

With the key Postgres refuses rows without their parent, and needs the parent's table in the same database; without it nobody
does. Both cannot be meant: with tables that others own it decides whether migrations run in the right order.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.spec import StatedKey, alike
from mcp_server.model.spec_table import Spec, SpecColumn, SpecTable
from mcp_server.model.spec_voices import columns_of

RULE = Rule(
    code="P106",
    severity="error",
    form="spec",
    bad="### loans\n- id: int (PK)\n- reader_id: int (foreign key -> readers.id)\n\n### readers\n- id: int (PK)\n\n## Notes\n- There is no foreign key to the readers table",
    good=(
        "### loans\n- id: int (PK)\n- reader_id: int (not null)\n\n### readers\n- id: int (PK)\n\n## Notes\n- There is no foreign key to the readers table",
    ),
)


def check(spec: Spec) -> Iterator[Finding]:
    denied = [key for document in spec.documents for key in document.keys if key.denied]
    for table, column in columns_of(spec):
        reference = column.reference
        key = next((one for one in denied if _denies(one, table, column)), None)
        if reference is not None and key is not None:
            yield RULE.found(
                subject=f"{table.name}.{column.name}",
                message=f"`{table.name}.{column.name}` is a foreign key in one place, and another says that there is none.",
                evidence=f"{reference.place} and {key.place}",
                place=str(reference.place),
            )


def _denies(key: StatedKey, table: SpecTable, column: SpecColumn) -> bool:
    led = column.reference.column.reference if column.reference else None
    if led is None or (key.table and alike(key.table) != alike(table.name)):
        return False
    return not key.reference.table or alike(key.reference.table) == alike(led.table)
