"""names_roles"""

import sqlalchemy as sa
from alembic import op

revision = "c3"
down_revision = "b2"
branch_labels = None
depends_on = None


def upgrade():
    op.execute("grant select on authors to reporting")
    op.execute("alter table authors enable row level security")
    op.execute("create policy own on authors to \"App User\" using (true)")


def downgrade():
    pass
