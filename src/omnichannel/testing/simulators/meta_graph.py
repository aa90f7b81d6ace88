"""What the simulators of Meta's Graph API share: errors, bodies, tokens, signed webhooks, and how it goes away."""

from __future__ import annotations

import hmac
import json
import re
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeGuard
from urllib.parse import urlencode

from omnichannel.model.base import NOTHING
from omnichannel.testing.simulators.accounts import made_up
from omnichannel.testing.simulators.base import (
    BadRequest,
    Request,
    Response,
    Simulator,
    WebhookRequest,
    WithdrawalMode,
    json_response,
)

__all__ = ["GraphError", "GraphSimulator", "body_of", "handshake_request", "is_object", "signed", "template_news"]

TITLES: Mapping[int, str] = {
    1: "An unknown error occurred",
    2: "Service temporarily unavailable",
    4: "Application request limit reached",
    10: "Application does not have permission for this action",
    100: "Invalid parameter",
    190: "Error validating access token",
    200: "Permissions error",
    368: "Temporarily blocked for policies violations",
    613: "Calls to this api have exceeded the rate limit",
}
STATUSES: Mapping[int, int] = {2: 503, 10: 403, 190: 401, 368: 403}


class GraphError(BadRequest):
    """A refusal in the shape of the Graph API. A product has titles and statuses of its own, and may say in
    `error_data` which product it is."""

    titles: ClassVar[Mapping[int, str]] = TITLES
    statuses: ClassVar[Mapping[int, int]] = STATUSES
    product: ClassVar[str | None] = None

    def __init__(
        self,
        code: int,
        details: str = "",
        *,
        status: int | None = None,
        subcode: int | None = None,
        headers: Mapping[str, str] = NOTHING,
    ) -> None:
        title = self.titles.get(code, details or "Error")
        said = title if self.product is not None or not details else details
        error: dict[str, Any] = {"message": f"(#{code}) {said}", "type": "OAuthException", "code": code}
        if subcode is not None:
            error["error_subcode"] = subcode
        if details and self.product is not None:
            error["error_data"] = {"messaging_product": self.product, "details": details}
        error["fbtrace_id"] = "AbCdEfGhIjKlMnOpQrStUvWxYz0"
        super().__init__(title, self.answer(error, status or self.statuses.get(code, 400), headers))
        self.code = code

    @staticmethod
    def answer(error: Mapping[str, Any], status: int, headers: Mapping[str, str] = NOTHING) -> Response:
        """The answer around an error."""
        return json_response({"error": error}, status, headers)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is an object of JSON."""
    return isinstance(value, dict)


def body_of(request: Request, error: type[GraphError] = GraphError) -> dict[str, Any]:
    """The JSON object in a request. Raises `GraphError`."""
    try:
        found: object = json.loads(request.content)
    except ValueError:
        raise error(100, "The body is not JSON") from None
    if not is_object(found):
        raise error(100, "The body is not a JSON object")
    return found


def signed(app_secret: str, url: str, payload: Mapping[str, Any]) -> WebhookRequest:
    """The request with Meta's signature over the raw bytes; Meta writes non-ASCII text as escapes."""
    body = json.dumps(payload, separators=(",", ":")).encode()
    digest = hmac.new(app_secret.encode(), body, "sha256").hexdigest()
    headers = {
        "content-type": "application/json",
        "user-agent": "facebookexternalua",
        "x-hub-signature-256": f"sha256={digest}",
    }
    return WebhookRequest(url=url, headers=headers, body=body)


def handshake_request(verify_token: str, url: str, challenge: str) -> WebhookRequest:
    """The GET with which Meta asks whether the URL is ours."""
    query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
    return WebhookRequest(method="GET", url=f"{url}?{urlencode(query)}")


class GraphSimulator(Simulator):
    """A product on `graph.facebook.com`. All accounts are those of one app, so one secret signs their webhooks."""

    error: ClassVar[type[GraphError]] = GraphError

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        seed: int = 0,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(now=now, seed=seed, sleep=sleep)
        self.app_secret = made_up("app_secret", self.random)
        self.verify_token = made_up("verify_token", self.random)

    @abstractmethod
    def nodes(self) -> Iterable[str]:
        """The ids of the objects that are here."""

    def knows(self, path: str) -> bool:
        """Several products have this host: a request is for the one whose object it names."""
        parts = path.strip("/").split("/")
        return len(parts) > 1 and parts[1] in set(self.nodes())

    def check_caller(self, request: Request, tokens: Iterable[str]) -> str:
        """The access token of a request to a version that there is. Raises `GraphError`."""
        if not re.fullmatch(r"v\d+\.\d+", request.path_params["version"]):
            raise self.error(2500, "Unknown path components")
        token = request.bearer or request.param("access_token")
        if not token or token not in set(tokens):
            raise self.error(190, "The access token is invalid or has expired")
        return token

    def missing(self, node: str) -> GraphError:
        """The answer for an object that is not there, or not for this token."""
        details = f"Unsupported request. Object with ID '{node}' does not exist, or misses permissions"
        return self.error(100, details, subcode=33)

    def gone(self, mode: WithdrawalMode, request: Request) -> Response | None:
        """Graph-shaped answers of an API that has been withdrawn."""
        kind = "OAuthException"
        match mode:
            case "402":
                return GraphError.answer({"message": "Payment required to use this API", "type": kind}, 402)
            case "403-plan":
                return GraphError.answer({"message": "Your plan does not include this API", "type": kind}, 403)
            case "410":
                return GraphError.answer({"message": "This API has been retired", "type": kind}, 410)
            case "200-with-error":
                message = "(#12) messages is deprecated for all versions"
                return GraphError.answer({"message": message, "type": kind, "code": 12}, 200)
            case _:
                return super().gone(mode, request)

    def server_error(self, request: Request) -> Response:
        """Graph's own trouble."""
        return self.error(2).response


def template_news(name: str, languages: Iterable[str], status: str) -> dict[str, Any]:
    """A change that says that a template was paused, disabled or approved."""
    value = {"event": status, "message_template_id": 806312974732579, "message_template_name": name}
    value |= {"message_template_language": min(languages), "reason": "NONE"}
    return {"value": value, "field": "message_template_status_update"}
