"""Handlers: the host's code, what it is given, and how it is run."""

from omnichannel.handlers.registry import Event, Handlers, MessageHandler
from omnichannel.handlers.turn import Turn

__all__ = ["Event", "Handlers", "MessageHandler", "Turn"]
