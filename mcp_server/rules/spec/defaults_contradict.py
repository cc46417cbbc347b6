"""A column has one default here and another there.

Which of them a new row gets depends on who reads which place. Spellings of one moment, such as NOW() and CURRENT_TIMESTAMP,
are the same.
"""

from collections.abc import Iterator

from mcp_server.model.drift_defaults import plain_default
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.spec_table import Spec, Voice
from mcp_server.model.spec_voices import both_places, columns_of, contradiction, first_place

RULE = Rule(
    code="P104",
    severity="warning",
    form="spec",
    bad="### loans\n- id: int (PK)\n- days: int (default: 7)\n\n```sql\nCREATE TABLE loans (id int PRIMARY KEY, days int DEFAULT 14);\n```",
    good=(
        "### loans\n- id: int (PK)\n- made: timestamp (default: now)\n\n```sql\nCREATE TABLE loans (id int PRIMARY KEY, made TIMESTAMP DEFAULT CURRENT_TIMESTAMP);\n```",
    ),
)


def check(spec: Spec) -> Iterator[Finding]:
    for table, column in columns_of(spec):
        found = contradiction(column, _default, lambda one, other: one != other)
        if found:
            one, other = found
            yield RULE.found(
                subject=f"{table.name}.{column.name}",
                message=f"`{table.name}.{column.name}` has the default {one.column.default} in one place and {other.column.default} in another.",
                evidence=both_places(one, other),
                place=first_place(one, other),
            )


def _default(voice: Voice) -> str | None:
    value = voice.column.default
    return None if value in (None, "?") or "(" in (plain := plain_default(value or "")) else plain.lower()
