"""raises"""

import sqlalchemy as sa
from alembic import op

revision = "c3"
down_revision = "b2"
branch_labels = None
depends_on = None


def upgrade():
    raise RuntimeError("run the script by hand first")


def downgrade():
    pass
