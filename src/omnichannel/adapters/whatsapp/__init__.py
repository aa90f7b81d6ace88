"""WhatsApp by Meta's Cloud API."""

from omnichannel.adapters.whatsapp.account import ButtonSlot, TemplateSpec, WhatsAppAccount
from omnichannel.adapters.whatsapp.channel import WhatsAppChannel

__all__ = ["ButtonSlot", "TemplateSpec", "WhatsAppAccount", "WhatsAppChannel"]
