"""X by API v2 and the X Activity API."""

from omnichannel.adapters.x.account import XAccount
from omnichannel.adapters.x.channel import XChannel

__all__ = ["XAccount", "XChannel"]
