"""Glue for frameworks that are not ASGI, each module for one of them. None is imported by anything else here."""
