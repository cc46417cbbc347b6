"""duplicate_row"""

from alembic import op

revision = "c3"
down_revision = "b2"
branch_labels = None
depends_on = None


def upgrade():
    op.execute("create table seeds (token text unique)")
    for _ in range(2):
        op.get_bind().exec_driver_sql("insert into seeds values ('se' || 'ed-' || 'value')")


def downgrade():
    op.execute("drop table seeds")
