"""Places without a message API: a notice can name them, and a customer can follow."""

from omnichannel.adapters.link_only.account import LinkOnlyAccount
from omnichannel.adapters.link_only.channel import LinkOnlyChannel

__all__ = ["LinkOnlyAccount", "LinkOnlyChannel"]
