"""What all simulated platforms share: routes, phones, webhooks, faults, withdrawal."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any, get_args

import pytest
from pydantic import SecretStr

from omnichannel.channel.wire import Form, HttpRequest, RawBody
from omnichannel.runtime.transport import TransportError
from omnichannel.testing.asgi import InProcessTransport, post_webhook
from omnichannel.testing.clock import FakeClock
from omnichannel.testing.faults import FaultKind, FaultPlan
from omnichannel.testing.simulators.base import WebhookRequest, WithdrawalMode, fill
from omnichannel.testing.simulators.http import ASGIApp, Receive, Scope, SendEvent
from tests.testing.post_office import PostAccount, PostOffice

API = "https://api.post.example"


class Office:
    """A post office with an account of ours and a customer, and our side of it."""

    def __init__(self, seed: int = 0) -> None:
        self.clock = FakeClock()
        self.platform = PostOffice(now=self.clock.now, seed=seed)
        self.http = InProcessTransport([self.platform])
        self.account = self.platform.adopt(PostAccount(id="box-1", token="env:TOKEN"))
        self.platform.connect("box-1", "https://desk.example/hooks/box-1")
        self.platform.customer("Ann", "ann", country="FR")
        self.posted: list[tuple[str, Any]] = []
        self.status = 200

    async def send(self, text: str, to: str = "ann", **more: Any) -> tuple[int, Any]:
        request = HttpRequest(method="POST", url=f"{API}/boxes/box-1/letters", body={"to": to, "text": text, **more})
        answer = await self.http.send(request, account="box-1")
        return answer.status, answer.json()

    async def post(self, request: WebhookRequest) -> int:
        self.posted.append((request.headers["x-sent-at"], json.loads(request.body)))
        return self.status

    async def deliver(self, after: float = 0) -> list[tuple[str, Any]]:
        await self.clock.advance(timedelta(seconds=after))
        self.posted.clear()
        await self.platform.deliver_due(self.post)
        return list(self.posted)


async def test_a_letter_is_shown_counted_and_reported() -> None:
    office = Office()
    assert await office.send("Hello", key="k1", choices=["Yes", "No"]) == (201, {"id": "L1001"})
    (seen,) = office.platform.seen("ann")
    assert (seen.text, seen.message_id, [one.title for one in seen.choices]) == ("Hello", "L1001", ["Yes", "No"])
    assert office.platform.accepted == {("ann", "Hello", "k1"): 1}
    assert await office.deliver() == []
    assert office.platform.next_due() == office.clock.now() + timedelta(seconds=2)
    assert await office.deliver(2) == [("09:00:02", {"delivered": "L1001"})]
    assert office.platform.next_due() is None
    assert [(one.request.path, one.status) for one in office.platform.requests] == [("/boxes/box-1/letters", 201)]


async def test_a_customer_writes_picks_blocks_and_comes_back() -> None:
    office = Office()
    assert office.platform.says("ann", "Where is it?") == "C1001"
    assert await office.deliver() == [("09:00:00", {"from": "ann", "text": "Where is it?", "id": "C1001"})]
    await office.send("A refund?", choices=["Yes", "No"])
    await office.deliver(5)
    office.platform.picks("ann", "yes")
    assert (await office.deliver())[0][1]["text"] == "yes"
    with pytest.raises(LookupError, match=r"no button 'Maybe' on ann's phone; it shows \['Yes', 'No'\]"):
        office.platform.picks("ann", "Maybe")
    office.platform.blocks("ann")
    assert await office.send("Still there?") == (404, {"error": "no such box"})
    office.platform.blocks("ann", blocked=False)
    assert (await office.send("Hello again"))[0] == 201
    office.platform.opens("ann", "https://post.example/new?text=Hello+%23A7K2")
    assert (await office.deliver())[0][1]["text"] == "Hello #A7K2"
    office.platform.opens("ann", "https://post.example/new")
    assert (await office.deliver())[0][1]["text"] == "Hello"


async def test_a_shown_message_is_edited_and_taken_away() -> None:
    office = Office()
    await office.send("Helo")
    (seen,) = office.platform.seen("ann")
    assert office.platform.reshow("ann", seen.message_id, replace(seen, text="Hello"))
    assert [one.text for one in office.platform.seen("ann")] == ["Hello"]
    assert office.platform.reshow("ann", seen.message_id, None)
    assert not office.platform.reshow("ann", seen.message_id, None)
    assert office.platform.seen("ann") == []


async def test_a_refused_webhook_is_tried_again_and_given_up() -> None:
    office = Office()
    office.status = 503
    office.platform.says("ann", "hello")
    assert [at for at, _ in await office.deliver()] == ["09:00:00"]
    assert await office.deliver(9) == []
    assert [at for at, _ in await office.deliver(1)] == ["09:00:10"]
    office.status = 0
    assert [at for at, _ in await office.deliver(60)] == ["09:01:10"]
    assert [one.tries for one in office.platform.webhooks.given_up] == [2]
    assert (len(office.platform.webhooks), office.platform.webhooks.delivered) == (0, 0)


async def test_nobody_is_told_without_a_url_and_an_account_is_needed() -> None:
    platform = PostOffice(now=FakeClock().now)
    with pytest.raises(LookupError, match="adopt one first"):
        platform.says("bob", "hello")
    platform.adopt(PostAccount(id="box-2"))
    platform.says("bob", "hello")
    assert platform.next_due() is None
    assert platform.webhook_url("box-2") is None


async def test_webhooks_are_doubled_and_reordered_by_the_seed() -> None:
    async def run() -> list[str]:
        office = Office()
        office.platform.faults = FaultPlan(3, {"duplicate_webhook": 0.5, "reordered_webhooks": 0.5})
        for number in range(20):
            office.platform.says("ann", str(number))
        return [data["text"] for _, data in await office.deliver(120)]

    order = await run()
    assert order == await run()
    assert sorted(set(order), key=int) == [str(number) for number in range(20)]
    assert len(order) > 20
    assert list(dict.fromkeys(order)) != sorted(set(order), key=int)


@pytest.mark.parametrize(
    ("fault", "status", "content", "done"),
    [
        ("rate_limited", 429, b"too many", False),
        ("server_error", 503, b"internal error", False),
        ("html_error", 502, b"<html>", False),
        ("truncated_json", 201, b'{"id":', True),
        ("slow", 201, b'{"id":"L1001"}', True),
    ],
)
async def test_a_fault_of_an_answer(fault: FaultKind, status: int, content: bytes, done: bool) -> None:
    office = Office()
    office.platform.faults = FaultPlan(1, {fault: 1.0})
    request = HttpRequest(method="POST", url=f"{API}/boxes/b/letters", body={"to": "ann", "text": "hi"})
    answer = await office.http.send(request, account="box-1")
    assert answer.status == status
    assert content in answer.content
    assert ("retry-after" in answer.headers) == (fault == "rate_limited")
    assert office.platform.accepted.total() == done
    assert office.platform.requests[0].fault == fault


@pytest.mark.parametrize(
    ("fault", "maybe_sent", "done"),
    [("timeout_before_write", False, False), ("timeout_lost", True, False), ("timeout_after_write", True, True)],
)
async def test_a_timeout_says_whether_it_may_have_been_sent(fault: FaultKind, maybe_sent: bool, done: bool) -> None:
    office = Office()
    office.platform.faults = FaultPlan(1, {fault: 1.0})
    with pytest.raises(TransportError) as caught:
        await office.send("hi")
    assert (caught.value.kind, caught.value.maybe_sent) == ("timeout", maybe_sent)
    assert office.platform.accepted.total() == done
    assert office.platform.requests[0].status == 0


async def test_a_slow_answer_takes_the_clock_s_time() -> None:
    waited = list[float]()

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    platform = PostOffice(now=FakeClock().now, sleep=sleep)
    platform.faults = FaultPlan(1, {"slow": 1.0})
    await InProcessTransport([platform]).send(HttpRequest(method="GET", url=f"{API}/files/a"), account="")
    assert len(waited) == 1
    assert 1 <= waited[0] <= 20


@pytest.mark.parametrize("mode", get_args(WithdrawalMode))
async def test_a_platform_goes_in_every_mode(mode: WithdrawalMode) -> None:
    office = Office()
    office.platform.withdraw(mode, at=office.clock.now() + timedelta(hours=1))
    assert (await office.send("before"))[0] == 201
    await office.clock.advance(timedelta(hours=1))
    if mode == "dns-blackhole":
        with pytest.raises(TransportError) as caught:
            await office.send("after")
        assert (caught.value.kind, caught.value.maybe_sent) == ("dns", False)
    else:
        expected = {"402": 402, "403-plan": 403, "410": 410, "200-with-error": 200, "silent": 201}
        assert (await office.send("after"))[0] == expected[mode]
    assert [one.text for one in office.platform.seen("ann")] == ["before"]
    office.platform.reinstate()
    assert (await office.send("again"))[0] == 201
    assert [one.text for one in office.platform.seen("ann")] == ["before", "again"]


async def test_a_withdrawal_for_one_country_leaves_the_others() -> None:
    office = Office()
    office.platform.customer("Bob", "bob", country="DE")
    office.platform.withdraw("silent", country="FR")
    for handle in ("ann", "bob"):
        assert (await office.send("hi", to=handle))[0] == 201
        office.platform.says(handle, "hello")
    assert (office.platform.seen("ann"), len(office.platform.seen("bob"))) == ([], 1)
    assert [data.get("from") for _, data in await office.deliver()] == ["bob"]
    office.platform.withdraw("410", country="DE")
    assert (await office.send("hi", to="bob"))[0] == 410


# ---------------------------------------------------------------- accounts


def test_what_is_only_named_gets_a_value_and_the_rest_is_kept() -> None:
    account = PostAccount.model_validate(
        {"id": "b", "secret": ["env:NEW", "file:/old"], "token": "env:TOKEN", "brand": "air", "label": "Desk"}
    )
    filled = fill(account, {"box": "77"}, Random(1))
    assert filled == fill(account, {"box": "77"}, Random(1))
    assert (filled.id, filled.brand, filled.label, filled.box) == ("b", "air", "Desk", "77")
    (secret,) = filled.secret
    assert secret.get_secret_value().startswith("fake-secret-")
    assert filled.token.startswith("fake-token-")


def test_what_was_set_is_not_replaced_and_what_is_missing_stays_so() -> None:
    account = PostAccount(id="b", secret=(SecretStr("mine"),), token="given")
    filled = fill(account, {"secret": "x", "token": "x"}, Random(1))
    assert filled == account
    assert (filled.secret[0].get_secret_value(), filled.box) == ("mine", None)


# ---------------------------------------------------------------- HTTP


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", f"{API}/files/a/b%20c.png", 200),
        ("GET", f"{API}/nowhere", 404),
        ("DELETE", f"{API}/files/a", 405),
        ("GET", f"{API}/stream", 404),
        ("GET", "https://live.depot.example/stream", 200),
    ],
)
async def test_a_request_finds_its_method(method: Any, url: str, status: int) -> None:
    office = Office()
    answer = await office.http.send(HttpRequest(method=method, url=url), account="")
    assert answer.status == status
    if url.endswith("png"):
        assert (answer.content, answer.headers["content-type"]) == (b"a/b c.png", "image/png")
    if status == 405:
        assert answer.headers["allow"] == "GET"


async def test_bodies_arrive_as_they_were_meant() -> None:
    office, url = Office(), f"{API}/echo"
    form = Form((("to", "+33 6"), ("text", "é&=")))
    answer = await office.http.send(HttpRequest(method="POST", url=url, body=form), account="")
    assert answer.json() == [["to", "+33 6"], ["text", "é&="]]
    request = HttpRequest(
        method="POST", url=url, query=(("a", "1 2"),), body={"x": "é"}, headers={"Authorization": "Bearer t"}
    )
    answer = await office.http.send(request, account="")
    assert answer.json() == {"json": {"x": "é"}, "bearer": "t", "url": f"{url}?a=1+2"}
    cut = RawBody(content=b"{", media_type="application/json")
    assert (await office.http.send(HttpRequest(method="POST", url=url, body=cut), account="")).status == 400
    odd = RawBody(content="é".encode(), media_type="application/x-www-form-urlencoded")
    assert (await office.http.send(HttpRequest(method="POST", url=url, body=odd), account="")).status == 400
    assert (await office.http.send(HttpRequest(method="POST", url=url), account="")).status == 400


MULTIPART = (
    b'--XX\r\nContent-Disposition: form-data; name="to"\r\n\r\nann\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: image/png\r\n\r\n'
    b"\x00\r\n--X\r\xff\r\n--XX--\r\n"
)


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (MULTIPART, "multipart/form-data; boundary=XX", 200),
        (MULTIPART, 'multipart/form-data; boundary="XX"', 200),
        (MULTIPART, "multipart/form-data", 400),
        (b"--XX\r\nno end", "multipart/form-data; boundary=XX", 400),
    ],
)
async def test_multipart_bodies(content: bytes, media_type: str, status: int) -> None:
    body = RawBody(content=content, media_type=media_type)
    answer = await Office().http.send(HttpRequest(method="POST", url=f"{API}/echo", body=body), account="")
    assert answer.status == status
    if status == 200:
        assert answer.json() == {"fields": [["to", "ann"]], "files": {"file": ["a.bin", "image/png", 8]}}


async def test_a_body_that_is_too_large_or_unreadable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office()
    office.platform.withdraw("410", country="FR")
    cut = RawBody(content=b"{", media_type="application/json")
    assert (await office.http.send(HttpRequest(method="POST", url=f"{API}/echo", body=cut), account="")).status == 400
    monkeypatch.setattr("omnichannel.testing.simulators.http.BODY_LIMIT", 10)
    large = RawBody(content=b"x" * 11, media_type="text/plain")
    assert (await office.http.send(HttpRequest(method="POST", url=f"{API}/echo", body=large), account="")).status == 413


async def test_a_host_of_nobody_is_not_found() -> None:
    with pytest.raises(TransportError) as caught:
        await InProcessTransport([]).send(HttpRequest(method="GET", url=f"{API}/x"), account="")
    assert (caught.value.kind, caught.value.maybe_sent) == ("dns", False)


async def test_a_stream_comes_in_chunks() -> None:
    office = Office()
    request = HttpRequest(method="GET", url="https://live.depot.example/stream")
    async with office.http.stream(request, account="") as response:
        chunks = [chunk async for chunk in response.chunks if chunk]
    assert (response.status, chunks) == (200, [b"line 0\n", b"line 1\n", b"line 2\n"])
    async with office.http.stream(request, account="") as response:
        pass
    office.platform.faults = FaultPlan(1, {"timeout_lost": 1.0})
    with pytest.raises(TransportError, match="no answer in time"):
        async with office.http.stream(request, account=""):
            pass
    office.platform.faults = FaultPlan()
    with pytest.raises(KeyError, match="mine"):
        async with office.http.stream(request, account=""):
            raise KeyError("mine")


async def test_our_app_is_called_as_a_platform_calls_it() -> None:
    scopes = list[Scope]()

    async def app(scope: Scope, receive: Receive, send: SendEvent) -> None:
        scopes.append(scope)
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b"!"})
        assert (await receive())["type"] == "http.disconnect", "it stays on the line until it has its answer"

    request = WebhookRequest(
        url="https://desk.example/hooks/box-1?token=a%20b", headers={"X-Signature": "s"}, body=b"hello"
    )
    assert await post_webhook(app, request, root_path="/hooks") == (202, b"hello!")
    (scope,) = scopes
    assert (scope["path"], scope["query_string"], scope["root_path"]) == ("/hooks/box-1", b"token=a%20b", "/hooks")
    assert (b"x-signature", b"s") in scope["headers"]
    assert (b"host", b"desk.example") in scope["headers"]


async def test_an_app_without_an_answer_is_an_error() -> None:
    async def app(scope: Scope, receive: Receive, send: SendEvent) -> None:
        await receive()

    with pytest.raises(AssertionError, match="did not answer POST /x"):
        await post_webhook(app, WebhookRequest(url="https://desk.example/x"))


async def test_a_simulator_can_be_served() -> None:
    platform: ASGIApp = Office().platform
    sent, events = list[str](), ["lifespan.startup", "lifespan.shutdown"]

    async def receive() -> dict[str, Any]:
        return {"type": events.pop(0)}

    async def send(event: Any) -> None:
        sent.append(event["type"])

    await platform({"type": "lifespan"}, receive, send)
    await platform({"type": "websocket"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]
