"""The simulated server: what it takes, what it refuses, and what comes back to us by stream and poll."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import anyio
import pytest
from sqlalchemy import func, select

from omnichannel import Hub
from omnichannel.adapters.mastodon import MastodonAccount, MastodonChannel, setup
from omnichannel.channel import Envelope
from omnichannel.model.address import Address
from omnichannel.model.content import Media, Text
from omnichannel.model.message import Part
from omnichannel.model.outcome import Failure, Outcome
from omnichannel.stores import schema
from omnichannel.testing.asgi import InProcessTransport, asgi_call, http_scope
from omnichannel.testing.clock import FakeClock
from omnichannel.testing.simulators.base import SimFile
from omnichannel.testing.simulators.mastodon import MastodonSimulator
from omnichannel.testing.world import World

ANN, BOB = "ann@social.example", "bob@social.example"
HOUR = timedelta(hours=1)


def account(**settings: Any) -> MastodonAccount:
    base = {"id": "fedi", "base_url": "https://mastodon.example", "username": "desk", "token": "env:T"}
    return MastodonAccount.model_validate({**base, **settings})


class Server:
    """A simulated server, one account of ours on it, and two customers elsewhere."""

    def __init__(self, **settings: Any) -> None:
        self.clock = FakeClock()
        self.simulator = MastodonSimulator(now=self.clock.now)
        adopted = self.simulator.adopt(account(**settings))
        self.channel = MastodonChannel(adopted)
        self.token = adopted.token.get_secret_value()
        for name, handle in (("Ann", ANN), ("Bob", BOB)):
            self.simulator.customer(name, handle)

    async def call(
        self, method: str, path: str, body: object = None, *, token: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        sent = {"authorization": f"Bearer {self.token if token is None else token}", **headers}
        content = b"" if body is None else json.dumps(body).encode()
        sent |= {"content-type": "application/json"} if body is not None else {}
        scope = http_scope(method, f"https://mastodon.example{path}", sent, content)
        status, given, found = await asgi_call(self.simulator, scope, content)
        return status, given, json.loads(found) if found else None

    async def post(self, text: str, **more: Any) -> tuple[int, Any]:
        key = more.pop("key", None)
        headers = {"idempotency-key": key} if key else {}
        status, _, body = await self.call("POST", "/api/v1/statuses", {"status": text, **more}, **headers)
        return status, body


@pytest.fixture
def server() -> Server:
    return Server()


# ---------------------------------------------------------------- what is taken and what is refused


async def test_who_is_named_reads_it(server: Server) -> None:
    status, body = await server.post(f"@{ANN} hello @bob@social.example", visibility="direct")
    assert status == 200
    assert [one["acct"] for one in body["mentions"]] == [ANN, BOB]
    assert [len(server.simulator.seen(one)) for one in (ANN, BOB)] == [1, 1]
    assert 'class="u-url mention">@<span>ann</span>' in body["content"]


async def test_nobody_of_that_name_is_mere_text(server: Server) -> None:
    status, body = await server.post("@nobody@social.example hello", visibility="direct")
    assert (status, body["mentions"]) == (200, [])
    assert body["content"] == "<p>@nobody@social.example hello</p>"


@pytest.mark.parametrize(
    ("text", "more", "status", "error"),
    [
        ("", {}, 422, "Text can't be blank"),
        ("x" * 501, {}, 422, "character limit of 500"),
        ("x" * 490, {"spoiler_text": "y" * 11}, 422, "character limit of 500"),
        ("x", {"visibility": "secret"}, 422, "Visibility"),
        ("x", {"in_reply_to_id": "1"}, 404, "does not appear to exist"),
        ("x", {"media_ids": ["1"]}, 422, "Media attachment is invalid"),
        ("x", {"media_ids": ["1"] * 5}, 422, "more than 4 files"),
    ],
)
async def test_what_it_refuses(server: Server, text: str, more: dict[str, Any], status: int, error: str) -> None:
    found, body = await server.post(text, **more)
    assert found == status
    assert error in body["error"]


async def test_links_and_hosts_of_handles_count_little(server: Server) -> None:
    long = "https://example.com/" + "a" * 300
    status, _ = await server.post(f"@{ANN} {long} " + "x" * (500 - len("@ann ") - 23 - 1))
    assert status == 200
    status, _ = await server.post(f"@{ANN} {long} " + "x" * (501 - len("@ann ") - 23 - 1))
    assert status == 422


async def test_a_key_is_known_for_an_hour(server: Server) -> None:
    first = (await server.post(f"@{ANN} once", key="k", visibility="direct"))[1]["id"]
    await server.clock.advance(timedelta(minutes=59))
    assert (await server.post(f"@{ANN} once", key="k", visibility="direct"))[1]["id"] == first
    await server.clock.advance(timedelta(minutes=2))
    assert (await server.post(f"@{ANN} once", key="k", visibility="direct"))[1]["id"] != first


async def test_who_has_blocked_us_is_not_there(server: Server) -> None:
    asked = server.simulator.says(ANN, "hello")
    server.simulator.blocks(ANN)
    status, body = await server.post(f"@{ANN} hello", in_reply_to_id=asked, visibility="direct")
    assert (status, body["error"]) == (404, "The post you are trying to reply to does not appear to exist.")
    # Without an answer to something, nobody is told.
    status, _ = await server.post(f"@{ANN} hello", visibility="direct")
    assert (status, server.simulator.seen(ANN)) == (200, [])


@pytest.mark.parametrize(
    ("trouble", "status", "error"),
    [("unknown", 401, "is invalid"), ("none", 401, "requires an authenticated user"), ("revoked", 401, "was revoked"),
     ("suspended", 403, "currently disabled"), ("pending", 403, "pending approval"), ("scope", 403, "outside")],
)  # fmt: skip
async def test_who_may_not(server: Server, trouble: str, status: int, error: str) -> None:
    token = {"unknown": "x", "none": ""}.get(trouble)
    match trouble:
        case "revoked":
            server.simulator.revoke("fedi")
        case "suspended":
            server.simulator.suspend("fedi")
        case "pending":
            server.simulator.pending.add("fedi")
        case "scope":
            server.simulator.restrict("fedi", "read")
        case _:
            pass
    found, _, body = await server.call("POST", "/api/v1/statuses", {"status": "x"}, token=token)
    assert found == status
    assert error in body["error"]


@pytest.mark.parametrize(
    ("method", "path", "count", "per"),
    [
        ("GET", "/api/v1/accounts/verify_credentials", 300, 5),
        ("GET", "/api/v1/notifications", 300, 15),
        ("DELETE", "/api/v1/statuses/1", 30, 30),
        ("POST", "/api/v2/media", 30, 30),
    ],
)
async def test_how_often(server: Server, method: str, path: str, count: int, per: int) -> None:
    """A window is used up, says until when, and ends."""
    headers: dict[str, str] = {}
    for _ in range(count):
        status, headers, _ = await server.call(method, path)
        assert status != 429
    assert headers["x-ratelimit-remaining"] == "0"
    status, headers, body = await server.call(method, path)
    assert (status, body) == (429, {"error": "Too many requests"})
    assert headers["x-ratelimit-reset"].endswith("Z")
    await server.clock.advance(timedelta(minutes=per))
    assert (await server.call(method, path))[0] != 429


async def test_who_sees_what(server: Server) -> None:
    """A direct status is for those whom it names; a deleted one for nobody."""
    other = server.simulator.adopt(account(id="other", username="other", base_url="https://other.mastodon.example"))
    asked = server.simulator.says(ANN, "hello", account_id="fedi")
    token = other.token.get_secret_value()
    assert (await server.call("GET", f"/api/v1/statuses/{asked}"))[0] == 200
    assert (await server.call("GET", f"/api/v1/statuses/{asked}", token=token))[0] == 404
    assert (await server.call("PUT", f"/api/v1/statuses/{asked}", {"status": "x"}))[0] == 404
    assert (await server.call("DELETE", f"/api/v1/statuses/{asked}"))[0] == 404
    server.simulator.deletes(ANN, asked)
    assert (await server.call("GET", f"/api/v1/statuses/{asked}"))[0] == 404


# ---------------------------------------------------------------- the stream


class Listener:
    """Reads the stream into memory."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def commit(self, envelopes: Any, cursor: str | None) -> None:
        self.envelopes += envelopes

    def names(self) -> list[str]:
        return [one.headers["event"] for one in self.envelopes]


