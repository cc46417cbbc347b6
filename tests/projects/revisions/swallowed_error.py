"""swallowed_error"""

import sqlalchemy as sa
from alembic import op

revision = "c3"
down_revision = "b2"
branch_labels = None
depends_on = None


def upgrade():
    try:
        op.add_column("authors", sa.Column("name", sa.Text))
    except Exception:
        print("there already")
    op.add_column("authors", sa.Column("died", sa.Integer))


def downgrade():
    pass
