"""notes

Revision ID: 2b3c4d5e6f70
Revises: 1a2b3c4d5e6f
"""

import sqlalchemy as sa
from alembic import op

revision = "2b3c4d5e6f70"
down_revision = "1a2b3c4d5e6f"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("task_id", sa.Integer(), sa.ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
    )
    with op.get_context().autocommit_block():
        op.create_index("ix_notes_task_id", "notes", ["task_id"], postgresql_concurrently=True)


def downgrade() -> None:
    op.drop_table("notes")
