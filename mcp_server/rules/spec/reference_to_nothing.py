"""A foreign key leads to a table that no document states.

It cannot be made. Either the table is missing from the spec, or its name is spelled otherwise; one that others own is named as
theirs: "(Managed by Better Auth)".
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.spec_table import Spec
from mcp_server.model.spec_voices import columns_of

RULE = Rule(
    code="P202",
    severity="warning",
    form="spec",
    bad="### loans\n- id: int (PK)\n- reader_id: int (foreign key -> readers.id)",
    good=(
        "### loans\n- id: int (PK)\n- reader_id: int (foreign key -> readers.id)\n\n### readers (Managed by Better Auth)",
        "### loans\n- id: int (PK)\n- reader_id: int (foreign key)",
        "## New Tables\n\n### loans\n- id: int (PK)\n- reader_id: int (foreign key -> readers.id)",
    ),
)


def check(spec: Spec) -> Iterator[Finding]:
    for table, column in columns_of(spec):
        voice = column.reference
        led = voice.column.reference if voice else None
        if spec.incremental or voice is None or led is None or not led.table or spec.table(led.table):
            continue
        yield RULE.found(
            subject=f"{table.name}.{column.name}",
            message=f"`{table.name}.{column.name}` leads to `{led.table}`, which no document states.",
            fix=f"State `{led.table}`, or name its owner: `### {led.table} (Managed by Better Auth)`.",
            place=str(voice.place),
        )
