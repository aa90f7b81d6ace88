"""A WhatsApp Business number and the templates that Meta approved for it."""

from __future__ import annotations

from pydantic import Field

from omnichannel.adapters.whatsapp.surfaces import GRAPH_VERSION
from omnichannel.kit.meta_graph import ButtonSlot, GraphAccount, TemplateSpec

__all__ = ["ButtonSlot", "TemplateSpec", "WhatsAppAccount"]


class WhatsAppAccount(GraphAccount):
    """One number. Several of one Meta app share an `endpoint`.

    `phone_number_id` is the id in the API, not the number; `display_number` is the number itself, for links.
    `waba_id` says whose account and template events are ours where one app serves several business accounts.
    `app_secret` verifies webhooks, `verify_token` is the word chosen for the handshake, `token` is the access token.
    """

    phone_number_id: str = Field(min_length=1)
    waba_id: str | None = None
    display_number: str | None = None
    graph_version: str = Field(default=GRAPH_VERSION, pattern=r"^v[0-9]+\.[0-9]+$")
    templates: dict[str, TemplateSpec] = Field(default_factory=dict[str, TemplateSpec])
