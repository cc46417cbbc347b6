"""a customer, unless there is one"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = ("rows",)
depends_on = None


def upgrade() -> None:
    bind = op.get_bind()
    if bind.scalar(sa.text("select count(*) from customers")) == 0:
        bind.execute(sa.text("insert into customers (state) values ('sent')"))


def downgrade() -> None:
    op.execute("delete from customers")
