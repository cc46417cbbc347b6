"""Rows are changed or copied while a strong lock that an earlier statement of the transaction took is held.

ALTER TABLE is instant, the UPDATE that fills the new column is not; in one transaction everybody waits for both, because a
lock lasts until the end. Fill in a revision of its own, in batches that commit.
https://www.postgresql.org/docs/current/explicit-locking.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, stopped
from mcp_server.rules.migration.lock_held_during_slow_work import advice, origin_of, windows, works_on_rows

RULE = Rule(
    code="M135",
    severity="error",
    given="create table task (id bigint primary key, title text); create table note (id bigint primary key, body text);"
    " insert into note select g, 'x' from generate_series(1, 10) g;",
    bad="begin;\nalter table task add column due date;\nupdate note set body = '' where body is null;\ncommit;",
    good=(
        "begin;\nalter table task add column due date;\ncommit;\nupdate note set body = '' where body is null;",
        "begin;\nupdate note set body = '' where body is null;\nalter table task add column due date;\ncommit;",
        "begin;\nalter table task add column due date;\ninsert into note values (11, 'x');\ncommit;",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, kept in windows(migration):
        if not works_on_rows(statement):
            continue
        yield RULE.found(
            subject=kept[0].relation,
            message=f"{origin_of(migration, statement, kept[0])} is held while this statement works through rows: "
            f"{stopped(kept)}.{advice(migration, statement, kept[0])}",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
