"""Facebook Messenger by Meta's Messenger Platform."""

from omnichannel.adapters.messenger.account import MessengerAccount
from omnichannel.adapters.messenger.channel import MessengerChannel
from omnichannel.kit.meta_graph import ButtonSlot, TemplateSpec

__all__ = ["ButtonSlot", "MessengerAccount", "MessengerChannel", "TemplateSpec"]
