"""Webhooks: what is verified is kept before it is acknowledged, and nothing else is kept or breaks."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.channel import Channel, Envelope, HttpReply
from omnichannel.model.exceptions import StoreError
from omnichannel.testing.clock import START
from tests.webhooks.asgi import PUBLIC, Answered, Host, SignedAccount, SignedChannel, call, signed_headers

BODY = b'{"text": "hi"}'


async def test_what_is_signed_is_kept_and_then_acknowledged() -> None:
    host = Host()
    headers = {**signed_headers(BODY), "Content-Type": "application/json", "Host": "evil.example"}
    answered = await call(host.app(), BODY, headers=headers, query="a=1&b=%C3%A9&a=2")
    assert answered == Answered(
        200, {"content-type": "text/plain; charset=utf-8", "content-length": "5", "x-reply": "1"}, b"taken"
    )
    ((endpoint, envelope),) = host.kept
    assert endpoint == "shop"
    assert envelope == Envelope(
        source="webhook",
        method="POST",
        url=f"{PUBLIC}/shop?a=1&b=%C3%A9&a=2",
        query={"a": "2", "b": "é"},
        headers={name.lower(): value for name, value in headers.items()},
        content=BODY,
        received_at=START,
    )


@pytest.mark.parametrize("pieces", [[BODY], [BODY[:3], b"", BODY[3:]], [b"", BODY], [bytes([one]) for one in BODY]])
async def test_a_body_in_pieces_is_the_same_body(pieces: list[bytes]) -> None:
    host = Host()
    answered = await call(host.app(), pieces, headers=signed_headers(BODY))
    assert answered is not None
    assert (answered.status, host.kept[0][1].content) == (200, BODY)


async def test_repeated_headers_are_joined() -> None:
    host = Host()
    pairs = [*signed_headers(BODY).items(), ("X-Many", "a"), ("x-many", "b")]
    await call(host.app(), BODY, headers=pairs)
    assert host.kept[0][1].headers["x-many"] == "a, b"


DEEP = b"[" * 65 + b"]" * 65
BAD: dict[str, tuple[bytes, dict[str, str], int]] = {
    "no signature": (BODY, {}, 401),
    "bad signature": (BODY, {**signed_headers(BODY), "x-signature": "0" * 64}, 401),
    "a signature that is not ASCII": (BODY, {**signed_headers(BODY), "x-signature": "é" * 64}, 401),
    "another secret": (BODY, signed_headers(BODY, secret="other"), 401),
    "another body": (BODY + b" ", signed_headers(BODY), 401),
    "stale": (BODY, signed_headers(BODY, START - timedelta(seconds=301)), 401),
    "from the future": (BODY, signed_headers(BODY, START + timedelta(seconds=301)), 401),
    "a time that is none": (BODY, {**signed_headers(BODY), "x-time": "²"}, 401),
    "too large": (b" " * 10_001, signed_headers(b" " * 10_001), 413),
    "signed, not UTF-8": (b'{"a": "\xff"}', signed_headers(b'{"a": "\xff"}'), 400),
    "signed, not UTF-8, said to be JSON": (b"\xff", signed_headers(b"\xff", content_type="application/json"), 400),
    "signed, too deep": (DEEP, signed_headers(DEEP), 400),
    "an adapter that breaks": (BODY, {"x-mode": "crash"}, 400),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_not_right_is_refused_clearly_and_kept_nowhere(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    body, headers, status = BAD[name]
    host = Host()
    with caplog.at_level(logging.DEBUG):
        answered = await call(host.app(), body, headers=headers)
    assert answered is not None
    assert (answered.status, host.kept) == (status, [])
    assert 0 < len(answered.body) < 100
    assert b"Traceback" not in answered.body
    assert "canary" not in caplog.text + answered.body.decode()


@pytest.mark.parametrize("missing", [(), ("",)])
async def test_an_account_without_a_secret_takes_nothing(missing: tuple[str, ...]) -> None:
    host = Host()
    app = host.app({"shop": SignedChannel(SignedAccount.model_validate({"id": "shop", "app_secret": missing}))})
    for secret in ("", "s3cret"):
        answered = await call(app, BODY, headers=signed_headers(BODY, secret=secret))
        assert answered is not None
        assert (answered.status, host.kept) == (401, [])


@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (300, 200), (301, 401)])
@pytest.mark.parametrize("sign", [1, -1])
async def test_freshness_both_ways(seconds: int, status: int, sign: int) -> None:
    headers = signed_headers(BODY, START + sign * timedelta(seconds=seconds))
    answered = await call(Host().app(), BODY, headers=headers)
    assert answered is not None
    assert answered.status == status


@pytest.mark.parametrize("body", [b"a=b&c=%FF", b"\xff\xfe binary", b"From: x\r\n\r\n{[not json", b""])
async def test_other_bodies_are_kept_as_they_are(body: bytes) -> None:
    host = Host()
    answered = await call(host.app(), body, headers=signed_headers(body, content_type="application/octet-stream"))
    assert answered is not None
    assert (answered.status, host.kept[0][1].content) == (200, body)


# ---------------------------------------------------------------- size


async def test_what_is_said_to_be_too_large_is_not_read_at_all() -> None:
    async def never() -> MutableMapping[str, Any]:
        raise AssertionError("the body was read")

    sent: list[MutableMapping[str, Any]] = []

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event)

    for length in (b"10001", b"9" * 5000):
        scope = {"type": "http", "method": "POST", "path": "/shop", "headers": [(b"content-length", length)]}
        await Host().app()(scope, never, send)
    assert [event["status"] for event in sent[::2]] == [413, 413]


async def test_what_is_too_large_is_read_no_further_than_the_limit() -> None:
    read = 0

    async def endless() -> MutableMapping[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    sent: list[MutableMapping[str, Any]] = []

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event)

    await Host().app()({"type": "http", "method": "POST", "path": "/shop", "headers": []}, endless, send)
    assert (sent[0]["status"], read) == (413, 11)


@pytest.mark.parametrize("length", ["x", "-1", "10000", "²"])
async def test_a_length_that_says_nothing_useful_changes_nothing(length: str) -> None:
    answered = await call(Host().app(), BODY, headers=signed_headers(BODY, content_length=length))
    assert answered is not None
    assert answered.status == 200


async def test_a_client_that_goes_away_gets_no_answer_and_leaves_nothing() -> None:
    host = Host()
    assert await call(host.app(), [BODY[:5]], headers=signed_headers(BODY), disconnect=True) is None
    assert await call(host.app(), [], headers=signed_headers(b"")) is None
    assert host.kept == []


# ---------------------------------------------------------------- methods and paths


@pytest.mark.parametrize(
    ("method", "query", "status", "body"),
    [
        ("GET", "challenge=42", 200, b"42"),
        ("HEAD", "challenge=42", 200, b""),
        ("GET", "", 403, b"no challenge"),
        ("HEAD", "", 403, b""),
        ("DELETE", "", 405, b"not this method"),
        ("OPTIONS", "", 405, b"not this method"),
        ("GET", "&".join(f"a{n}=1" for n in range(201)), 400, b"too many parameters"),
        ("GET", "challenge=%FF", 200, "\ufffd".encode()),
    ],
)
async def test_handshakes_and_methods(method: str, query: str, status: int, body: bytes) -> None:
    host = Host()
    answered = await call(host.app(), method=method, query=query)
    assert answered is not None
    assert (answered.status, answered.body, host.kept) == (status, body, [])


async def test_head_says_what_get_would_say_and_keeps_nothing() -> None:
    host = Host()
    host.keys["https://k"] = b"good"
    answered = await call(host.app(), method="HEAD", headers={"x-mode": "key", "x-key-url": "https://k"})
    assert answered is not None
    assert (answered.status, host.kept) == (200, [])


@pytest.mark.parametrize("path", ["/", "", "/nobody", "/shopx", "/nobody/shop", "//shop", "/sho%70"])
async def test_an_unknown_path_is_404(path: str) -> None:
    host = Host()
    answered = await call(host.app(), BODY, path=path, headers=signed_headers(BODY))
    assert answered is not None
    assert (answered.status, host.kept) == (404, [])


@pytest.mark.parametrize(
    ("path", "scope", "url"),
    [
        ("/shop", {}, f"{PUBLIC}/shop"),
        ("/shop/", {}, f"{PUBLIC}/shop/"),
        ("/shop/a%2Fb", {"path": "/shop/a/b"}, f"{PUBLIC}/shop/a%2Fb"),
        ("/api/hooks/shop", {"root_path": "/api/hooks"}, f"{PUBLIC}/shop"),
        ("/shop", {"root_path": "/api/hooks"}, f"{PUBLIC}/shop"),
        ("/shop", {"root_path": "/api/hooks/", "raw_path": None}, f"{PUBLIC}/shop"),
        ("/shop/x", {"root_path": "/sho"}, f"{PUBLIC}/shop/x"),
        ("/shop?a=b", {"path": "/shop"}, f"{PUBLIC}/shop"),
    ],
)
async def test_the_endpoint_and_its_url_wherever_it_is_mounted(path: str, scope: dict[str, Any], url: str) -> None:
    host = Host()
    headers = signed_headers(BODY, host="evil.example", x_forwarded_host="evil.example")
    await call(host.app(), BODY, path=path, headers=headers, scope=scope)
    assert host.kept[0][1].url == url


async def test_a_tombstone_still_accepts_and_doors_are_looked_up_each_time() -> None:
    host = Host()
    doors: dict[str, SignedChannel] = {}
    closed = SignedChannel(SignedAccount(id="closed"))
    app = host.app(doors, tombstones={"closed": closed})
    statuses: list[int] = []
    for path in ("/closed", "/late"):
        answered = await call(app, BODY, path=path, headers=signed_headers(BODY))
        assert answered is not None
        statuses.append(answered.status)
    doors["late"] = closed
    answered = await call(app, BODY, path="/late", headers=signed_headers(BODY))
    assert answered is not None
    assert ([*statuses, answered.status], [name for name, _ in host.kept]) == ([200, 404, 200], ["closed", "late"])


# ---------------------------------------------------------------- the journal


@pytest.mark.parametrize("error", [StoreError("disk full: canary"), OSError("x"), RuntimeError("x")])
async def test_what_cannot_be_kept_is_not_acknowledged(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    host = Host(fail=error)
    app = host.app()
    answered = await call(app, BODY, headers=signed_headers(BODY))
    assert answered is not None
    assert (answered.status, answered.headers["retry-after"]) == (503, "5")
    assert "canary" not in caplog.text
    host.fail = None
    answered = await call(app, BODY, headers=signed_headers(BODY))
    assert answered is not None
    assert answered.status == 200


async def test_too_many_that_wait_for_the_journal_push_back() -> None:
    go_on = anyio.Event()

    class Slow(Host):
        async def journal(self, endpoint: str, envelope: Envelope, /) -> None:
            await go_on.wait()
            await super().journal(endpoint, envelope)

    host = Slow()
    app = host.app(most_waiting=3)
    statuses: list[tuple[int, str]] = []

    async def one(body: bytes = BODY) -> None:
        answered = await call(app, body, headers=signed_headers(BODY))
        assert answered is not None
        statuses.append((answered.status, answered.headers.get("retry-after", "")))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(one)
        tasks.start_soon(one, b"forged")
        await anyio.wait_all_tasks_blocked()
        assert sorted(statuses) == [(401, ""), (503, "1"), (503, "1")]
        go_on.set()
    assert (statuses.count((200, "")), len(host.kept)) == (3, 3)
    await one()
    assert len(host.kept) == 4


async def test_a_request_that_is_cancelled_gives_its_place_back() -> None:
    class Hanging(Host):
        async def journal(self, endpoint: str, envelope: Envelope, /) -> None:
            await anyio.sleep_forever()

    app = Hanging().app(most_waiting=1)
    for _ in range(3):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: call(app, BODY, headers=signed_headers(BODY)))
            await anyio.wait_all_tasks_blocked()
            answered = await call(app, BODY, headers=signed_headers(BODY))
            assert answered is not None
            assert answered.status == 503
            tasks.cancel_scope.cancel()


# ---------------------------------------------------------------- keys, confirmations, answers in the response


async def asked(host: Host, app: Any, url: str, mode: str = "key") -> Answered:
    answered = await call(app, BODY, headers={"x-mode": mode, "x-key-url": url})
    assert answered is not None
    return answered


async def test_a_key_is_fetched_once_and_kept() -> None:
    host = Host(keys={"https://k/1": b"good", "https://k/2": b"bad"})
    app = host.app()
    found = [(await asked(host, app, f"https://k/{n}")).status for n in (1, 1, 2, 2)]
    assert (found, host.fetched, len(host.kept)) == ([200, 200, 401, 401], ["https://k/1", "https://k/2"], 2)


async def test_many_who_need_a_key_share_one_fetch() -> None:
    host = Host(keys={"https://k": b"good"})
    app = host.app()
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(asked, host, app, "https://k")
    assert (host.fetched, len(host.kept)) == (["https://k"], 20)


@pytest.mark.parametrize("url", ["https://k/none", "https://k/broken"])
async def test_a_key_that_cannot_be_had_is_tried_again_in_five_minutes(url: str) -> None:
    host = Host()
    app = host.app()
    found = [await asked(host, app, url) for _ in range(3)]
    assert {(one.status, one.headers["retry-after"]) for one in found} == {(503, "30")}
    assert (len(host.fetched), host.kept) == (1, [])
    await host.clock.advance(timedelta(minutes=5))
    host.keys["https://k/none"] = b"good"
    again = await asked(host, app, url)
    assert (again.status, len(host.fetched)) == (200 if url.endswith("none") else 503, 2)


async def test_an_adapter_that_wants_another_key_each_time_is_bounded() -> None:
    host = Host(keys={"https://k": b"good"})
    answered = await asked(host, host.app(), "https://k", mode="always-key")
    assert (answered.status, host.fetched) == (503, ["https://k"])


async def test_forgers_cannot_make_us_fetch_without_end() -> None:
    host = Host()
    app = host.app()
    for number in range(100):
        await asked(host, app, f"https://k/{number}")
    assert len(host.fetched) == 64
    await host.clock.advance(timedelta(minutes=5))
    host.keys["https://k/new"] = b"good"
    assert (await asked(host, app, "https://k/new")).status == 200


async def test_a_subscription_is_confirmed_or_asked_for_again() -> None:
    host = Host()
    answered = await call(host.app(), BODY, headers={"x-mode": "confirm"})
    assert answered is not None
    assert (answered.status, host.confirmed, host.kept) == (200, [("shop", "https://sns.example/confirm")], [])
    host.fail = StoreError("network")
    answered = await call(host.app(), BODY, headers={"x-mode": "confirm"})
    assert answered is not None
    assert (answered.status, len(host.confirmed)) == (503, 1)


@dataclass(frozen=True)
class Said:
    """A reply with a part in it, and how its attempt is settled."""

    reply: HttpReply
    done: Callable[[bool], Awaitable[None]]


@dataclass
class Waiting:
    """Holds responses open; answers with `reply`, with nothing, or breaks."""

    reply: HttpReply | None = None
    fail: Exception | None = None
    full: bool = False
    kept: list[tuple[str, bytes, datetime]] = field(default_factory=list[tuple[str, bytes, datetime]])
    asked: list[tuple[int, int, bool]] = field(default_factory=list[tuple[int, int, bool]])
    settled: list[bool] = field(default_factory=list[bool])
    patience: int = 0

    async def keep(self, endpoint: str, envelope: Envelope, until: datetime, /) -> int:
        if self.full:
            raise StoreError("the disk is full")
        self.kept.append((endpoint, envelope.content, until))
        return len(self.kept)

    async def answer(
        self,
        seq: int,
        channel: Channel[Any],
        envelope: Envelope,
        until: datetime,
        room: int,
        gone: Callable[[], bool],
        /,
    ) -> Said | None:
        for _ in range(self.patience):
            await anyio.lowlevel.checkpoint()
        self.asked.append((seq, room, gone()))
        if self.fail is not None:
            raise self.fail

        async def done(written: bool) -> None:
            await anyio.lowlevel.checkpoint()
            self.settled.append(written)

        return None if self.reply is None else Said(self.reply, done)


HI = HttpReply(200, b"<Say>hi</Say>", "application/xml")


@pytest.mark.parametrize(
    ("waiting", "body", "settled"),
    [(Waiting(HI), HI.content, [True]), (Waiting(), b"taken", []), (Waiting(HI, StoreError("x")), b"taken", [])],
    ids=["in time", "too late", "broken"],
)
async def test_an_answer_may_go_out_in_the_response(waiting: Waiting, body: bytes, settled: list[bool]) -> None:
    host, waiting = Host(), replace(waiting, kept=[], asked=[], settled=[])
    app = host.app(responses=waiting)
    answered = await call(app, BODY, headers=signed_headers(BODY, x_mode="within"), stays=True)
    assert answered is not None
    assert (answered.status, answered.body) == (200, body)
    assert waiting.kept == [("shop", BODY, START + timedelta(seconds=3))]
    assert (waiting.asked, waiting.settled) == ([(1, 1, False)], settled)
    plain = await call(app, BODY, headers=signed_headers(BODY))
    without = await call(host.app(), BODY, headers=signed_headers(BODY, x_mode="within"))
    assert [one.body for one in (plain, without) if one is not None] == [b"taken", b"taken"]
    assert len(waiting.kept) == 1


async def test_what_waits_for_an_answer_is_kept_first_too() -> None:
    waiting = Waiting(HI, full=True)
    answered = await call(Host().app(responses=waiting), BODY, headers=signed_headers(BODY, x_mode="within"))
    assert answered is not None
    assert (answered.status, waiting.asked) == (503, [])


async def test_whoever_waits_is_told_that_the_client_has_gone() -> None:
    waiting = Waiting(HI, patience=20)
    await call(Host().app(responses=waiting), BODY, headers=signed_headers(BODY, x_mode="within"))
    assert (waiting.asked, waiting.settled) == ([(1, 1, True)], [False])


async def test_a_server_that_cancels_the_answer_leaves_it_unknown() -> None:
    """Some cancel the app when their client goes away, in the middle of a send."""
    waiting = Waiting(HI)
    with anyio.CancelScope() as scope:
        await call(
            Host().app(responses=waiting),
            BODY,
            headers=signed_headers(BODY, x_mode="within"),
            stays=True,
            sending=scope.cancel,
        )
    assert (scope.cancelled_caught, waiting.settled) == (True, [False])


# ---------------------------------------------------------------- the protocol


async def test_lifespan_and_websocket() -> None:
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}, {"type": "websocket.connect"}]
    sent: list[str] = []

    async def receive() -> MutableMapping[str, Any]:
        return dict(events.pop(0))

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event["type"])

    app = Host().app()
    await app({"type": "lifespan"}, receive, send)
    await app({"type": "websocket", "path": "/shop"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]


header_text = st.text(st.characters(max_codepoint=255), max_size=40)
names = st.sampled_from(["x-time", "x-signature", "x-mode", "content-type", "content-length", "x-key-url", "any"])


@given(
    body=st.binary(max_size=300),
    headers=st.lists(st.tuples(names, header_text), max_size=8),
    query=st.text(st.characters(max_codepoint=255), max_size=60),
    path=st.one_of(st.just("/shop"), st.text(st.characters(max_codepoint=127), max_size=30)),
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "BREW"]),
)
def test_no_forged_request_gets_in_or_breaks_anything(
    body: bytes, headers: list[tuple[str, str]], query: str, path: str, method: str
) -> None:
    host = Host()

    async def run() -> Answered | None:
        return await call(host.app(), body, path=path, method=method, headers=headers, query=query)

    answered = anyio.run(run)
    assert answered is not None
    assert answered.status in (200, 400, 401, 403, 404, 405, 413, 503)
    assert answered.status != 200 or ("challenge" in query or ("x-mode", "confirm") in headers)
    assert host.kept == []


@given(at=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_no_changed_byte_of_a_signed_request_gets_in(at: int, bit: int) -> None:
    host = Host()
    changed = bytearray(BODY)
    changed[at] ^= 1 << bit

    async def run() -> Answered | None:
        return await call(host.app(), bytes(changed), headers=signed_headers(BODY))

    answered = anyio.run(run)
    assert answered is not None
    assert (answered.status, host.kept) == (401, [])
