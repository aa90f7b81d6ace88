"""A hub's own shortcut to its handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

from omnichannel.handlers import Handlers, MessageHandler


class Registering:
    """Whatever has handlers and lets them be registered on itself."""

    handlers: Handlers

    @overload
    def on_message(self, handler: MessageHandler, /) -> MessageHandler: ...

    @overload
    def on_message(
        self,
        *,
        channel: str | None = None,
        surface: str | None = None,
        brand: str | None = None,
        language: str | None = None,
    ) -> Callable[[MessageHandler], MessageHandler]: ...

    def on_message(
        self,
        handler: MessageHandler | None = None,
        *,
        channel: str | None = None,
        surface: str | None = None,
        brand: str | None = None,
        language: str | None = None,
    ) -> MessageHandler | Callable[[MessageHandler], MessageHandler]:
        """Registers a message handler, as `Handlers.on_message` does."""
        if handler is not None:
            return self.handlers.on_message(handler)
        return self.handlers.on_message(channel=channel, surface=surface, brand=brand, language=language)
