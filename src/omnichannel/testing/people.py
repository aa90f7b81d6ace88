"""Simulated people, who speak and see in plain words."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from omnichannel.model.address import Address, Customer
from omnichannel.testing.simulators.base import Seen, SimFile, Simulator

if TYPE_CHECKING:
    from omnichannel.testing.world import World

NO_TIME = timedelta(0)


@dataclass(slots=True)
class Person:
    """A customer of the world, with a handle on each channel."""

    world: World
    name: str
    language: str
    country: str | None
    handles: Mapping[str, str]

    def on(self, channel: str) -> Device:
        """The person's side of one channel. Raises `LookupError` where they are not there."""
        if channel not in self.handles:
            raise LookupError(f"{self.name} is not on {channel}, but on {', '.join(self.handles) or 'nothing'}")
        return Device(self, channel)

    async def record(self) -> Customer:
        """Who this person is to the hub, by the first of their addresses that it knows. Raises `LookupError`."""
        for channel in self.handles:
            for value in self.on(channel).values:
                found = await self._find(channel, value)
                if found is not None:
                    return found
        raise LookupError(f"the hub does not know {self.name} yet")

    async def _find(self, channel: str, value: str) -> Customer | None:
        try:
            return await self.world.live.customer(address=Address(channel=channel, value=value))
        except LookupError:
            return None


@dataclass(slots=True)
class Device:
    """What a person holds in their hand: one channel's app."""

    person: Person
    channel: str

    @property
    def handle(self) -> str:
        """The person's handle there."""
        return self.person.handles[self.channel]

    @property
    def values(self) -> tuple[str, ...]:
        """The values under which the hub may know this handle."""
        customer = self._simulator.customers[self.handle]
        return (*customer.ids.values(), self.handle, self.handle.casefold())

    @property
    def _simulator(self) -> Simulator:
        return self.person.world.simulator(self.channel)

    # -- speaking

    async def says(
        self, text: str, *, attachments: tuple[str, ...] = (), surface: str | None = None, reply_to: str | None = None
    ) -> str:
        """Writes to us, privately unless `surface` says otherwise, and waits until all that follows has happened.

        `attachments` are paths of files. Gives the platform's message id.
        """
        files = [_file(path) for path in attachments]
        message_id = self._simulator.says(self.handle, text, attachments=files, surface=surface, reply_to=reply_to)
        await self.person.world.settle()
        return message_id

    async def posts(self, text: str, *, reply_to: str | None = None) -> str:
        """Writes to us in public. Gives the post's id."""
        return await self.says(text, surface="mention", reply_to=reply_to)

    async def picks(self, title: str) -> str:
        """Taps a button, or types what stands for it. Raises `LookupError` if nothing offers it."""
        message_id = self._simulator.picks(self.handle, title)
        await self.person.world.settle()
        return message_id

    async def follows_link(self, to: str) -> str:
        """Opens the newest link on this phone that leads to the channel `to`, and sends what it has filled in there;
        one that the app shows as plain text is copied.

        Raises `LookupError` where no such link was seen, showing the phone.
        """
        target = self.person.on(to)
        for seen in reversed(self.seen()):
            for url in (*seen.links, *seen.text.split()):
                if url.startswith(target._simulator.links or (f"{to}:",)):
                    message_id = target._simulator.opens(target.handle, url)
                    await self.person.world.settle()
                    return message_id
        raise LookupError(f"no link to {to} on {self.person.name}'s phone:\n{self.shows()}")

    async def blocks_us(self) -> None:
        """Blocks us there."""
        self._simulator.blocks(self.handle)

    # -- seeing

    def seen(self) -> list[Seen]:
        """What this phone shows, oldest first."""
        return self._simulator.seen(self.handle)

    async def sees(self, text: str, *, within: timedelta = NO_TIME) -> str:
        """The newest message that contains the text. Raises `AssertionError` with all phones side by side."""
        if within > NO_TIME:
            await self.person.world.advance(within)
        for seen in reversed(self.seen()):
            if text.casefold() in seen.text.casefold():
                return seen.text
        raise AssertionError(f"{self.person.name} does not see {text!r} on {self.channel}.\n{_phones(self.person)}")

    async def sees_nothing(self) -> None:
        """Raises `AssertionError` if anything was ever shown here."""
        if self.seen():
            raise AssertionError(f"{self.person.name} sees something on {self.channel}.\n{_phones(self.person)}")

    def shows(self) -> str:
        """This phone as text."""
        lines = [f"{seen.at:%d %b %H:%M} {seen.surface}: {seen.text}" for seen in self.seen()]
        return "\n".join([f"--- {self.person.name} on {self.channel} ({self.handle})", *(lines or ["(nothing)"])])


def _phones(person: Person) -> str:
    return "\n".join(one.on(channel).shows() for one in person.world.people for channel in one.handles)


def _file(path: str) -> SimFile:
    found = Path(path)
    kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    return SimFile(name=found.name, content=found.read_bytes(), type=kind)
