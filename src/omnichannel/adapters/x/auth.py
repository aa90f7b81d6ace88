"""Secrets into requests: OAuth 2.0 user tokens, OAuth 1.0a signatures, the app-only token, and Basic for renewals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from omnichannel.adapters.x.account import XAccount
from omnichannel.adapters.x.attachments import PRIVATE_HOSTS
from omnichannel.channel import Form, HttpRequest, Secrets, Token
from omnichannel.kit.oauth import basic_authorization, with_refresh_token
from omnichannel.kit.signatures import oauth1_authorization
from omnichannel.kit.urls import same_origin

RENEWAL_PATH = "/2/oauth2/token"
APP_GRANT_PATH = "/oauth2/token"
_APP_ONLY = ("/2/webhooks", "/2/activity/stream")
_AAA = "/2/account_activity/"
_OAUTH1_HOSTS = PRIVATE_HOSTS | {"video.twimg.com"}


def sign(account: XAccount, request: HttpRequest, token: Token | None, now: datetime, nonce: str) -> HttpRequest:
    """The request with its whole URL and its credentials.

    Credentials go to X alone: a request to another host is left as it is.
    """
    base = account.base_url.rstrip("/")
    url = request.url if "://" in request.url else f"{base}/{request.url.lstrip('/')}"
    completed = replace(request, url=url)
    parts, at_home = urlsplit(url), same_origin(url, base)
    if at_home and parts.path == RENEWAL_PATH:
        return _renewal(account, completed, token)
    if at_home and parts.path == APP_GRANT_PATH:
        return _with_basic(completed, _value(account.consumer_key), account.consumer_secret)
    if at_home and account.app_bearer is not None and is_app_only(request.method, parts.path):
        return _with(completed, f"Bearer {account.app_bearer.get_secret_value()}")
    if at_home and not account.uses_oauth1:
        return _with(completed, f"Bearer {token.value if token else account.token.get_secret_value()}")
    elsewhere = parts.scheme == "https" and parts.hostname in _OAUTH1_HOSTS
    if account.uses_oauth1 and (at_home or elsewhere):
        return _with(completed, _oauth1(account, completed, now, nonce))
    return completed


def is_app_only(method: str, path: str) -> bool:
    """Whether X wants the app's own token here, and refuses a user's."""
    if path.startswith(_AAA):
        own = path.endswith("/subscriptions/all") and "/replay/" not in path
        return not own
    return path.startswith(_APP_ONLY)


def _renewal(account: XAccount, request: HttpRequest, token: Token | None) -> HttpRequest:
    """The flow leaves the refresh token out, so that no request holds a secret before this."""
    refresh = (token.refresh if token else None) or _value(account.refresh_token)
    return _with_basic(with_refresh_token(request, refresh), account.client_id or "", account.client_secret)


def _with_basic(request: HttpRequest, name: str, secrets: Secrets) -> HttpRequest:
    """A public client has no secret, and says who it is in the form."""
    if not name or not secrets:
        return request
    return _with(request, basic_authorization(name, secrets[0].get_secret_value()))


def _oauth1(account: XAccount, request: HttpRequest, now: datetime, nonce: str) -> str:
    return oauth1_authorization(
        method=request.method,
        url=request.url,
        query=request.query,
        form=request.body.fields if isinstance(request.body, Form) else (),
        consumer_key=_value(account.consumer_key),
        consumer_secret=account.consumer_secret[0].get_secret_value() if account.consumer_secret else "",
        token=account.token.get_secret_value(),
        token_secret=_value(account.token_secret),
        nonce=nonce,
        timestamp=int(now.timestamp()),
    )


def _with(request: HttpRequest, authorization: str) -> HttpRequest:
    headers: Mapping[str, str] = {**request.headers, "authorization": authorization}
    return replace(request, headers=headers)


def _value(secret: object) -> str:
    found = getattr(secret, "get_secret_value", None)
    return str(found()) if callable(found) else ""
