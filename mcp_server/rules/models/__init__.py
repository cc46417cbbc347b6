"""Rules that judge the classes of the models, as SQLAlchemy sees them and as they are written."""
