"""A foreign key has another type than the column that it leads to.

Postgres refuses such a key when the two types cannot be compared, as uuid and text; where they can, as integer and bigint,
the smaller one runs out first. https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.spec import SpecType
from mcp_server.model.spec_table import Spec
from mcp_server.model.spec_voices import columns_of

RULE = Rule(
    code="P203",
    severity="error",
    form="spec",
    bad="### readers\n- id: UUID (PK)\n\n### loans\n- id: int (PK)\n- reader_id: string (foreign key -> readers.id)",
    good=(
        "### readers\n- id: UUID (PK)\n\n### loans\n- id: int (PK)\n- reader_id: UUID or string (foreign key -> readers.id)",
        "### readers\n- id: text (PK)\n\n### loans\n- id: int (PK)\n- reader_id: VARCHAR(36) (foreign key -> readers.id)",
    ),
)
_TEXTS = frozenset({"text", "character varying", "character", "citext"})


def check(spec: Spec) -> Iterator[Finding]:
    for table, column in columns_of(spec):
        voice = column.reference
        led = voice.column.reference if voice else None
        parent = spec.table(led.table) if led and led.table else None
        if voice is None or led is None or parent is None:
            continue
        target = parent.column(led.column or (parent.primary_key or ("id",))[0])
        if target and column.type and target.type and not _fit(column.type, target.type):
            yield RULE.found(
                subject=f"{table.name}.{column.name}",
                message=f"`{table.name}.{column.name}` is {column.type.written}, and `{parent.name}.{target.name}` that it leads to is {target.type.written}.",
                evidence=f"{column.place} and {target.place}",
                place=str(column.place),
            )


def _fit(one: SpecType, other: SpecType) -> bool:
    return bool(set(one.fits) & set(other.fits)) or bool(set(one.fits) & _TEXTS and set(other.fits) & _TEXTS)
