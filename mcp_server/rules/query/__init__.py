"""Rules about one statement: what costs the time of its plan, and what would cure it."""
