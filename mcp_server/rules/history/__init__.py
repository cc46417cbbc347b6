"""Rules that judge a whole Alembic history and its environment."""
