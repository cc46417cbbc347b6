"""Changes become ordered steps."""
