"""Places without a message API. One adapter for all of them: the account says which place it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, cast

from omnichannel.adapters.link_only.account import LinkOnlyAccount
from omnichannel.adapters.link_only.errors import ERRORS
from omnichannel.adapters.link_only.parse import parse
from omnichannel.adapters.link_only.render import url_of
from omnichannel.adapters.link_only.surfaces import LINK_CAPACITY, SURFACES
from omnichannel.channel import (
    Account,
    Capabilities,
    Channel,
    ChannelEvent,
    Envelope,
    ErrorTable,
    Failure,
    Flow,
    Level,
    Link,
    LinkCapacity,
    Outcome,
    Part,
    Receipt,
    Rejected,
)


class LinkOnlyChannel(Channel[LinkOnlyAccount]):
    """A place that has no surface: nothing is ever routed there. It can be a target of a withdrawal, whose notices then
    name it; whoever follows is not seen, and counts as told."""

    adapter = "link_only"
    channel = "link_only"
    surfaces: ClassVar[Mapping[str, Capabilities]] = SURFACES
    errors: ClassVar[ErrorTable] = ERRORS
    link_capacity: ClassVar[LinkCapacity | None] = LINK_CAPACITY

    @classmethod
    def serving(cls, account: Account) -> type[Channel[Any]]:
        """The class of the account's place, whose `channel` is that place."""
        place: object = getattr(account, "place", None)
        return _of(place) if isinstance(place, str) else cls

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        """Nothing comes from there; what came all the same is kept."""
        return [parse(envelope, self.account.id, self.account.place)]

    def send(self, part: Part) -> Flow[Receipt]:
        """Refused: no route leads here, and whoever calls it by hand is told why."""
        yield from ()
        why = f"{self.account.place} has no message API: give customers the link, and write to them elsewhere"
        raise Rejected(Failure(outcome=Outcome.UNREACHABLE, level=Level.CHANNEL, code="link_only", message=why))

    def link(self, ref: str, text: str) -> Link | None:
        """The way there; it carries the reference where the place has room for one."""
        return Link(url_of(self.account, ref, text), carries=self.account.carries)


@cache
def _of(place: str) -> type[Channel[Any]]:
    return cast(type[Channel[Any]], type(f"LinkOnlyChannel_{place}", (LinkOnlyChannel,), {"channel": place}))
