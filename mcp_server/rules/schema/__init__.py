"""Rules that judge a Schema, whatever it was read from: models, migrations, a file or the live database."""
