"""tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.UniqueConstraint("name", name="uq_project_name"),
    )
    op.create_table(
        "task",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("title", sa.String(100), nullable=False),
        sa.Column("status", sa.String(10), server_default="open", nullable=False),
        sa.Column("notes", sa.String()),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
        sa.CheckConstraint("status in ('open', 'done')", name="task_status"),
        comment="what is to be done",
    )
    op.create_index("ix_task_title", "task", ["title"])
    op.create_index("idx_task_project", "task", ["project_id"])
    op.execute(
        "create table event (id integer not null, at timestamptz not null, kind varchar not null, primary key (id, at))"
        " partition by range (at)"
    )
    op.execute("create table event_2025 partition of event for values from ('2025-01-01') to ('2026-01-01')")


def downgrade() -> None:
    op.drop_table("event")
    op.drop_table("task")
    op.drop_table("project")
