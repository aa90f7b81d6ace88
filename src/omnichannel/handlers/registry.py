"""Handlers apart from a hub, as an APIRouter is apart from an app: no global, importable by tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias, overload

from omnichannel.handlers.turn import Turn
from omnichannel.model.address import Address
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.stores.units import DueTurn


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, from the event log. `seq` ascends and resumes `hub.events`."""

    seq: int
    id: str
    type: str
    occurred_at: datetime
    brand: str
    data: Mapping[str, Any]


MessageHandler: TypeAlias = Callable[[Turn], Awaitable[None]]
Subscriber: TypeAlias = Callable[[Event], Awaitable[None]]
Resolver: TypeAlias = Callable[[Address], Awaitable[str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    handler: MessageHandler
    channel: str | None
    surface: str | None
    brand: str | None
    language: str | None

    def takes(self, turn: DueTurn) -> bool:
        message = turn.message
        spoken = (message.language or turn.customer.language or "").lower()
        wanted = (self.language or "").lower()
        return (
            self.channel in (None, message.channel)
            and self.surface in (None, message.surface)
            and self.brand in (None, turn.conversation.brand)
            and (not wanted or spoken == wanted or spoken.startswith(f"{wanted}-"))
        )


class Handlers:
    """Message handlers (the first that matches gets the message) and subscribers (every one gets the event)."""

    def __init__(self) -> None:
        self._routes: list[_Route] = []
        self._subscribers: list[tuple[frozenset[str], Subscriber]] = []
        self._resolver: Resolver | None = None

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
        """Registers a handler for messages; conditions that are not given match everything. Without a match a message
        waits in its queue for a person."""

        def register(found: MessageHandler) -> MessageHandler:
            route = _Route(handler=found, channel=channel, surface=surface, brand=brand, language=language)
            self._routes.append(route)
            return found

        return register if handler is None else register(handler)

    def on(self, *types: str) -> Callable[[Subscriber], Subscriber]:
        """Registers a subscriber for event types (`conversation.moved`); each event reaches it at least once."""
        if not types:
            raise ConfigurationError("on() needs at least one event type, such as 'conversation.moved'")

        def register(found: Subscriber) -> Subscriber:
            self._subscribers.append((frozenset(types), found))
            return found

        return register

    def identify(self, resolver: Resolver) -> Resolver:
        """Registers what gives the host's own customer id (external_id) for an address, or None."""
        if self._resolver is not None:
            raise ConfigurationError("identify is registered twice: only one function can tell who a customer is")
        self._resolver = resolver
        return resolver

    # -- read by the hub

    def match(self, turn: DueTurn) -> MessageHandler | None:
        """The handler for a message."""
        return next((route.handler for route in self._routes if route.takes(turn)), None)

    @property
    def resolver(self) -> Resolver | None:
        """What was registered with `identify`."""
        return self._resolver

    @property
    def event_types(self) -> frozenset[str]:
        """All event types that somebody subscribed to."""
        return frozenset[str]().union(*(types for types, _ in self._subscribers))

    def subscribers(self, kind: str) -> list[Subscriber]:
        """Who gets events of a type."""
        return [subscriber for types, subscriber in self._subscribers if kind in types]

    def include(self, other: Handlers) -> None:
        """Takes over what another set has, behind one's own."""
        self._routes.extend(other._routes)
        self._subscribers.extend(other._subscribers)
        if other._resolver is not None:
            self.identify(other._resolver)
