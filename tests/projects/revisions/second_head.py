"""second_head"""

import sqlalchemy as sa
from alembic import op

revision = "c3"
down_revision = "a1"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("authors", sa.Column("email", sa.String(320)))


def downgrade():
    pass
