"""tasks, beside the tables of Better Auth

Revision ID: 1a2b3c4d5e6f
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "1a2b3c4d5e6f"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        'create table if not exists "user" (id text primary key, name text not null, email text not null unique,'
        ' "emailVerified" boolean not null, "createdAt" timestamptz not null default now())'
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("user_id", sa.String(), sa.ForeignKey("user.id", ondelete="CASCADE"), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
    )
    op.create_index("ix_tasks_user_id", "tasks", ["user_id"])


def downgrade() -> None:
    op.drop_table("tasks")
