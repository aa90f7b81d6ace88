"""Secrets into requests: OAuth 2.0 user tokens, OAuth 1.0a signatures, the app-only token, and Basic for renewals."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from pydantic import SecretStr

from omnichannel.adapters.x.account import XAccount
from omnichannel.adapters.x.attachments import PRIVATE_HOSTS
from omnichannel.channel import HttpRequest, Secrets, Token
from omnichannel.kit.oauth import OAuth1Keys, authorized, basic_authorization, oauth1_signed, with_refresh_token
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
        refresh = (token.refresh if token else None) or _value(account.refresh_token)
        return _with_basic(with_refresh_token(completed, refresh), account.client_id, account.client_secret)
    if at_home and parts.path == APP_GRANT_PATH:
        return _with_basic(completed, _value(account.consumer_key), account.consumer_secret)
    if at_home and account.app_bearer is not None and is_app_only(parts.path):
        return authorized(completed, f"Bearer {account.app_bearer.get_secret_value()}")
    if at_home and not account.uses_oauth1:
        return authorized(completed, f"Bearer {token.value if token else account.token.get_secret_value()}")
    elsewhere = parts.scheme == "https" and parts.hostname in _OAUTH1_HOSTS
    if account.uses_oauth1 and (at_home or elsewhere):
        return oauth1_signed(completed, _keys(account), now, nonce)
    return completed


def is_app_only(path: str) -> bool:
    """Whether X wants the app's own token here, and refuses a user's."""
    if path.startswith(_AAA):
        own = path.endswith("/subscriptions/all") and "/replay/" not in path
        return not own
    return path.startswith(_APP_ONLY)


def _with_basic(request: HttpRequest, name: str | None, secrets: Secrets) -> HttpRequest:
    """A public client has no secret, and says who it is in the form."""
    if not name or not secrets:
        return request
    return authorized(request, basic_authorization(name, secrets[0].get_secret_value()))


def _keys(account: XAccount) -> OAuth1Keys:
    app, user = next(iter(account.consumer_secret), None), account.token_secret
    return OAuth1Keys(_value(account.consumer_key), _value(app), account.token.get_secret_value(), _value(user))


def _value(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