async def settled() -> None:
    for _ in range(40):
        await anyio.lowlevel.checkpoint()


async def test_the_stream_tells_what_happens(server: Server) -> None:
    async with World().run(Hub([], work=False)) as live:
        runner = live.core.runner
        heard = Listener()
        from omnichannel.runtime.sources import run_listen

        async def listen() -> None:
            transport = InProcessTransport([server.simulator])
            await run_listen(
                server.channel, None, runner=runner, transport=transport, commit=heard.commit, clock=server.clock
            )

        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            await settled()
            simulator, ours = server.simulator, server.simulator.ours("fedi")
            asked = simulator.says(ANN, "Where is my bag?")
            answer = simulator.publish(ours, f"@{ANN} We look", visibility="unlisted")
            simulator.favourites(ANN, answer.id)
            simulator.edits(ANN, asked, "Where is my blue bag?")  # nobody of ours follows her: we are not told
            ours.follows.add(simulator.person(ANN).id)
            simulator.edits(ANN, asked, "Where is my red bag?")
            simulator.deletes(ANN, asked)
            await settled()
            wanted = ["notification", "update", "notification", "status.update", "delete"]
            assert heard.names() == wanted
            # The server hangs up: what is said meanwhile is lost here, and what comes after is heard again.
            simulator.hang_up()
            await settled()
            simulator.says(ANN, "Hello?")
            await server.clock.advance(timedelta(seconds=2))
            await settled()
            simulator.says(ANN, "Anybody?")
            await settled()
            assert heard.names() == [*wanted, "notification"]
            group.cancel_scope.cancel()
    events = [event for one in heard.envelopes for event in server.channel.parse(one)]
    assert [one.kind for one in events] == [
        "message_received",
        "message_echoed",
        "reaction_changed",
        "message_edited",
        "message_deleted",
        "message_received",
    ]


