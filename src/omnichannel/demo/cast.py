"""The people of a demo, and what was said: the record against which the database is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omnichannel.demo.platforms import CLOSING, Brand
from omnichannel.testing.simulators.base import Seen

if TYPE_CHECKING:
    from omnichannel.demo.stage import Stage


@dataclass(slots=True, kw_only=True)
class Person:
    """A customer of a brand. `handles` are by channel, `follows` is where they go when they are told, if at all; `last`
    is the account and the platform's id of what they wrote last."""

    name: str
    brand: Brand
    language: str
    handles: Mapping[str, str]
    follows: str | None = None
    public: bool = False
    on_file: str | None = None
    moved: bool = False
    verified: bool = False
    asked: int = 0
    last: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a customer, as the platform took it."""

    channel: str
    account: str
    message_id: str
    handle: str
    text: str


@dataclass(slots=True)
class Record:
    """Everything that customers said, in order."""

    stage: Stage
    said: list[Said] = field(default_factory=list[Said])

    def speak(
        self, person: Person, channel: str, text: str, *, surface: str | None = None, reply_to: str | None = None
    ) -> str:
        """A customer writes. Gives the platform's id."""
        simulator = self.stage.simulators[channel]
        account = person.brand.account(channel)
        handle = person.handles[channel]
        message_id = simulator.says(handle, text, surface=surface, reply_to=reply_to, account_id=account)
        self.said.append(Said(channel, account, message_id, handle, text))
        person.last = account, message_id
        return message_id

    def open_link(self, person: Person, channel: str, url: str) -> str:
        """A customer opens a link and sends what it has filled in."""
        account, handle = person.brand.account(channel), person.handles[channel]
        message_id = self.stage.simulators[channel].opens(handle, url)
        self.said.append(Said(channel, account, message_id, handle, url))
        person.last = account, message_id
        return message_id

    def phone(self, person: Person, channel: str) -> list[Seen]:
        """What a customer's phone shows."""
        return self.stage.simulators[channel].seen(person.handles[channel])


def link_to(seen: list[Seen], brand: Brand, leads: tuple[str, ...]) -> str | None:
    """The newest link of this kind that a brand sent to a phone: what cannot be tapped there can be copied."""
    ours = brand.account(CLOSING)
    for one in reversed([message for message in seen if message.account_id == ours]):
        for word in one.text.split():
            if word.startswith(leads):
                return word
    return None
