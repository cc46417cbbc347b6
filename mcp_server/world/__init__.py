"""The only folder that touches the outside: databases, files, processes."""
