"""Exceptions are for our callers' mistakes; what a platform answers is a value.

OmnichannelError
  ConfigurationError      a key, a secret or a combination that cannot work
    UnknownChannel        no adapter or account of that name
  NotFound                an id that names nothing
  ChannelWithdrawn        the channel is closed (since, replacement)
  VersionConflict         `if_version` was given and the conversation had moved on
  RefusedContent          content that may not or cannot be sent as asked
  DeliveryError           raised by `wait` only: the delivery failed (failure)
  StoreError              the store cannot be opened, is too old or too new, or cannot commit
"""

from __future__ import annotations

from datetime import datetime

from omnichannel.model.outcome import Failure


class OmnichannelError(Exception):
    """Base of all errors that this library raises on purpose."""


class ConfigurationError(OmnichannelError):
    """A key, a secret or a combination that cannot work; the text names it and says what was expected."""


class UnknownChannel(ConfigurationError):
    """No adapter or account has that name."""


class NotFound(OmnichannelError, LookupError):
    """An id that names nothing here."""


class ChannelWithdrawn(OmnichannelError):
    """The channel is closed; `since` says when, `replacement` where to go."""

    def __init__(self, channel: str, *, since: datetime | None, replacement: tuple[str, ...] = ()) -> None:
        when = f" since {since:%Y-%m-%d %H:%M %Z}" if since else ""
        where = f"; its replacement is {', '.join(replacement)}" if replacement else ""
        super().__init__(f"{channel} is withdrawn{when}{where}")
        self.channel = channel
        self.since = since
        self.replacement = replacement


class VersionConflict(OmnichannelError):
    """The conversation changed since it was read: read it again and decide again."""

    def __init__(self, conversation: str, *, expected: int, found: int) -> None:
        super().__init__(f"conversation {conversation} is at version {found}, not {expected}: read it again first")
        self.expected = expected
        self.found = found


class RefusedContent(OmnichannelError):
    """Content that may not or cannot be sent as asked; nothing was queued."""


class DeliveryError(OmnichannelError):
    """A delivery that was waited for has failed."""

    def __init__(self, message: str, failure: Failure | None = None) -> None:
        super().__init__(message)
        self.failure = failure


class StoreError(OmnichannelError):
    """The store cannot be opened or written; nothing was acknowledged that is not on disk."""
