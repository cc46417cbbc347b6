"""Rules that judge a running server by what it says of itself (model/health.py)."""
