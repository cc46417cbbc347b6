"""guards and views"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = (
    "create function keep_title() returns trigger language plpgsql as"
    " $$ begin new.title := trim(new.title); return new; end $$",
    "create trigger task_title before insert or update of title on task for each row execute function keep_title()",
    "create function open_tasks(who text) returns bigint language sql stable as"
    " $$ select count(*) from task where owner = who and status = 'open' $$",
    "create view open_task as select id, title, notes from task where status = 'open'",
    "alter table task enable row level security",
    "create policy own_task on task using (owner = current_user)",
    "create role reporting_of_beyond_models nologin",
    "grant select on project to reporting_of_beyond_models",
    "alter table task set (fillfactor = 80)",
    "alter table task alter column notes set storage external",
    "create statistics task_status_owner on status, owner from task",
    "create sequence ticket_number start 1000",
    "create domain short_text as text check (length(value) < 10)",
    "comment on index ix_task_title is 'for the search box'",
)
DOWN = (
    "drop domain short_text",
    "drop sequence ticket_number",
    "drop statistics task_status_owner",
    "alter table task reset (fillfactor)",
    "alter table task alter column notes set storage extended",
    "revoke select on project from reporting_of_beyond_models",
    "drop policy own_task on task",
    "alter table task disable row level security",
    "drop view open_task",
    "drop function open_tasks",
    "drop trigger task_title on task",
    "drop function keep_title",
    "comment on index ix_task_title is null",
)


def upgrade() -> None:
    for statement in UP:
        if statement.startswith("create role"):
            statement = f"do $$ begin if to_regrole('reporting_of_beyond_models') is null then {statement}; end if; end $$"
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
