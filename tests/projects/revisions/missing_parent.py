"""missing_parent"""

import sqlalchemy as sa
from alembic import op

revision = "c3"
down_revision = "zz"
branch_labels = None
depends_on = None


def upgrade():
    pass


def downgrade():
    pass
