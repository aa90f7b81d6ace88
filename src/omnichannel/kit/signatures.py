"""Verify and sign. The only module that compares secrets, always bytes with bytes and in constant time."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import SecretStr

__all__ = [
    "Algorithm",
    "Encoding",
    "hmac_matches",
    "hmac_sign",
    "is_fresh",
    "oauth1_authorization",
    "oauth1_signature",
    "same",
]

Algorithm: TypeAlias = Literal["sha1", "sha256"]
Encoding: TypeAlias = Literal["hex", "base64"]
Pairs: TypeAlias = Iterable[tuple[str, str]]

_DEFAULT_PORTS = {"http": 80, "https": 443}


def _bytes(value: str | bytes) -> bytes:
    # surrogatepass: a header or an environment variable that was not UTF-8 must not raise here.
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")


def same(a: str | bytes, b: str | bytes) -> bool:
    """Whether two secrets are equal, in constant time. Never raises, whatever text comes in."""
    return hmac.compare_digest(_bytes(a), _bytes(b))


def hmac_sign(
    secret: str | bytes, message: bytes, *, algorithm: Algorithm = "sha256", encoding: Encoding = "hex"
) -> str:
    """The HMAC (RFC 2104) of `message`: lower-case hex, or base64 with padding."""
    digest = hmac.digest(_bytes(secret), message, algorithm)
    return digest.hex() if encoding == "hex" else b64encode(digest).decode("ascii")


def hmac_matches(
    secrets: Iterable[SecretStr],
    message: bytes,
    given: str,
    *,
    algorithm: Algorithm = "sha256",
    encoding: Encoding = "hex",
    prefix: str = "",
) -> bool:
    """Whether `given` is `prefix` and the HMAC of `message` under any of the secrets.

    Constant time and exact, letter case included. Never raises. No secret, or only empty ones, matches nothing:
    anybody can sign with an empty key.
    """
    found = False
    for secret in secrets:
        key = secret.get_secret_value()
        if key:
            found |= same(prefix + hmac_sign(key, message, algorithm=algorithm, encoding=encoding), given)
    return found


def is_fresh(stamp: datetime, now: datetime, tolerance: timedelta = timedelta(seconds=300)) -> bool:
    """Whether a signed time is at most `tolerance` away from `now`, before or after it, the limit included.

    Both are aware.
    """
    return abs(now - stamp) <= tolerance


def oauth1_signature(*, method: str, url: str, parameters: Pairs, consumer_secret: str, token_secret: str = "") -> str:
    """The HMAC-SHA1 signature, base64, of https://www.rfc-editor.org/rfc/rfc5849#section-3.4.

    `parameters` are those of query, form and protocol together; a query inside `url` is added to them.
    """
    parts = urlsplit(url)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *parameters]
    normalized = "&".join(f"{key}={value}" for key, value in sorted((_escape(k), _escape(v)) for k, v in pairs))
    host = (parts.hostname or "").lower()
    if parts.port is not None and parts.port != _DEFAULT_PORTS.get(parts.scheme.lower()):
        host = f"{host}:{parts.port}"
    base_url = f"{parts.scheme.lower()}://{host}{parts.path or '/'}"
    base = "&".join((_escape(method.upper()), _escape(base_url), _escape(normalized)))
    key = f"{_escape(consumer_secret)}&{_escape(token_secret)}"
    return hmac_sign(key, base.encode("ascii"), algorithm="sha1", encoding="base64")


def oauth1_authorization(
    *,
    method: str,
    url: str,
    query: Pairs = (),
    form: Pairs = (),
    consumer_key: str,
    consumer_secret: str,
    token: str,
    token_secret: str,
    nonce: str,
    timestamp: int,
    version: str | None = "1.0",
) -> str:
    """The value of the `Authorization` header for OAuth 1.0a with HMAC-SHA1 (RFC 5849).

    `form` is given only where the body is `application/x-www-form-urlencoded`. `version=None` leaves
    `oauth_version` out, which the RFC allows.
    """
    protocol = {
        "oauth_consumer_key": consumer_key,
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(timestamp),
        "oauth_token": token,
        **({} if version is None else {"oauth_version": version}),
    }
    signature = oauth1_signature(
        method=method,
        url=url,
        parameters=(*query, *form, *protocol.items()),
        consumer_secret=consumer_secret,
        token_secret=token_secret,
    )
    signed = {**protocol, "oauth_signature": signature}
    return "OAuth " + ", ".join(f'{_escape(key)}="{_escape(value)}"' for key, value in sorted(signed.items()))


def _escape(value: str) -> str:
    return quote(value, safe="~")
