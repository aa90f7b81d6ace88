"""WhatsApp by Meta's Cloud API."""

from omnichannel.adapters.whatsapp.account import ButtonSlot, TemplateSpec, WhatsAppAccount

__all__ = ["ButtonSlot", "TemplateSpec", "WhatsAppAccount"]
