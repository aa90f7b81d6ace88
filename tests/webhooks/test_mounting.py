"""The same verdict, bytes and URL in every framework and under every mount."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from omnichannel.webhooks.app import WebhookApp
from tests.webhooks.asgi import PUBLIC, Host, signed_headers

App: TypeAlias = Callable[..., Any]


def bare(app: WebhookApp) -> App:
    return app


def starlette(app: WebhookApp) -> App:
    return Starlette(routes=[Mount("/hooks", app=app)])


def nested(app: WebhookApp) -> App:
    return Starlette(routes=[Mount("/api", routes=[Mount("/hooks", app=app)])])


def fastapi(app: WebhookApp) -> App:
    outer = FastAPI()
    outer.mount("/hooks", app)
    return outer


FRAMES: dict[str, tuple[Callable[[WebhookApp], App], str, str]] = {
    "bare": (bare, "", ""),
    "bare, root path": (bare, "", "/proxied"),
    "starlette": (starlette, "/hooks", ""),
    "starlette, nested": (nested, "/api/hooks", ""),
    "fastapi": (fastapi, "/hooks", ""),
    "fastapi, root path that the proxy takes off": (fastapi, "/hooks", "/proxied"),
    "fastapi, root path that it leaves on": (fastapi, "/proxied/hooks", "/proxied"),
}

BODIES = [
    b'{"a":1}',
    b'{"b": 2, "a": 1}',
    '{"emoji": "😀"}'.encode(),
    b'{"slash": "\\/", "u": "\\u00e9"}',
    b'{"crlf": "\\r\\n"}\r\n',
    b'{"trailing": 1}\n',
    b"  {}  ",
    b"",
    b"a=b+c%20d",
    b"\xef\xbb\xbf{}",
]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("chunked", [False, True])
async def test_the_raw_bytes_are_verified_and_kept(frame: str, chunked: bool) -> None:
    wrap, prefix, root = FRAMES[frame]
    host = Host()
    transport = httpx.ASGITransport(wrap(host.app()), root_path=root)
    async with httpx.AsyncClient(transport=transport, base_url="http://inner.example") as client:
        for body in BODIES:
            content = _pieces(body) if chunked else body
            answer = await client.post(f"{prefix}/shop?x=%2F", content=content, headers=signed_headers(body))
            assert (answer.status_code, answer.text) == (200, "taken")
            forged = await client.post(f"{prefix}/shop", content=body + b" ", headers=signed_headers(body))
            assert forged.status_code == 401
        assert (await client.get(f"{prefix}/shop", params={"challenge": "42"})).text == "42"
        assert (await client.get(f"{prefix}/nobody")).status_code == 404
    assert [envelope.content for _, envelope in host.kept] == BODIES
    assert {envelope.url for _, envelope in host.kept} == {f"{PUBLIC}/shop?x=%2F"}


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 3):
        yield body[at : at + 3]
