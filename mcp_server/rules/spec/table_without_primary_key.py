"""No primary key is stated for a table.

Without one rows cannot be told apart: neither by foreign keys nor by logical replication, and an ORM does not map the table. A
column called id is taken for it.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.spec_table import Spec

RULE = Rule(
    code="P201",
    severity="warning",
    form="spec",
    bad="```sql\nCREATE TABLE loans (note text NOT NULL);\n```",
    good=(
        "```sql\nCREATE TABLE loans (book int, reader int, PRIMARY KEY (book, reader));\n```",
        "### loans\n\n| Column | Type | Constraints |\n|---|---|---|\n| id | int | |\n| note | text | |",
    ),
)


def check(spec: Spec) -> Iterator[Finding]:
    for table in spec.tables:
        has_id = table.column("id") is not None
        if (
            table.columns
            and not table.primary_key
            and not has_id
            and not (table.external or table.weak or table.partial)
        ):
            yield RULE.found(
                subject=table.name,
                message=f"No primary key is stated for `{table.name}`.",
                fix="Name it: `- id: bigint (primary key)`, or PRIMARY KEY (...) over the columns that tell rows apart.",
                place=str(table.place),
            )
