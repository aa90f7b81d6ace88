"""OAuth 2 refresh: the request, the token in its answer, and what a refusal means (RFC 6749)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote_plus

from pydantic import JsonValue

from omnichannel.channel.errors import ErrorFacts, Rule, read_status, unreadable
from omnichannel.channel.wire import Form, HttpRequest, HttpResponse, Repeat, Token
from omnichannel.model.outcome import Outcome

__all__ = [
    "OAUTH_RULES",
    "basic_authorization",
    "read_oauth_error",
    "refresh_request",
    "token_from",
    "with_refresh_token",
]

_ERRORS = "https://www.rfc-editor.org/rfc/rfc6749#section-5.2"
_LONGEST = timedelta(days=3650)

OAUTH_RULES = (
    Rule(outcome=Outcome.AUTH, kind=("invalid_grant", "invalid_client", "unauthorized_client"), see=_ERRORS),
    Rule(outcome=Outcome.INVALID, kind=("invalid_request", "invalid_scope", "unsupported_grant_type"), see=_ERRORS),
    Rule(outcome=Outcome.RETRY, kind=("temporarily_unavailable", "server_error", "slow_down"), see=_ERRORS),
)
"""Refusals of a token endpoint. A dead refresh token is AUTH without `refresh`: a person has to connect again."""


def refresh_request(
    token_url: str,
    refresh_token: str,
    client_id: str | None,
    *,
    scope: str | None = None,
    headers: Mapping[str, str] | None = None,
    extra: Iterable[tuple[str, str]] = (),
) -> HttpRequest:
    """The refresh of https://www.rfc-editor.org/rfc/rfc6749#section-6.

    UNSAFE, because refresh tokens rotate: after an unread answer the old one may be spent. Its body carries the
    refresh token, so it must not be logged; a client secret is put in by `Channel.sign` (`basic_authorization`).
    `client_id=None` leaves it out of the body, for clients that are known by that header.
    """
    fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)]
    if client_id is not None:
        fields.append(("client_id", client_id))
    if scope is not None:
        fields.append(("scope", scope))
    return HttpRequest(
        method="POST",
        url=token_url,
        headers={"accept": "application/json", **(headers or {})},
        body=Form((*fields, *extra)),
        repeat=Repeat.UNSAFE,
        limit="token",
    )


def with_refresh_token(request: HttpRequest, refresh_token: str) -> HttpRequest:
    """The request with the refresh token put into its form: for `Channel.sign`, so that no flow holds a secret."""
    if not isinstance(request.body, Form):
        return request
    fields = tuple((name, refresh_token if name == "refresh_token" else value) for name, value in request.body.fields)
    return replace(request, body=Form(fields))


def basic_authorization(client_id: str, client_secret: str) -> str:
    """The `Authorization` header of a confidential client: both halves are form-encoded first (section 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + b64encode(pair.encode("ascii")).decode("ascii")


def token_from(response_json: JsonValue, now: datetime, previous: Token | None = None) -> Token:
    """The token in a refresh answer. A refresh token that is not repeated stays valid, and is kept.

    Raises `Rejected`, as uncertain, where there is no access token: the old refresh token may be spent.
    """
    answer = response_json if isinstance(response_json, dict) else {}
    value = answer.get("access_token")
    if not isinstance(value, str) or not value:
        raise unreadable(HttpResponse(200), certain=False, why="answer has no access_token")
    refresh = answer.get("refresh_token")
    if not isinstance(refresh, str) or not refresh:
        refresh = previous.refresh if previous else None
    seconds = _seconds(answer.get("expires_in"))
    expires_at = None if seconds is None else now + min(timedelta(seconds=seconds), _LONGEST)
    return Token(value=value, refresh=refresh, expires_at=expires_at)


def _seconds(given: JsonValue) -> float | None:
    """Some servers write the number as a string; what is no number at all is no promise."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        # The cap comes first: timedelta cannot hold every float.
        return min(max(float(given), 0.0), _LONGEST.total_seconds())
    except (ValueError, OverflowError):
        return None


def read_oauth_error(response: HttpResponse) -> ErrorFacts | None:
    """Facts of a token endpoint's answer; `kind` is its `error`. Some answer 200 with an error inside."""
    data = response.json()
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(error, str):
        return read_status(response)
    description = data.get("error_description")
    message = description if isinstance(description, str) else error
    return ErrorFacts(status=response.status, kind=error, message=message[:500])
