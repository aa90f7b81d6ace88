"""OAuth 2 refresh: the request, the token in its answer, and what a refusal means (RFC 6749). OAuth 1.0a: a request
with its signature (RFC 5849)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote_plus

from pydantic import JsonValue, SecretStr

from omnichannel.channel.errors import ErrorFacts, ErrorTable, Rejected, Rule, read_status, unreadable
from omnichannel.channel.wire import Flow, Form, HttpRequest, HttpResponse, Repeat, Token
from omnichannel.kit.flows import Caller
from omnichannel.kit.signatures import oauth1_authorization
from omnichannel.kit.times import at_http_date
from omnichannel.model.base import EPOCH
from omnichannel.model.outcome import Outcome

__all__ = [
    "OAUTH_RULES",
    "OAuth1Keys",
    "authorized",
    "basic_authorization",
    "client_authenticated",
    "client_credentials",
    "oauth1_signed",
    "read_oauth_error",
    "refresh_request",
    "renewed",
    "revealed",
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


def client_credentials(token_url: str) -> HttpRequest:
    """The request for an app's own token (section 4.4); `Channel.sign` puts the client's credentials in. Such a token
    is given as often as it is asked for."""
    grant = Form((("grant_type", "client_credentials"),))
    return HttpRequest(method="POST", url=token_url, body=grant, repeat=Repeat.SAFE, limit="token")


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


def renewed(caller: Caller, errors: ErrorTable, request: HttpRequest, previous: Token | None) -> Flow[Token]:
    """The token that a token endpoint gives. Raises `Rejected`.

    A flow has no clock: how long the token lives counts from the `Date` of the answer; without one it is not known.
    """
    response = yield from caller.http(request)
    failure = errors.failure_of(response)
    if failure is not None:
        raise Rejected(failure)
    now = at_http_date(response.headers.get("date", ""))
    token = token_from(response.json(), now or EPOCH, previous)
    return token if now else replace(token, expires_at=None)


# ---------------------------------------------------------------- requests with their credentials


def authorized(request: HttpRequest, authorization: str) -> HttpRequest:
    """The request with an `Authorization` header."""
    return replace(request, headers={**request.headers, "authorization": authorization})


def revealed(secret: SecretStr | None) -> str:
    """A secret's value; empty where there is none."""
    return secret.get_secret_value() if secret is not None else ""


def client_authenticated(request: HttpRequest, client_id: str | None, secrets: Sequence[SecretStr]) -> HttpRequest:
    """The request with the client's id and its first secret. A public client has no secret, and says who it is in the
    form: its request stays as it is."""
    if not client_id or not secrets:
        return request
    return authorized(request, basic_authorization(client_id, secrets[0].get_secret_value()))


@dataclass(frozen=True, slots=True)
class OAuth1Keys:
    """The app's key and secret, and the user's token and its secret."""

    consumer_key: SecretStr | None
    consumer_secret: SecretStr | None
    token: SecretStr | None
    token_secret: SecretStr | None


def oauth1_signed(request: HttpRequest, keys: OAuth1Keys, now: datetime, nonce: str) -> HttpRequest:
    """The request with its OAuth 1.0a signature: over its query and, where its body is a form, its fields. Its URL is
    whole."""
    authorization = oauth1_authorization(
        method=request.method,
        url=request.url,
        query=request.query,
        form=request.body.fields if isinstance(request.body, Form) else (),
        consumer_key=revealed(keys.consumer_key),
        consumer_secret=revealed(keys.consumer_secret),
        token=revealed(keys.token),
        token_secret=revealed(keys.token_secret),
        nonce=nonce,
        timestamp=int(now.timestamp()),
    )
    return authorized(request, authorization)
