"""Pywa, for whose types ours have no use: what the tests take of it, and the way to a port of this machine."""

from importlib import import_module
from typing import Any

import httpx

WhatsApp: Any = import_module("pywa").WhatsApp
errors: Any = import_module("pywa.errors")
types: Any = import_module("pywa.types")


class _OnLoopback(httpx.HTTPTransport):
    """A transport of HTTPX, as a proxy in front of Meta would be: the request keeps its host."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.port)
        return super().handle_request(request)


def session(port: int) -> httpx.Client:
    """What pywa calls Meta with: an HTTPX client of ours, whose every address is a port of this machine."""
    return httpx.Client(transport=_OnLoopback(port), trust_env=False)
