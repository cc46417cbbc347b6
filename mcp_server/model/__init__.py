"""Frozen values and pure functions on them. Standard library only."""
