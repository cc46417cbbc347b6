"""refused_statement"""

import sqlalchemy as sa
from alembic import op

revision = "c3"
down_revision = "b2"
branch_labels = None
depends_on = None


def upgrade():
    op.alter_column(
        "authors", "name", type_=sa.Uuid(), existing_type=sa.String(100)
    )


def downgrade():
    pass
