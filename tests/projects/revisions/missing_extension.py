"""missing_extension"""

import sqlalchemy as sa
from alembic import op

revision = "c3"
down_revision = "b2"
branch_labels = None
depends_on = None


def upgrade():
    op.execute('create extension "uuid-ossp"')


def downgrade():
    pass
