"""squawk's opinion beside ours: what both say is said once, what only one says is shown where it matters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mcp_server.model.finding import Finding
from mcp_server.model.walked import Migration, Statement
from mcp_server.world.squawk import Opinion, ask_squawk

# squawk's rules about locks and losses, and which of ours speak of the same. Its rules of style are left out.
SAME: dict[str, tuple[str, ...]] = {
    "adding-field-with-default": ("M110", "M111"),
    "adding-foreign-key-constraint": ("M107",),
    "adding-not-nullable-field": ("M108",),
    "adding-required-field": ("M302",),
    "adding-serial-primary-key-field": ("M104", "M110"),
    "ban-alter-domain-with-add-constraint": ("M123",),
    "ban-char-field": (),
    "ban-concurrent-index-creation-in-transaction": ("M303", "M307"),
    "ban-drop-column": ("M202",),
    "ban-drop-constraint": ("M127", "M406"),
    "ban-drop-database": ("M201",),
    "ban-drop-table": ("M201",),
    "ban-drop-type": ("M204",),
    "ban-drop-view": ("M203",),
    "ban-drop-schema": ("M204", "M205"),
    "ban-set-schema": ("M207",),
    "ban-truncate-cascade": ("M206",),
    "changing-column-type": ("M112", "M113", "M114"),
    "constraint-missing-not-valid": ("M103", "M104", "M106", "M107", "M108", "M115"),
    "disallowed-unique-constraint": ("M103",),
    "renaming-column": ("M207",),
    "renaming-table": ("M207",),
    "renaming-object": ("M207", "M208"),
    "require-concurrent-index-creation": ("M101",),
    "require-concurrent-index-deletion": ("M102",),
    "require-concurrent-partition-detach": ("M119",),
    "require-concurrent-reindex": ("M121",),
}


async def second_opinions(migration: Migration, findings: Sequence[Finding]) -> tuple[tuple[Finding, ...], bool]:
    """squawk's findings that ours do not share, as infos; and whether it could be asked."""
    text, starts = joined(migration.statements)
    transactional = migration.environment.is_alembic
    opinions = await ask_squawk(text, migration.major, in_transaction=transactional) if text else ()
    if opinions is None:
        return (), False
    return tuple(dict.fromkeys(_disagreements(migration.statements, starts, opinions, findings))), True


def joined(statements: Iterable[Statement]) -> tuple[str, tuple[int, ...]]:
    """The statements as one text, and the line on which each begins, from 1."""
    texts: list[str] = []
    starts: list[int] = []
    line = 1
    for statement in statements:
        starts.append(line)
        texts.append(statement.sql.strip().rstrip(";") + ";\n")
        line += texts[-1].count("\n")
    return "".join(texts), tuple(starts)


def _disagreements(
    statements: Sequence[Statement], starts: Sequence[int], opinions: Iterable[Opinion], findings: Sequence[Finding]
) -> Iterable[Finding]:
    for opinion in opinions:
        same = SAME.get(opinion.rule)
        if not same:
            continue
        number = max((at for at, start in enumerate(starts) if start <= opinion.line), default=0)
        statement = statements[number]
        if any(finding.code in same and finding.place in (statement.place, "") for finding in findings):
            continue
        was_run = statement.is_observed and not statement.error
        yield Finding(
            f"squawk/{opinion.rule}",
            "info",
            _short(statement.sql),
            "It was seen to do nothing of the kind here." if was_run else "It was not run here.",
            f"squawk judges the text alone: {opinion.message}",
            place=statement.place,
        )


def _short(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= 60 else line[:57] + "..."
