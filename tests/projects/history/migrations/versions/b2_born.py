"""when authors were born"""

import sqlalchemy as sa
from alembic import op

revision = "b2"
down_revision = "a1"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("authors", sa.Column("born", sa.Integer))


def downgrade():
    op.drop_column("authors", "born")
