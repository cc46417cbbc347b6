"""Rows go with their parent here, and keep it from going there.

ON DELETE decides whether data are lost or a delete is refused: the two are opposite intents.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.spec_table import Spec, Voice
from mcp_server.model.spec_voices import both_places, columns_of, contradiction, first_place

RULE = Rule(
    code="P107",
    severity="error",
    form="spec",
    bad="### loans\n- id: int (PK)\n- reader_id: int (FK -> readers.id, on delete restrict)\n\n### readers\n- id: int (PK)\n\n### Relationships\n- loans.reader_id → readers.id (ON DELETE CASCADE)",
    good=(
        "### loans\n- id: int (PK)\n- reader_id: int (FK -> readers.id)\n\n### readers\n- id: int (PK)\n\n### Relationships\n- loans.reader_id → readers.id (ON DELETE CASCADE)",
    ),
)


def check(spec: Spec) -> Iterator[Finding]:
    for table, column in columns_of(spec):
        found = contradiction(column, _rule, lambda one, other: one != other)
        if found:
            one, other = found
            yield RULE.found(
                subject=f"{table.name}.{column.name}",
                message=f"When its parent is deleted, `{table.name}.{column.name}` does {_rule(one)} in one place and {_rule(other)} in another.",
                evidence=both_places(one, other),
                place=first_place(one, other),
            )


def _rule(voice: Voice) -> str | None:
    return voice.column.reference.on_delete or None if voice.column.reference else None
