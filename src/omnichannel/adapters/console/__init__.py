"""This terminal: you type as the customer, and read the answers."""

from omnichannel.adapters.console.account import ConsoleAccount

__all__ = ["ConsoleAccount"]
