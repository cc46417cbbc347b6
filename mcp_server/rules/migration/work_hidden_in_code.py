"""A block of code, a function or a form that no other rule reads works through a table while nobody may write to it.

What a DO block puts together and EXECUTEs, and what a function does, no reader of the text sees; Postgres was seen to do it.
Write the statements out, each in its safe form and in a transaction of its own. ALTER CONSTRAINT ... ENFORCED is told here, too.
https://www.postgresql.org/docs/current/sql-do.html
"""

from collections.abc import Iterator
from dataclasses import replace

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.observation import Effect
from mcp_server.model.walked import Migration, Statement, stopped
from mcp_server.rules.migration.lock_held_during_slow_work import works_on_rows
from mcp_server.rules.migration.table_written_anew import OTHERS

RULE = Rule(
    code="M136",
    severity="error",
    given="create table task (id bigint primary key, slug text);",
    bad="do $$ begin execute format('create index on %I (slug)', 'task'); end $$;",
    good=(
        "do $$ begin execute format('alter table %I add column due date', 'task'); end $$;",
        "create table note (id int); do $$ begin execute format('create index on %I (id)', 'note'); end $$;",
        "create index concurrently on task (slug);",
    ),
)
CODE = ("do", "execute", "call", "select", "explain")


def check(migration: Migration) -> Iterator[Finding]:
    for statement in migration.statements:
        if statement.error or works_on_rows(statement):
            continue
        blocked = migration.blocked(untold(migration, statement))
        if not blocked:
            continue
        yield RULE.found(
            subject=blocked[0].relation,
            message=f"The table is worked through as a whole, and meanwhile {stopped(blocked)}.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )


def untold(migration: Migration, statement: Statement) -> Effect:
    """What no other rule speaks of: of code all that its text does not account for; else what a form of no rule does itself."""
    verbs = {action.verb for action in statement.actions}
    if verbs & set(CODE):
        return statement.unexplained
    if verbs & OTHERS or statement.effect.rewrites:
        return Effect()
    return replace(statement.effect, locks=migration.taken(statement))
