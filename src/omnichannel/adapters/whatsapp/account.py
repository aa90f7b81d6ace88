"""A WhatsApp Business number and the templates that Meta approved for it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from omnichannel.adapters.whatsapp.surfaces import GRAPH_VERSION
from omnichannel.channel import Account, Secrets
from omnichannel.model.base import Frozen


class ButtonSlot(Frozen):
    """A variable of a template's button: the end of its URL, or the payload that its tap sends back."""

    index: int = Field(ge=0, le=9)
    kind: Literal["url", "quick_reply"]
    slot: str


class TemplateSpec(Frozen):
    """An approved template: which slot fills which of its numbered variables.

    `languages` maps our language tags to WhatsApp's codes (`{"fr": "fr", "en-GB": "en_GB"}`); the first one is used
    where the customer's language has none. `name` is WhatsApp's name where it is not the key that it stands under.
    A header of `header_kind` image, video or document takes a link.
    """

    languages: dict[str, str] = Field(min_length=1)
    category: Literal["marketing", "utility", "authentication"] = "utility"
    name: str | None = Field(default=None, max_length=512)
    body: tuple[str, ...] = ()
    header: str | None = None
    header_kind: Literal["text", "image", "video", "document"] = "text"
    buttons: tuple[ButtonSlot, ...] = ()


class WhatsAppAccount(Account):
    """One number. Several of one Meta app share an `endpoint`.

    `phone_number_id` is the id in the API, not the number; `display_number` is the number itself, for links.
    `waba_id` says whose account and template events are ours where one app serves several business accounts.
    `app_secret` verifies webhooks, `verify_token` is the word chosen for the handshake, `token` is the access token.
    """

    phone_number_id: str = Field(min_length=1)
    waba_id: str | None = None
    display_number: str | None = None
    app_secret: Secrets = ()
    verify_token: SecretStr | None = None
    token: SecretStr = SecretStr("")
    graph_version: str = Field(default=GRAPH_VERSION, pattern=r"^v[0-9]+\.[0-9]+$")
    base_url: str = "https://graph.facebook.com"
    templates: dict[str, TemplateSpec] = Field(default_factory=dict[str, TemplateSpec])
