"""The right to work on a lane, as the outbox holds it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from omnichannel.stores import leases
from omnichannel.stores.leases import Held
from omnichannel.stores.turns import lease_name


class LaneLost(Exception):
    """Another process works on this lane now: nothing may be sent from here."""


@dataclass(slots=True)
class Lane:
    """The right to work on a lane; how often it was decided there about the delivery in hand, and how often somebody
    else had settled meanwhile what was about to be written."""

    number: int
    owner: str
    fence: int
    decisions: int = 0
    overtaken: int = 0

    @property
    def right(self) -> Held:
        """The lease that it is, to be asked for in the transaction that relies on it."""
        return lease_name(self.number), self.owner, self.fence

    def asked(self, connection: Connection) -> bool:
        """True while the lane is ours, in the transaction that relies on it. Raises `LaneLost`."""
        if not leases.held(connection, *self.right):
            raise LaneLost
        return True
