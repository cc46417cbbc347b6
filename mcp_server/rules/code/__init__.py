"""Rules that judge the code around the database: engines, sessions, queries, what is kept in the repository."""
