"""A column is required here and optional there.

Rows that one part of the program writes are refused, or the other part meets a NULL that it does not expect. Silence is no
contradiction: a column that one place calls required and another does not speak of is required.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.spec_table import Spec, Voice
from mcp_server.model.spec_voices import both_places, columns_of, contradiction, first_place

RULE = Rule(
    code="P103",
    severity="warning",
    form="spec",
    bad="### loans\n- id: int (PK)\n- note: text (optional)\n\n```sql\nCREATE TABLE loans (id int PRIMARY KEY, note TEXT NOT NULL);\n```",
    good=(
        "### loans\n- id: int (PK)\n- note: text (required)\n\n```sql\nCREATE TABLE loans (id int PRIMARY KEY, note TEXT);\n```",
    ),
)


def check(spec: Spec) -> Iterator[Finding]:
    for table, column in columns_of(spec):
        found = None if column.is_key else contradiction(column, _nullable, lambda one, other: one != other)
        if found:
            required, optional = sorted(found, key=lambda voice: bool(voice.column.nullable))
            yield RULE.found(
                subject=f"{table.name}.{column.name}",
                message=f"`{table.name}.{column.name}` is required in one place and may be NULL in another.",
                evidence=both_places(required, optional),
                place=first_place(required, optional),
            )


def _nullable(voice: Voice) -> bool | None:
    return None if voice.column.silent or voice.form == "classes" else voice.column.nullable
