"""Values become text, SQL, Alembic code and diagrams."""
