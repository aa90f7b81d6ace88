"""Platforms, simulated: ASGI apps that behave like the real ones."""
