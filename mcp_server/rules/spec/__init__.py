"""Rules for specs: what documents say of one thing in two ways, and what they leave open that must be known."""
