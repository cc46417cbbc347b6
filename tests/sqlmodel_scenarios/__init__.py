"""Changes of SQLModel classes that today's autogenerate misses, gets wrong, or writes so that it fails; a file for each way to go wrong."""