async def test_a_stream_needs_a_token(server: Server) -> None:
    status, _, body = await server.call("GET", "/api/v1/streaming/user", token="wrong")
    assert (status, body) == (401, {"error": "The access token is invalid"})
    assert server.simulator.streams == []


# ---------------------------------------------------------------- in a world


async def test_stream_and_poll_are_one_message() -> None:
    world = World()
    ann = world.customer("Ann", mastodon=ANN)
    async with world.run(Hub([account()], work=False)) as live:
        await ann.on("mastodon").says("Where is my bag?")
        journal, messages = schema.journal.c, schema.messages.c
        sources = await live.core.store.read(lambda c: c.execute(select(journal.source)).scalars().all())
        assert sorted(set(sources)) == ["poll", "stream"]
        texts = await live.core.store.read(lambda c: c.execute(select(messages.text)).scalars().all())
        assert list(texts) == ["Where is my bag?"]


async def test_what_was_there_before_is_not_taken() -> None:
    world = World()
    ann = world.customer("Ann", mastodon=ANN)
    simulator = world.simulator("mastodon")
    simulator.adopt(account())
    simulator.says(ANN, "An old matter")
    async with world.run(Hub([account()], work=False)) as live:
        await ann.on("mastodon").says("A new one")
        texts = await live.core.store.read(lambda c: c.execute(select(schema.messages.c.text)).scalars().all())
        assert list(texts) == ["A new one"]


async def test_what_the_server_holds_back_is_found() -> None:
    """Notifications of strangers are in no stream where the account's policy filters them: the poll asks for them."""
    world = World()
    ann = world.customer("Ann", mastodon=ANN)
    simulator = world.simulator("mastodon")
    assert isinstance(simulator, MastodonSimulator)
    simulator.strangers_held.add("fedi")
    async with world.run(Hub([account()], work=False)) as live:
        await ann.on("mastodon").says("I am new here")
        count = await live.core.store.read(lambda c: c.execute(select(func.count(schema.messages.c.id))).scalar())
        assert count == 1


