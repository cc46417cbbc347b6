"""Rules that judge one migration, as it was walked."""
