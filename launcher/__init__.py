"""The launcher of the plugin's server: standard library only, any Python from 3.9 on (see __main__.py)."""
