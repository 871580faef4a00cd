"""The catalog: the registry of what is known, and the only place with SQLAlchemy."""
