"""The HTTP port on real sockets of this machine: what leaves, what comes back, and how it fails."""

import gzip
import logging
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import anyio
import httpx
import pytest
import trustme

from omnichannel.channel.wire import FilePart, Form, HttpRequest, Multipart, RawBody
from omnichannel.model.content import Media
from omnichannel.runtime.http import HttpxTransport
from omnichannel.runtime.transport import MediaUnavailable, TransportError
from tests.runtime.servers import (
    Behaviour,
    Server,
    Stream,
    answers,
    answers_and_closes,
    is_silent,
    port_of,
    response,
    serve,
)

SECRET = "123:CANARY-SECRET"


def request_to(server: Server | str) -> HttpRequest:
    base = server if isinstance(server, str) else server.url
    return HttpRequest(method="POST", url=f"{base}/bot{SECRET}/send", body={"text": "hé"})


class OneFile:
    """A media source with one file, which may be shorter than it says."""

    def __init__(self, content: bytes, size: int | None) -> None:
        self._content = content
        self._size = size

    async def size(self, media: Media) -> int | None:
        return self._size

    async def open(self, media: Media, *, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        end = len(self._content) if length is None else offset + length
        for at in range(offset, end, 3):
            yield self._content[at : min(at + 3, end)]


@pytest.fixture
async def transport() -> AsyncIterator[HttpxTransport]:
    one = HttpxTransport()
    yield one
    await one.aclose()


async def test_a_request_leaves_with_its_headers_query_and_compact_json(transport: HttpxTransport) -> None:
    async with serve(answers(response(b'{"ok": 1}', headers="X-One: a\r\nX-one: b\r\n"))) as server:
        request = replace(request_to(server), query=(("q", "1 é"),), headers={"Authorization": "Bearer x"})
        answer = await transport.send(request, account="a")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert (answer.status, answer.json(), answer.headers["x-one"]) == (200, {"ok": 1}, "a, b")
    assert head.startswith(b"POST /bot123:CANARY-SECRET/send?q=1+%C3%A9 HTTP/1.1\r\n")
    assert body == '{"text":"hé"}'.encode()
    lines = head.lower().split(b"\r\n")
    assert {b"authorization: bearer x", b"content-type: application/json", b"content-length: 14"} <= set(lines)
    assert not any(line.startswith(b"cookie") for line in lines)


@pytest.mark.parametrize(
    ("body", "media_type", "content"),
    [
        (Form((("a", "1 2"), ("a", "é"))), b"application/x-www-form-urlencoded", b"a=1+2&a=%C3%A9"),
        (RawBody(content=b"\x00\xff", media_type="audio/ogg"), b"audio/ogg", b"\x00\xff"),
        ([1, None, "x"], b"application/json", b'[1,null,"x"]'),
    ],
)
async def test_bodies(transport: HttpxTransport, body: Form | RawBody, media_type: bytes, content: bytes) -> None:
    async with serve(answers(response())) as server:
        await transport.send(replace(request_to(server), body=body), account="a")
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert sent == content
    assert b"content-type: " + media_type in head


@pytest.mark.parametrize(("size", "framing"), [(10, b"content-length: "), (None, b"transfer-encoding: chunked")])
async def test_multipart_streams_a_slice_of_a_file(transport: HttpxTransport, size: int | None, framing: bytes) -> None:
    transport.media = OneFile(b"0123456789", size)
    photo = Media(name='a"b\r\n.png', type="image/png\r\nx-evil: 1", ref="blob:x")
    body = Multipart(fields=(("chat", "7"),), files=(FilePart(name="photo", media=photo, offset=2, length=4),))
    async with serve(answers(response())) as server:
        await transport.send(replace(request_to(server), body=body), account="a")
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert framing in head
    assert b'name="chat"\r\n\r\n7\r\n' in sent
    assert b'filename="a%22b%0D%0A.png"' in sent
    assert b"\r\nx-evil" not in sent
    assert (b"\r\n\r\n2345\r\n--" if size else b"234") in sent


async def test_a_file_that_shrank_is_not_passed_off_as_whole(transport: HttpxTransport) -> None:
    transport.media = OneFile(b"01234", 9)
    body = Multipart(files=(FilePart(name="f", media=Media(ref="blob:x")),))
    async with serve(answers(response())) as server:
        with pytest.raises(MediaUnavailable, match="shorter"):
            await transport.send(replace(request_to(server), body=body), account="a")
        transport.media = None
        with pytest.raises(MediaUnavailable, match="no media source"):
            await transport.send(replace(request_to(server), body=body), account="a")
    assert server.requests == []


async def test_connections_are_kept_per_account_and_host(transport: HttpxTransport) -> None:
    async with serve(answers(response())) as server:
        for _ in range(5):
            await transport.send(request_to(server), account="a")
        assert server.connections == 1
        await transport.send(request_to(server), account="b")
        assert server.connections == 2


async def test_concurrency_is_bounded_before_the_pool() -> None:
    running = most = 0

    async def slow(stream: Stream, request: bytes) -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.sleep(0.005)
        running -= 1
        await stream.send(response())
        return True

    transport = HttpxTransport(lanes=3)
    async with serve(slow) as server:
        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(lambda: transport.send(request_to(server), account="a"))
        await transport.aclose()
        assert (len(server.requests), most, server.connections) == (12, 3, 3)


# ---------------------------------------------------------------- failures


async def _refused_port() -> int:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = port_of(listener)
    await listener.aclose()
    return port


FAULTS: dict[str, tuple[Behaviour, str]] = {
    "no answer": (is_silent, "timeout"),
    "closed before an answer": (answers_and_closes(b""), "reset"),
    "closed in the body": (answers_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"), "reset"),
    "not HTTP": (answers_and_closes(b"SSH-2.0-OpenSSH\r\n\r\n"), "protocol"),
    "headers without end": (answers_and_closes(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000), "protocol"),
    "unknown encoding": (answers(response(b"xx", headers="Content-Encoding: br\r\n")), "protocol"),
    "broken gzip": (answers(response(b"\x1f\x8bno", headers="Content-Encoding: gzip\r\n")), "protocol"),
    "cut gzip": (answers(response(gzip.compress(b"{}" * 9)[:-9], headers="Content-Encoding: gzip\r\n")), "protocol"),
    "too large": (answers(response(b" " * 5000)), "too_large"),
    "a bomb": (answers(response(gzip.compress(bytes(1_000_000)), headers="Content-Encoding: gzip\r\n")), "too_large"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_what_breaks_after_the_request_left_may_have_been_done(name: str) -> None:
    behaviour, kind = FAULTS[name]
    transport = HttpxTransport(answer_limit=4000)
    async with serve(behaviour) as server:
        with pytest.raises(TransportError) as caught:
            await transport.send(replace(request_to(server), timeout=timedelta(milliseconds=200)), account="a")
        await transport.aclose()
    assert (caught.value.kind, caught.value.maybe_sent) == (kind, True)
    assert_tells_nothing(caught.value)


async def test_no_connection_means_nothing_was_sent(transport: HttpxTransport) -> None:
    with pytest.raises(TransportError) as caught:
        await transport.send(request_to(f"http://127.0.0.1:{await _refused_port()}"), account="a")
    assert (caught.value.kind, caught.value.maybe_sent) == ("refused", False)
    assert_tells_nothing(caught.value)


@pytest.mark.parametrize(
    "url", ["/relative/CANARY-SECRET", "https://", "ftp://host/CANARY-SECRET", "http://[::1/CANARY-SECRET", ""]
)
async def test_a_url_that_is_none(transport: HttpxTransport, url: str) -> None:
    with pytest.raises(TransportError) as caught:
        await transport.send(HttpRequest(method="GET", url=url), account="a")
    assert (caught.value.kind, caught.value.maybe_sent) == ("protocol", False)
    assert_tells_nothing(caught.value)


@pytest.mark.parametrize("value", ["CANARY-SECRET\r\nx-evil: 1", "CANARY-SECRET\u20ac", "CANARY-SECRET\x00"])
async def test_a_header_that_cannot_be_written(transport: HttpxTransport, value: str) -> None:
    async with serve(answers(response())) as server:
        with pytest.raises(TransportError) as caught:
            await transport.send(replace(request_to(server), headers={"authorization": value}), account="a")
        assert (caught.value.kind, caught.value.maybe_sent, server.requests) == ("protocol", False, [])
        assert_tells_nothing(caught.value)


async def test_an_unknown_host(transport: HttpxTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def nobody(*args: object, **kwargs: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "CANARY-SECRET.example is not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(TransportError) as caught:
        await transport.send(request_to("http://canary-secret.example"), account="a")
    assert (caught.value.kind, caught.value.maybe_sent) == ("dns", False)
    assert_tells_nothing(caught.value)


def assert_tells_nothing(error: TransportError) -> None:
    # Not only the text: a traceback prints what stands behind an exception.
    assert "canary" not in f"{error!r}{error}".lower()
    assert error.__cause__ is None
    assert error.__context__ is None


# ---------------------------------------------------------------- TLS and the name that is checked


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def trusting(authority: trustme.CA) -> HttpxTransport:
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    return HttpxTransport(ssl_context=context)


def certified(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with authority.issue_cert(name).private_key_and_cert_chain_pem.tempfile() as path:
        context.load_cert_chain(path)
    return context


async def test_the_host_header_is_what_tls_checks(authority: trustme.CA) -> None:
    transport = trusting(authority)
    async with serve(answers(response()), certified(authority, "media.example")) as server:
        request = HttpRequest(method="GET", url=f"https://127.0.0.1:{server.port}/x", headers={"host": "media.example"})
        assert (await transport.send(request, account="a")).status == 200
        assert b"host: media.example\r\n" in server.requests[0]
        with pytest.raises(TransportError) as caught:
            await transport.send(replace(request, headers={"host": "other.example"}), account="a")
        await transport.aclose()
    assert (caught.value.kind, caught.value.maybe_sent) == ("tls", False)
    assert len(server.requests) == 1


async def test_an_unknown_authority_is_refused(authority: trustme.CA, transport: HttpxTransport) -> None:
    async with serve(answers(response()), certified(authority, "localhost")) as server:
        with pytest.raises(TransportError) as caught:
            await transport.send(request_to(f"https://localhost:{server.port}"), account="a")
    assert (caught.value.kind, caught.value.maybe_sent) == ("tls", False)


# ---------------------------------------------------------------- answers


async def test_gzip_is_read(transport: HttpxTransport) -> None:
    async with serve(answers(response(gzip.compress(b'{"a":1}'), headers="Content-Encoding: gzip\r\n"))) as server:
        assert (await transport.send(request_to(server), account="a")).json() == {"a": 1}


async def test_redirects_are_not_followed_and_cookies_not_kept(transport: HttpxTransport) -> None:
    moved = response(b"", "302 Found", "Location: https://elsewhere.example/\r\nSet-Cookie: a=b\r\n")
    async with serve(answers(moved)) as server:
        assert (await transport.send(request_to(server), account="a")).status == 302
        await transport.send(request_to(server), account="a")
    assert len(server.requests) == 2
    assert b"cookie" not in server.requests[1].lower()


async def test_the_environment_is_not_read(transport: HttpxTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with serve(answers(response())) as server:
        assert (await transport.send(request_to(server), account="a")).status == 200


async def test_a_stream_gives_its_status_before_its_body(transport: HttpxTransport) -> None:
    go_on = anyio.Event()

    async def two_halves(stream: Stream, request: bytes) -> bool:
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\none.")
        await go_on.wait()
        await stream.send(b"two.")
        return True

    async with serve(two_halves) as server, transport.stream(request_to(server), account="a") as answer:
        assert answer.status == 200
        found = [await anext(answer.chunks)]
        go_on.set()
        found += [chunk async for chunk in answer.chunks]
    assert found == [b"one.", b"two."]
    assert b"accept-encoding: identity" in server.requests[0]


async def test_a_broken_stream_says_so(transport: HttpxTransport) -> None:
    async with serve(answers_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\none.")) as server:
        async with transport.stream(request_to(server), account="a") as answer:
            with pytest.raises(TransportError) as caught:
                _ = [chunk async for chunk in answer.chunks]
        with pytest.raises(TransportError):
            async with transport.stream(request_to("http://127.0.0.1:1"), account="a"):
                pass
    assert caught.value.kind == "reset"
    assert_tells_nothing(caught.value)


class InProcess(httpx.AsyncBaseTransport):
    """A simulated platform in place of the network."""

    def __init__(self, log: list[str]) -> None:
        self._log = log

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._log.append(f"{request.method} {request.url.host}")
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    async def aclose(self) -> None:
        self._log.append("closed")


class Breaking(httpx.AsyncBaseTransport):
    """Fails as the client does, before or after the body left."""

    def __init__(self, error: Exception, reads: bool) -> None:
        self._error = error
        self._reads = reads

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._reads:
            await request.aread()
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind", "left", "not_left"),
    [
        (httpx.ConnectTimeout("CANARY"), "timeout", False, False),
        (httpx.PoolTimeout("CANARY"), "timeout", False, False),
        (httpx.ConnectError("CANARY"), "refused", False, False),
        (httpx.ReadTimeout("CANARY"), "timeout", True, False),
        (httpx.WriteTimeout("CANARY"), "timeout", True, False),
        (httpx.ReadError("CANARY"), "reset", True, False),
        (httpx.WriteError("CANARY"), "reset", True, False),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), "reset", True, False),
        (httpx.RemoteProtocolError("CANARY"), "protocol", True, False),
        (httpx.LocalProtocolError("CANARY"), "protocol", True, False),
        (ssl.SSLError("CANARY"), "reset", True, False),
        (OSError("CANARY"), "reset", True, False),
    ],
    ids=repr,
)
@pytest.mark.parametrize("has_body", [True, False])
async def test_a_request_whose_body_never_left_was_not_done(
    error: Exception, kind: str, left: bool, not_left: bool, has_body: bool
) -> None:
    request = replace(request_to("https://a"), body={"a": 1} if has_body else None)
    found: list[tuple[str, bool]] = []
    for reads in (True, False):
        transport = HttpxTransport(make=partial(Breaking, error, reads))
        with pytest.raises(TransportError) as caught:
            await transport.send(request, account="a")
        found.append((caught.value.kind, caught.value.maybe_sent))
        assert_tells_nothing(caught.value)
    # Without a body its headers are the whole request: nobody can tell whether they arrived.
    without_body = left and not isinstance(error, httpx.LocalProtocolError)
    assert found == [(kind, left), (kind, not_left if has_body else without_body)]


async def test_the_network_can_be_replaced_and_pools_of_past_hosts_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnichannel.runtime.http.POOLS", 2)
    log: list[str] = []
    transport = HttpxTransport(make=lambda: InProcess(log))
    for host in ("a", "b", "a", "c"):
        await transport.send(request_to(f"https://{host}"), account="x")
    assert log == ["POST a", "POST b", "POST a", "closed", "POST c"]
    await transport.aclose()
    assert log[5:] == ["closed", "closed"]


async def test_what_is_in_use_when_it_closes_is_closed_afterwards() -> None:
    log: list[str] = []
    transport = HttpxTransport(make=lambda: InProcess(log))
    async with transport.stream(request_to("https://a"), account="x"):
        await transport.aclose()
        assert log == ["POST a"]
    assert log == ["POST a", "closed"]


async def test_a_connection_that_cannot_be_made_gives_its_place_back() -> None:
    made: list[InProcess] = []

    def make() -> InProcess:
        made.append(InProcess([]))
        if len(made) < 4:
            raise RuntimeError("no certificates")
        return made[-1]

    transport = HttpxTransport(make=make, lanes=1)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            await transport.send(request_to("https://a"), account="x")
    assert (await transport.send(request_to("https://a"), account="x")).status == 200
    await transport.aclose()


def test_the_ports_load_no_client() -> None:
    names = [
        "transport",
        "bodies",
        "runner",
        "limits",
        "retry",
        "tokens",
        "secrets",
        "media",
        "fetch",
        "sources",
        "sessions",
    ]
    imports = "; ".join(f"import omnichannel.runtime.{name}" for name in names)
    code = f"import sys; {imports}; import omnichannel.webhooks.app; print('httpx' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert found.stdout == "False\n"


async def test_urls_are_remembered_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnichannel.runtime.http.TARGETS", 3)
    log: list[str] = []
    transport = HttpxTransport(make=lambda: InProcess(log))
    for number in range(8):
        await transport.send(HttpRequest(method="GET", url=f"https://a/{number % 5}"), account="x")
    await transport.aclose()
    assert log.count("GET a") == 8


async def test_nothing_of_ours_is_logged_and_the_applications_own_requests_are(
    transport: HttpxTransport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore.http11", "httpcore.connection"):
        caplog.set_level(logging.DEBUG, logger=name)
    async with serve(answers(response(headers="X-Token: CANARY-SECRET\r\n"))) as server:
        await transport.send(request_to(server), account="a")
        async with transport.stream(request_to(server), account="a") as answer:
            _ = [chunk async for chunk in answer.chunks]
        assert "canary" not in caplog.text.lower()
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(f"{server.url}/their-own")
        assert "their-own" in caplog.text
