"""Rules that judge how a project uses Neon: its way there, its pools, its compute, its branches."""
