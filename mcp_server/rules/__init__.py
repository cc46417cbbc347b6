"""Judgements, one file a rule; the folder says what is judged."""
