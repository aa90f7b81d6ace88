"""Tweepy, which has no types: what the tests take of it, and the way to a port of this machine."""

from importlib import import_module
from typing import Any
from urllib.parse import urlsplit, urlunsplit

_tweepy: Any = import_module("tweepy")
_adapters: Any = import_module("requests.adapters")

Client: Any = _tweepy.Client
Paginator: Any = _tweepy.Paginator
BadRequest: Any = _tweepy.BadRequest
Forbidden: Any = _tweepy.Forbidden
NotFound: Any = _tweepy.NotFound
TooManyRequests: Any = _tweepy.TooManyRequests
TwitterServerError: Any = _tweepy.TwitterServerError
Unauthorized: Any = _tweepy.Unauthorized
PLACES = "https://api.twitter.com"


class _OnLoopback:
    """An adapter of Requests, as a proxy in front of X would be: the request keeps its host, and says it was https."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.inner = _adapters.HTTPAdapter()

    def send(self, request: Any, **options: Any) -> Any:
        parts = urlsplit(str(request.url))
        request.headers.update({"Host": parts.netloc, "X-Forwarded-Proto": parts.scheme})
        request.url = urlunsplit(("http", f"127.0.0.1:{self.port}", *parts[2:]))
        return self.inner.send(request, **options)

    def close(self) -> None:
        self.inner.close()


def client(port: int, **credentials: str) -> Any:
    """Tweepy's own client, unchanged; its session finds X on a port of this machine."""
    made = Client(**credentials)
    made.session.mount(PLACES, _OnLoopback(port))
    return made
