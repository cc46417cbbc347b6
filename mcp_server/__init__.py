"""dbarch: a database architect for coding agents.

Whatever claims to be a schema is made real in an empty Postgres and read by one reader; whatever is
advised was carried out first on a throw-away copy. docs/architecture.md is the plan of the house.
"""

__version__ = "0.1.0"
