"""reads_file"""

import sqlalchemy as sa
from alembic import op

revision = "c3"
down_revision = "b2"
branch_labels = None
depends_on = None


def upgrade():
    with open("views.sql") as file:
        op.execute(file.read())


def downgrade():
    pass
