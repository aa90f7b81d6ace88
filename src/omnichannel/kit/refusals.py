"""What an adapter refuses by itself, before anything is sent."""

from __future__ import annotations

from omnichannel.channel.errors import Rejected
from omnichannel.model.outcome import Failure, Level, Outcome

__all__ = ["connect_again", "invalid"]


def invalid(code: str, message: str) -> Rejected:
    """What cannot be said on a platform at all; nothing was sent."""
    return Rejected(Failure(outcome=Outcome.INVALID, level=Level.MESSAGE, code=code, message=message))


def connect_again(code: str, message: str) -> Failure:
    """The account's credentials do not serve, and only a person can mend that."""
    return Failure(outcome=Outcome.AUTH, level=Level.ACCOUNT, code=code, message=message)
