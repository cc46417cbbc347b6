"""What a script expects to stand, made up from what Postgres asks for and from how the script uses it."""
