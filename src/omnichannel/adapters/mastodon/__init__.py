"""Mastodon, and servers that speak its API."""

from omnichannel.adapters.mastodon.account import MastodonAccount
from omnichannel.adapters.mastodon.channel import MastodonChannel

__all__ = ["MastodonAccount", "MastodonChannel"]
