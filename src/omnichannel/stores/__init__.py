"""Persistence: one SQLAlchemy Core implementation. Operations are plain functions over a connection."""
