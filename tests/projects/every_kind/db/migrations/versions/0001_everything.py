"""everything that the models declare, as the models declare it today"""

from alembic import op

from app import billing, people  # noqa: F401
from app.base import Base

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create schema billing")
    Base.metadata.create_all(op.get_bind())


def downgrade() -> None:
    Base.metadata.drop_all(op.get_bind())
    op.execute("drop schema billing")
