"""An X account of ours, and the developer app that speaks for it."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, SecretStr

from omnichannel.channel import Account, Secrets

_OAUTH1_TOKEN = re.compile(r"([0-9]{1,19})-")


class XAccount(Account):
    """One handle. Several handles of one developer app share an `endpoint`.

    `consumer_secret` (the API secret key) answers the CRC and verifies webhooks; a list while it rotates. `token` is
    the user's access token: of OAuth 2.0, or, with `token_secret` and `consumer_key`, of OAuth 1.0a. `refresh_token`
    and `client_id` (and `client_secret` of a confidential client) renew an OAuth 2.0 token, which lives two hours.
    `app_bearer` is the app-only token: for webhooks and the activity stream, never for messages.
    `user_id` is our numeric id. Without it the account of an OAuth 1.0a token is known from the token, else each
    webhook says whose it is, and `identify` asks; several accounts behind one endpoint each need theirs.
    `crc_with` says which secret answers the CRC where both are set (X: the client secret, when the app has one).
    `premium` posts are longer; `tier` says whether public replies are held to the summons rule.
    """

    user_id: str | None = Field(default=None, pattern=r"^[0-9]{1,19}$")
    username: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_]{1,15}$")
    consumer_key: SecretStr | None = None
    consumer_secret: Secrets = ()
    token: SecretStr = SecretStr("")
    token_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    client_id: str | None = None
    client_secret: Secrets = ()
    crc_with: Literal["client_secret", "consumer_secret"] | None = None
    app_bearer: SecretStr | None = None
    tier: str | None = Field(default="pay_per_use", pattern=r"^(pay_per_use|enterprise)$")
    premium: bool = False
    base_url: str = "https://api.x.com"

    @property
    def uses_oauth1(self) -> bool:
        """Whether requests are signed with OAuth 1.0a."""
        return self.token_secret is not None

    @property
    def own_id(self) -> str | None:
        """Our numeric user id as far as it is known without asking: an OAuth 1.0a token begins with it."""
        if self.user_id is not None or not self.uses_oauth1:
            return self.user_id
        found = _OAUTH1_TOKEN.match(self.token.get_secret_value())
        return found[1] if found else None
