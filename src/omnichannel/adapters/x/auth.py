"""Secrets into requests: OAuth 2.0 user tokens, OAuth 1.0a signatures, the app-only token, and Basic for renewals."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from omnichannel.adapters.x.account import XAccount
from omnichannel.adapters.x.attachments import PRIVATE_HOSTS
from omnichannel.channel import HttpRequest, Token
from omnichannel.kit.oauth import (
    OAuth1Keys,
    authorized,
    client_authenticated,
    oauth1_signed,
    revealed,
    with_refresh_token,
)
from omnichannel.kit.urls import same_origin, whole_url

RENEWAL_PATH = "/2/oauth2/token"
APP_GRANT_PATH = "/oauth2/token"
_APP_ONLY = ("/2/webhooks", "/2/activity/stream")
_AAA = "/2/account_activity/"
_OAUTH1_HOSTS = PRIVATE_HOSTS | {"video.twimg.com"}


def sign(account: XAccount, request: HttpRequest, token: Token | None, now: datetime, nonce: str) -> HttpRequest:
    """The request with its whole URL and its credentials.

    Credentials go to X alone: a request to another host is left as it is.
    """
    url = whole_url(request.url, account.base_url)
    completed, parts, at_home = replace(request, url=url), urlsplit(url), same_origin(url, account.base_url.rstrip("/"))
    if at_home and parts.path == RENEWAL_PATH:
        # The flow leaves the refresh token out, so that no request holds a secret before this.
        refresh = (token.refresh if token else None) or revealed(account.refresh_token)
        return client_authenticated(with_refresh_token(completed, refresh), account.client_id, account.client_secret)
    if at_home and parts.path == APP_GRANT_PATH:
        return client_authenticated(completed, revealed(account.consumer_key), account.consumer_secret)
    if at_home and account.app_bearer is not None and is_app_only(parts.path):
        return authorized(completed, f"Bearer {account.app_bearer.get_secret_value()}")
    if at_home and not account.uses_oauth1:
        return authorized(completed, f"Bearer {token.value if token else account.token.get_secret_value()}")
    elsewhere = parts.scheme == "https" and parts.hostname in _OAUTH1_HOSTS
    if account.uses_oauth1 and (at_home or elsewhere):
        app_secret = next(iter(account.consumer_secret), None)
        keys = OAuth1Keys(account.consumer_key, app_secret, account.token, account.token_secret)
        return oauth1_signed(completed, keys, now, nonce)
    return completed


def is_app_only(path: str) -> bool:
    """Whether X wants the app's own token here, and refuses a user's."""
    if path.startswith(_AAA):
        own = path.endswith("/subscriptions/all") and "/replay/" not in path
        return not own
    return path.startswith(_APP_ONLY)
