"""A sender of ours at Twilio: a number, a short code, a name, or a Messaging Service with a pool of them."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from omnichannel.adapters.twilio_sms.surfaces import LONGEST_VALIDITY
from omnichannel.channel import Account, Secrets
from omnichannel.kit.sms import sender_kind


class TwilioSmsAccount(Account):
    """One sender. Several of one Twilio account may share an `endpoint`.

    `sender` is a number in E.164, a short code, or a name to which nobody can answer; with `messaging_service_sid`
    the service chooses the sender. `numbers` are all others on which customers write to us: those of the service.
    `auth_token` verifies webhooks (several while it rotates), and is the credential for the API where there is no
    `api_key` with its `api_secret`. `webhook_url` is where statuses go; the hub fills it in. `mms` says whether files
    go out as MMS; unless set, the sender's country decides. `rate` is in messages a second; unless set, the kind of
    sender decides. `validity` is how long a message may wait at Twilio.
    """

    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    auth_token: Secrets = ()
    api_key: str | None = Field(default=None, pattern=r"^SK[0-9a-fA-F]{32}$")
    api_secret: SecretStr = SecretStr("")
    sender: str | None = None
    messaging_service_sid: str | None = Field(default=None, pattern=r"^MG[0-9a-fA-F]{32}$")
    numbers: tuple[str, ...] = ()
    webhook_url: str | None = None
    mms: bool | None = None
    rate: int | None = Field(default=None, ge=1)
    validity: timedelta | None = Field(default=None, ge=timedelta(seconds=1), le=LONGEST_VALIDITY)
    smart_encoded: bool = False
    base_url: str = "https://api.twilio.com"
    messaging_url: str = "https://messaging.twilio.com"

    @field_validator("sender")
    @classmethod
    def _can_send(cls, sender: str | None) -> str | None:
        if sender is not None and sender_kind(sender) is None:
            raise ValueError(
                "sender is a number with its country (+14155550100), a short code, or a name of at most 11 letters "
                "and digits"
            )
        return sender

    @field_validator("numbers")
    @classmethod
    def _can_receive(cls, numbers: tuple[str, ...]) -> tuple[str, ...]:
        if any(sender_kind(one) not in ("number", "short_code") for one in numbers):
            raise ValueError("numbers are numbers with their country (+14155550100), or short codes")
        return numbers

    @field_validator("webhook_url")
    @classmethod
    def _can_be_called(cls, url: str | None) -> str | None:
        # https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
        if url is not None and "_" in (urlsplit(url).hostname or ""):
            raise ValueError("Twilio calls no host with an underscore in its name")
        return url

    @model_validator(mode="after")
    def _has_a_sender(self) -> TwilioSmsAccount:
        if self.sender is None and self.messaging_service_sid is None:
            raise ValueError("say who sends: sender, or messaging_service_sid")
        if (self.api_key is None) != (not self.api_secret.get_secret_value()):
            raise ValueError("api_key and api_secret belong together")
        return self

    @property
    def own_numbers(self) -> tuple[str, ...]:
        """Where customers can write to us, the sender first where that is one."""
        here = (self.sender,) if self.sender and sender_kind(self.sender) != "alphanumeric" else ()
        return tuple(dict.fromkeys((*here, *self.numbers)))