async def test_two_servers_one_customer() -> None:
    """The same handle writes to both of our accounts: one person, and each answer goes out where it was asked."""
    world = World()
    ann = world.customer("Ann", mastodon=ANN)
    other = account(id="other", base_url="https://other.mastodon.example", username="help")
    async with world.run(Hub([account(), other], work=False)) as live:
        simulator = world.simulator("mastodon")
        for name in ("fedi", "other"):
            simulator.says(ANN, f"To {name}", account_id=name)
            await world.settle()
        customers = await live.core.store.read(
            lambda c: c.execute(select(func.count(schema.customers.c.id.distinct()))).scalar()
        )
        assert customers == 1
        places = await live.core.store.read(
            lambda c: c.execute(select(schema.conversations.c.id, schema.conversations.c.account)).all()
        )
        for place, name in places:
            await live.reply(place, f"From {name}", agent="agent-1")
        await world.settle()
        shown = {(one.account_id, one.text) for one in ann.on("mastodon").seen()}
        assert shown == {(name, f"From {name}") for _, name in places}


async def test_files_go_both_ways(tmp_path: Any) -> None:
    world = World()
    ann = world.customer("Ann", mastodon=ANN)
    picture = tmp_path / "bag.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    async with world.run(Hub([account()], work=False)) as live:
        await ann.on("mastodon").says("This one", attachments=(str(picture),))
        rows = await live.core.store.read(
            lambda c: c.execute(select(schema.messages.c.conversation_id, schema.messages.c.attachments)).all()
        )
        ((place, attachments),) = rows
        assert [one["ref"].startswith("https://files.mastodon.example/") for one in attachments] == [True]
        media = Media(kind="image", type="image/png", name="bag.png", size=72, ref=f"path:{picture}")
        made = await live.reply(place, Text("Found it", attachments=[media]), agent="agent-1")
        await world.settle()
        assert (await live.delivery(made.id)).state == "accepted"
        assert [one.media for one in ann.on("mastodon").seen()] == [("image/png",)]


async def test_a_handle_that_nobody_has_is_no_silent_success() -> None:
    world = World()
    ann = world.customer("Ann", mastodon=ANN)
    async with world.run(Hub([account()], work=False)) as live:
        await ann.on("mastodon").says("Hello")
        customer = await ann.record()
        simulator = world.simulator("mastodon")
        channel = live.core.doors.channels["fedi"]
        part = Part(key="p", to="ghost@social.example", content=Text("Are you there?"))
        result: Any = await live.core.runner.run(channel, channel.send(part))
        assert isinstance(result, Failure)
        assert (result.outcome, result.code) == (Outcome.UNREACHABLE, "not_addressed")
        assert isinstance(simulator, MastodonSimulator)
        assert [one.gone for one in simulator.statuses.values() if one.author == simulator.ours("fedi").id] == [True]
        assert customer.addresses == (await live.customer(address=Address(channel="mastodon", value=ANN))).addresses


async def test_an_account_that_moved_is_the_same_person() -> None:
    world = World()
    ann = world.customer("Ann", mastodon=ANN)
    simulator = world.simulator("mastodon")
    assert isinstance(simulator, MastodonSimulator)
    simulator.customer("Ann", "ann@new.example")
    async with world.run(Hub([account()], work=False)) as live:
        await ann.on("mastodon").says("Hello")
        before = await ann.record()
        simulator.moves(ANN, "ann@new.example")
        await ann.on("mastodon").says("I move house")
        simulator.says("ann@new.example", "Here I am")
        await world.settle()
        after = await live.customer(address=Address(channel="mastodon", value="ann@new.example"))
        assert after.id == before.id


async def test_limits_are_read_from_it(server: Server) -> None:
    server.simulator.max_characters["fedi"] = 300
    async with World().run(Hub([], work=False)) as live:
        runner = live.core.runner
        runner.transport = InProcessTransport([server.simulator])
        found: Any = await runner.run(server.channel, setup.limits(server.channel))
    assert isinstance(found, setup.ServerLimits)
    assert found.advice == ("max_characters = 300",)


async def test_a_server_that_takes_less_refuses_and_says_why(server: Server) -> None:
    server.simulator.max_characters["fedi"] = 300
    status, body = await server.post(f"@{ANN} " + "x" * 400, visibility="direct")
    assert (status, body["error"]) == (422, "Validation failed: Text character limit of 300 exceeded")


async def test_a_file_is_downloaded_by_anybody(server: Server) -> None:
    media = server.simulator.put("1", SimFile("a.png", b"png", "image/png"))
    url = f"https://files.mastodon.example/media_attachments/files/{media.id}/original/file.png"
    scope = http_scope("GET", url, {}, b"")
    assert (await asgi_call(server.simulator, scope, b""))[2] == b"png"
