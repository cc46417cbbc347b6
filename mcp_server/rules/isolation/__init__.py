"""Rules for keeping users apart: I1 the schema, I2 the code, I3 the database."""
