"""How sure we are of who writes: each event, address, merge and redemption carries a level."""

from __future__ import annotations

from omnichannel.model.address import Assurance
from omnichannel.model.base import Visibility

__all__ = ["after_step_up", "highest", "lowest", "may_show_history", "on_surface"]


def level(value: int) -> Assurance:
    """A level from a number of a row or a platform; what lies outside is the nearest."""
    return Assurance(min(max(value, Assurance.UNKNOWN), Assurance.SIGNED_IN))


def lowest(*levels: int) -> Assurance:
    """The level of what rests on all of these: a merge is as sure as its weakest evidence. Unknown without any."""
    return level(min(levels, default=Assurance.UNKNOWN))


def highest(*levels: int) -> Assurance:
    """The level of a person who has shown all of these. Unknown without any."""
    return level(max(levels, default=Assurance.UNKNOWN))


def on_surface(assurance: int, visibility: Visibility) -> Assurance:
    """What an event of a channel gives: on a public surface never more than a public handle, because whatever it
    shows, others could read and repeat it."""
    return lowest(assurance, Assurance.PUBLIC_HANDLE) if visibility == "public" else level(assurance)


def after_step_up(assurance: int, *, signed_in: bool = False) -> Assurance:
    """The level after a code was answered, or after the host signed the customer in."""
    return highest(assurance, Assurance.SIGNED_IN if signed_in else Assurance.VERIFIED)


def may_show_history(assurance: int, conversation: int) -> bool:
    """Whether a customer of this level may be shown the history of a conversation of that level."""
    return assurance >= conversation
