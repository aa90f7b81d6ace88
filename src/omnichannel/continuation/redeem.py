"""What happens when a reference comes back: a decision that discloses nothing to whoever stole it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from omnichannel.continuation.assurance import on_surface
from omnichannel.continuation.lifetime import history_open
from omnichannel.model.base import Visibility

__all__ = ["MOST_TRIES", "Redeemer", "Redemption", "RedemptionKind", "RedemptionReason", "ReferenceState", "redeem"]

RedemptionKind: TypeAlias = Literal["moved", "moved_empty", "same_use", "refused"]
RedemptionReason: TypeAlias = Literal[
    "ok", "unknown", "automatic", "too_many_tries", "other_target", "used", "expired", "public", "late", "assurance"
]

MOST_TRIES = 5
"""References that one address may get wrong in an hour before all of its references are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceState:
    """A stored reference: bound to a conversation, its brand and one target channel.

    `assurance` is the conversation's level. `public` says that the reference was handed out where others read it.
    `redeemed_by` is the address value that used it, `hidden` whether that use opened without history.
    """

    conversation_id: str
    brand: str
    target: str
    created_at: datetime
    expires_at: datetime
    assurance: int = 0
    public: bool = False
    redeemed_by: str | None = None
    hidden: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemer:
    """Who comes with it. `automatic` is a bot, a link preview or an automatic answer; `wrong_tries` are the unknown
    references that this address has come with in the last hour."""

    channel: str
    address: str
    brand: str
    visibility: Visibility = "private"
    assurance: int = 0
    automatic: bool = False
    wrong_tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """`moved`: the conversation goes on here. `moved_empty`: here too, in a thread that shows nothing of it until a
    step-up. `same_use`: it did already. `refused`: an ordinary message, nothing more.

    `hide_history` says that the customer is shown nothing of the conversation; agents always see it. `consumes` says
    that the reference is used up by this.
    """

    kind: RedemptionKind
    reason: RedemptionReason
    hide_history: bool = True

    @property
    def consumes(self) -> bool:
        """Whether the reference is to be marked as redeemed, in the same transaction, if it still is not."""
        return self.kind in ("moved", "moved_empty")


def redeem(ref: ReferenceState | None, by: Redeemer, now: datetime) -> Redemption:
    """What a reference does for whoever brings it. `ref` is the row with its digest, or None.

    It is redeemed once; a repeat by the address that redeemed it is the same use and opens no more than that did.
    What was posted in public proves nothing, nor does a reference after 72 hours: both open an empty thread. Below the
    conversation's assurance it moves, and its history stays hidden. The caller marks it as redeemed with a conditional
    write, and asks again where another was faster.
    """
    refusal = _refusal(ref, by, now)
    if refusal is not None or ref is None:
        return Redemption(kind="refused", reason=refusal or "unknown")
    here = on_surface(by.assurance, by.visibility)
    if ref.redeemed_by is not None:
        hidden = ref.hidden or by.visibility == "public" or here < ref.assurance
        return Redemption(kind="same_use", reason="ok", hide_history=hidden)
    if by.visibility == "public" or ref.public:
        return Redemption(kind="moved_empty", reason="public")
    if not history_open(ref.created_at, now):
        return Redemption(kind="moved_empty", reason="late")
    if here < ref.assurance:
        return Redemption(kind="moved", reason="assurance")
    return Redemption(kind="moved", reason="ok", hide_history=False)


def _refusal(ref: ReferenceState | None, by: Redeemer, now: datetime) -> RedemptionReason | None:
    if by.automatic:
        return "automatic"
    if by.wrong_tries >= MOST_TRIES:
        return "too_many_tries"
    if ref is None or ref.brand != by.brand:
        return "unknown"
    if ref.target != by.channel:
        return "other_target"
    if ref.redeemed_by is not None:
        return None if ref.redeemed_by == by.address else "used"
    return "expired" if now >= ref.expires_at else None
