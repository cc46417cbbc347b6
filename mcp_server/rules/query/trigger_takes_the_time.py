"""Triggers take a good part of the time of a statement.

The usual reason is a foreign key without an index: every deleted or changed row of the referenced table searches the
whole referencing table.
https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS

# Below it, the first call's planning is most of it.
LEAST_MS = 5
RULE = Rule(
    code="F149",
    severity="warning",
    form="query",
    given=TASKS,
    bad="create table part (id int, task_id int references task); insert into part select g, g from generate_series(1, 5000) g; analyze part;"
    " delete from task where id between 20000 and 20100",
    good=(
        "create table part (id int, task_id int references task); insert into part select g, g from generate_series(1, 5000) g;"
        " create index on part (task_id); analyze part; delete from task where id = 20000",
        "update task set size = 3 where id < 500",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    total = examined.plan.total_ms
    for trigger in examined.plan.triggers:
        if trigger.ms < max(0.1 * total, LEAST_MS):
            continue
        what = f"foreign key {trigger.constraint}" if trigger.constraint else f"trigger {trigger.name}"
        cure = (
            "Index the columns of the referencing table."
            if trigger.constraint
            else "Look at what its function does for each row."
        )
        yield RULE.found(
            subject=trigger.constraint or trigger.name,
            message=f"The {what} took {trigger.ms:,.1f} ms in {trigger.calls:,} calls, {trigger.ms / total:.0%} of the time. {cure}",
            evidence=f"on {trigger.relation or 'its table'}",
            gain=trigger.ms / total * 0.9,
        )
