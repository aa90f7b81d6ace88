"""The same verdict, bytes and URL in every framework, under every mount and behind real servers."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias, cast

import anyio
import django
import httpx
import hypercorn
import hypercorn.trio
import pytest
import uvicorn
from django.conf import settings as django_settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from django.urls import include
from django.urls import path as django_path
from fastapi import FastAPI
from litestar import Litestar, asgi
from sqlalchemy import Connection, select
from starlette.applications import Starlette
from starlette.routing import Mount

from omnichannel import Hub
from omnichannel.contrib.django import webhooks
from omnichannel.hub.ports import Ports
from omnichannel.stores.schema import journal
from omnichannel.sync import Client
from omnichannel.testing.clock import FakeClock
from omnichannel.webhooks.app import WebhookApp
from tests.webhooks.asgi import PUBLIC, Host, SignedAccount, signed_headers
from tests.webhooks.bodies import KEPT, KINDS, REFUSED

App: TypeAlias = Callable[..., Any]
BASE = "http://inner.example"

if not django_settings.configured:
    django_settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=(), SECRET_KEY="test")
    django.setup()


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


def litestar(app: WebhookApp) -> App:
    async def hooks(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return Litestar([asgi("/hooks", is_mount=True, copy_scope=True)(hooks)], openapi_config=None)


def django_asgi() -> Any:
    return get_asgi_application()


def beside_django(app: WebhookApp) -> App:
    return Starlette(routes=[Mount("/hooks", app=app), Mount("/", app=django_asgi())])


FRAMES: dict[str, tuple[Callable[[WebhookApp], App], str, str]] = {
    "bare": (bare, "", ""),
    "bare, root path": (bare, "", "/proxied"),
    "starlette": (starlette, "/hooks", ""),
    "starlette, nested": (nested, "/api/hooks", ""),
    "fastapi": (fastapi, "/hooks", ""),
    "fastapi, root path that the proxy takes off": (fastapi, "/hooks", "/proxied"),
    "fastapi, root path that it leaves on": (fastapi, "/proxied/hooks", "/proxied"),
    "litestar": (litestar, "/hooks", ""),
    "litestar, root path that the proxy takes off": (litestar, "/hooks", "/proxied"),
    "litestar, root path that it leaves on": (litestar, "/proxied/hooks", "/proxied"),
    "beside django": (beside_django, "/hooks", ""),
}


def headers_for(body: bytes, kind: str) -> dict[str, str]:
    return {**signed_headers(body), "content-type": kind}


async def check(client: httpx.AsyncClient, prefix: str, *, chunked: bool) -> list[bytes]:
    """Posts every body as each kind; gives those that have to be kept, in order."""
    for kind in KINDS:
        for name, body in KEPT.items():
            content = _pieces(body) if chunked else body
            answer = await client.post(f"{prefix}/shop?x=%2F", content=content, headers=headers_for(body, kind))
            assert (answer.status_code, answer.text) == (200, "taken"), name
            forged = await client.post(f"{prefix}/shop", content=body + b" ", headers=headers_for(body, kind))
            assert forged.status_code == 401, name
    for name, (body, status) in REFUSED.items():
        refused = await client.post(f"{prefix}/shop", content=body, headers=headers_for(body, "text/plain"))
        assert refused.status_code == status, name
    assert (await client.get(f"{prefix}/shop", params={"challenge": "42"})).text == "42"
    assert (await client.get(f"{prefix}/nobody")).status_code == 404
    assert (await client.delete(f"{prefix}/shop")).status_code == 405
    return list(KEPT.values()) * len(KINDS)


async def _pieces(body: bytes, size: int = 100) -> AsyncIterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("chunked", [False, True])
async def test_the_raw_bytes_are_verified_and_kept(frame: str, chunked: bool) -> None:
    wrap, prefix, root = FRAMES[frame]
    host = Host()
    transport = httpx.ASGITransport(wrap(host.app()), root_path=root)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        expected = await check(client, prefix, chunked=chunked)
    assert [envelope.content for _, envelope in host.kept] == expected
    assert {envelope.url for _, envelope in host.kept} == {f"{PUBLIC}/shop?x=%2F"}


# ---------------------------------------------------------------- Django's own views


class Urls:
    """A URLconf that includes the webhooks of a client."""

    def __init__(self, path: Path) -> None:
        self.client = Client([SignedAccount(id="shop")], store=f"sqlite:///{path}", public_url=PUBLIC, ports=_ports())
        self.urlpatterns = [django_path("api/hooks/", include(webhooks(self.client)))]
        self.path = path

    def kept(self) -> list[tuple[bytes, str]]:
        """What is in the journal."""
        return self.client.run(_journal)


def _ports() -> Ports:
    return Ports(clock=FakeClock(), environ={})


def _journal(office: object) -> Any:
    from omnichannel.hub.office import read

    return (yield from read(_kept))


def _kept(connection: Connection) -> list[tuple[bytes, str]]:
    rows = connection.execute(select(journal.c.content, journal.c.url).order_by(journal.c.seq)).all()
    return [(row.content, row.url) for row in rows]


@pytest.fixture
def urls(tmp_path: Path) -> Iterator[Urls]:
    made = Urls(tmp_path / "desk.db")
    middleware = ["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"]
    with override_settings(ROOT_URLCONF=made, MIDDLEWARE=middleware), made.client:
        yield made


def test_django_under_wsgi(urls: Urls) -> None:
    """Synchronous, in the thread of the server, with what Django does to requests on the way."""
    transport = httpx.WSGITransport(app=get_wsgi_application())
    with httpx.Client(transport=transport, base_url=BASE) as client:

        async def all_of_them() -> list[bytes]:
            return await check(_Awaited(client), "/api/hooks", chunked=False)

        expected = anyio.run(all_of_them)
        # WSGI gives Django no body whose length was not said: refused, not taken for an empty one.
        unmeasured = client.post("/api/hooks/shop", content=iter([b"{}"]), headers=headers_for(b"{}", "text/plain"))
        assert unmeasured.status_code == 401
        assert client.head("/api/hooks/shop", params={"challenge": "42"}).content == b""
    assert urls.kept() == [(body, f"{PUBLIC}/shop?x=%2F") for body in expected]


class _Awaited(httpx.AsyncClient):
    """A synchronous client to those who await."""

    def __init__(self, client: httpx.Client) -> None:
        super().__init__()
        self._client = client

    async def request(self, *args: Any, **kwargs: Any) -> httpx.Response:
        return self._client.request(*args, **kwargs)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_djangos_view_under_asgi(urls: Urls, chunked: bool, anyio_backend: str) -> None:
    """Django itself runs on asyncio alone."""
    transport = httpx.ASGITransport(django_asgi())
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        expected = await check(client, "/api/hooks", chunked=chunked)
    assert [body for body, _ in urls.kept()] == expected


# ---------------------------------------------------------------- real servers


@asynccontextmanager
async def served(path: Path, backend: str) -> AsyncGenerator[tuple[Hub, str]]:
    """A hub in a web app that a real server serves on loopback: uvicorn on asyncio, hypercorn on trio."""
    hub = Hub([SignedAccount(id="shop")], store=f"sqlite:///{path}", public_url=PUBLIC, work=False, ports=_ports())
    app = Starlette(routes=[Mount("/hooks", app=hub.asgi)])
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    async with hub, anyio.create_task_group() as tasks:
        if backend == "asyncio":
            server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
            tasks.start_soon(server.serve, [listening])
            yield hub, f"http://127.0.0.1:{port}"
            server.should_exit = True
        else:
            config, over = hypercorn.Config(), anyio.Event()
            config.bind, config.accesslog, config.errorlog = [f"fd://{listening.detach()}"], None, None
            tasks.start_soon(_hypercorn, app, config, over)
            yield hub, f"http://127.0.0.1:{port}"
            over.set()


async def _hypercorn(app: Any, config: hypercorn.Config, over: anyio.Event) -> None:
    serve: Any = cast(Any, hypercorn.trio).serve
    await serve(app, config, shutdown_trigger=over.wait)


async def test_behind_a_real_server(tmp_path: Path, anyio_backend: str) -> None:
    async with served(tmp_path / "desk.db", anyio_backend) as (hub, url), httpx.AsyncClient(base_url=url) as client:
        expected = await check(client, "/hooks", chunked=False)
        expected += await check(client, "/hooks", chunked=True)
        kept = await hub.core.store.read(_kept)
    assert [body for body, _ in kept] == expected
    assert {where for _, where in kept} == {f"{PUBLIC}/shop?x=%2F"}
