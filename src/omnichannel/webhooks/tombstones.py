"""What stands in the place of an account that was taken out of the settings.

A platform that gets 404 drops what customers wrote, and switches the webhook off. So its calls are answered and kept.
Nothing is left to verify them with: they are kept under a name of their own, which no account's parser ever reads, so
that nobody can write as a customer by waiting for an account to come back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from omnichannel.channel.base import Account, Channel
from omnichannel.channel.capabilities import Capabilities
from omnichannel.channel.errors import Rejected
from omnichannel.channel.wire import OK, Accept, Admission, Answer, Envelope, Flow, Keys
from omnichannel.model.event import ChannelEvent
from omnichannel.model.message import Part, Receipt
from omnichannel.model.outcome import Failure, Level, Outcome

PREFIX = "tombstone:"
"""Before the endpoint's id in the journal. No account's id has a colon."""


class TombstoneAccount(Account):
    """An account of which only the id is known."""


class Tombstone(Channel[TombstoneAccount]):
    """Takes whatever is posted; other calls get an empty 200."""

    adapter = "tombstone"
    channel = "tombstone"
    surfaces: ClassVar[Mapping[str, Capabilities]] = {}
    body_limit: ClassVar[int] = 262_144

    def admit(self, envelope: Envelope, now: datetime, keys: Keys) -> Admission:
        """Everything, unverified."""
        return Accept() if envelope.method == "POST" else Answer(OK)

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        """Nothing: the bytes stay in the journal as they are."""
        return ()

    def send(self, part: Part) -> Flow[Receipt]:
        """Refused, so that a fallback runs."""
        gone = f"the account {self.account.id!r} is not configured any more"
        raise Rejected(Failure(outcome=Outcome.WITHDRAWN, level=Level.CHANNEL, code="tombstone", message=gone))
        yield


def tombstones(endpoints: Iterable[str]) -> dict[str, Channel[Any]]:
    """One for each endpoint that is not configured any more."""
    return {one: Tombstone(TombstoneAccount(id=one)) for one in sorted(endpoints)}
