"""Code that runs in the interpreter of the user's project: Python 3.9 and newer, its SQLAlchemy and its Alembic.

It is loaded under a name of its own (see __main__.py), so that no module of the user is hidden by one of ours,
and uses nothing but the standard library and what the project itself has installed.
"""
