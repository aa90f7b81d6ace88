"""What a flow outside of a channel needs of one, and the requests that every flow makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, Protocol

from pydantic import JsonValue

from omnichannel.channel.errors import Rejected
from omnichannel.channel.wire import Flow, Form, HttpRequest, HttpResponse, Multipart, Repeat
from omnichannel.kit.refusals import connect_again
from omnichannel.model.outcome import Failure

__all__ = ["Caller", "asked", "probed", "read", "repeatable"]


class Caller(Protocol):
    """The helpers of `Channel` for flows."""

    def call(self, request: HttpRequest) -> Flow[Any]:
        """Sends a request and gives its JSON. Raises `Rejected`."""
        ...

    def http(self, request: HttpRequest) -> Flow[HttpResponse]:
        """Sends a request and gives the response, whatever it says."""
        ...

    def require(self, data: Any, *path: str | int) -> str:
        """The string at `path` of an answer. Raises `Rejected`."""
        ...


def read(url: str, limit: str, query: Iterable[tuple[str, str]] = ()) -> HttpRequest:
    """A request that changes nothing."""
    return HttpRequest(method="GET", url=url, query=tuple(query), repeat=Repeat.SAFE, limit=limit)


def repeatable(
    method: Literal["GET", "POST", "PUT", "DELETE"],
    url: str,
    limit: str,
    body: JsonValue | Form | Multipart = None,
) -> HttpRequest:
    """A request that, done twice, is as if it had been done once, or is refused by name."""
    return HttpRequest(method=method, url=url, body=body, repeat=Repeat.SAFE, limit=limit)


def asked(
    caller: Caller,
    method: Literal["GET", "POST", "PUT", "DELETE"],
    url: str,
    limit: str,
    body: JsonValue | Form | Multipart = None,
) -> Flow[Any]:
    """The JSON that a repeatable request gives. Raises `Rejected`."""
    return (yield from caller.call(repeatable(method, url, limit, body)))


def probed(identify: Flow[tuple[str, str]], wrong: Callable[[str, str], str | None]) -> Flow[Failure | None]:
    """Whether a token works and is that of our account, by asking whose it is. `wrong` says, for an id and a name,
    what is wrong with them."""
    try:
        found = yield from identify
    except Rejected as refusal:
        return refusal.failure
    message = wrong(*found)
    return None if message is None else connect_again("other_account", message)
