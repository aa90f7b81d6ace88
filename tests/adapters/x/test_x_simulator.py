"""Our channel and simulated X, in process: what is said arrives, by whatever way, with the right credentials."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from omnichannel.adapters.x import setup
from omnichannel.channel import (
    AccountChanged,
    DeliveryUpdated,
    Envelope,
    Failure,
    HttpRequest,
    MessageEchoed,
    Outcome,
    Token,
)
from omnichannel.model.content import Media
from omnichannel.testing.asgi import asgi_call, http_scope
from omnichannel.testing.simulators.base import SimFile
from tests.adapters.x.desk import (
    START,
    URL,
    Desk,
    ann_of,
    call,
    desk_with_ann,
    failed,
    received,
    renewed,
    sent,
)


async def test_a_private_conversation() -> None:
    desk = desk_with_ann()
    message_id = desk.sim.says("@ann_k", "Where is my bag? #A7K2QX9P4M")
    (heard,) = received(await desk.hears())
    assert (heard.dedupe, heard.sender, heard.text) == (message_id, ann_of(desk), "Where is my bag? #A7K2QX9P4M")
    assert (heard.sender_name, heard.aliases, heard.surface) == ("Ann K.", {"username": "ann_k"}, "dm")
    receipt = sent(await desk.reply(heard, "We look & find <it>"))
    (seen,) = desk.sim.seen("@ann_k")
    assert (seen.text, seen.message_id, seen.surface) == ("We look & find <it>", receipt.ids[0], "dm")
    assert receipt.thread == heard.thread
    (echo,) = await desk.hears()
    assert isinstance(echo, MessageEchoed)
    assert (echo.message_id, echo.recipient, echo.thread) == (receipt.ids[0], ann_of(desk), heard.thread)
    desk.passes(minutes=1)
    desk.sim.reads("@ann_k")
    (read,) = await desk.hears()
    assert isinstance(read, DeliveryUpdated)
    assert (read.receipt, read.state, read.occurred_at) == (receipt.ids[0], "read", START + timedelta(minutes=1))


async def test_a_public_conversation() -> None:
    desk = desk_with_ann()
    post_id = desk.sim.says("@ann_k", "Where & when?", surface="mention")
    (heard,) = received(await desk.hears())
    assert (heard.dedupe, heard.text, heard.full_text) == (post_id, "Where & when?", "@brand1 Where & when?")
    receipt = sent(await desk.reply(heard, "Belt 4"))
    (seen,) = desk.sim.seen("@ann_k")
    assert (seen.text, seen.surface, seen.reply_to) == ("Belt 4", "mention", post_id)
    (echo,) = await desk.hears()
    assert isinstance(echo, MessageEchoed)
    assert (echo.dedupe, echo.text, echo.thread) == (receipt.ids[0], "Belt 4", post_id)
    desk.sim.says("@ann_k", "Not there", surface="mention", reply_to=receipt.ids[0])
    (again,) = received(await desk.hears())
    assert (again.text, again.thread, again.references) == ("Not there", post_id, (receipt.ids[0],))
    assert (again.addressed, again.context["summoned"]) == (True, "no")


async def test_webhook_stream_and_poll_give_the_same_events() -> None:
    desk = desk_with_ann()
    for index in range(3):
        desk.sim.says("@ann_k", f"dm {index}")
        desk.sim.says("@ann_k", f"post {index}", surface="mention")
        desk.passes(seconds=10)
    by_webhook = received(await desk.hears())
    batch = await desk.run(desk.channel.poll(None))
    assert not isinstance(batch, Failure)
    by_poll = received([event for one in batch.envelopes for event in desk.channel.parse(one)])
    lines = await stream_of(desk, backfill=5)
    by_stream = received([event for one in lines for event in desk.channel.parse(one)])
    assert len(by_webhook) == 6
    assert [replace(one, recipients=()) for one in by_poll] == [replace(one, recipients=()) for one in by_webhook]
    assert by_stream == by_webhook


async def stream_of(desk: Desk, *, backfill: int) -> list[Envelope]:
    request = desk.signed(replace(desk.channel.listen(None).request, query=(("backfill_minutes", str(backfill)),)))
    answer = await desk.transport.send(request, account="x-main")
    assert answer.status == 200, answer.content
    return [
        Envelope(source="stream", content=line, received_at=desk.time) for line in answer.content.split(b"\r\n") if line
    ]


async def test_the_stream_lives_and_ends() -> None:
    desk = desk_with_ann()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 30:
            desk.sim.says("@ann_k", "late")
        if len(slept) == 40:
            desk.sim.sleep = None

    desk.sim.sleep = sleep
    request = desk.signed(desk.channel.listen(None).request)
    answer = await desk.transport.send(request, account="x-main")
    lines = answer.content.split(b"\r\n")
    parsed = [desk.channel.parse(Envelope(source="stream", content=one, received_at=START)) for one in lines]
    assert [one.text for found in parsed for one in received(list(found))] == ["late"]
    assert lines[0] == b"", "a sign of life after twenty seconds"
    assert desk.sim.streams == 0


async def test_pictures_come_and_go() -> None:
    desk = desk_with_ann()
    desk.sim.says("@ann_k", "look", attachments=[SimFile("bag.png", b"PNG...", "image/png")])
    (heard,) = received(await desk.hears())
    (media,) = heard.attachments
    assert (media.kind, media.type) == ("image", "image/png")
    located = await desk.run(desk.channel.locate(media))
    assert isinstance(located, HttpRequest)
    answer = await desk.transport.send(desk.signed(located), account="x-main")
    assert (answer.status, answer.content) == (200, b"PNG...")
    desk.files["blob:1"] = b"PNG of ours"
    ours = Media(kind="image", type="image/png", size=11, ref="blob:1", caption="Is it this?", alt="a bag")
    sent(await desk.send(heard.sender, ours))
    (seen,) = desk.sim.seen("@ann_k")
    assert (seen.text, seen.media) == ("Is it this?", ("image/png",))
    assert [one.alt for one in desk.sim.files.values() if one.owner == desk.me] == ["a bag"]


async def test_a_large_video_goes_in_slices() -> None:
    desk = desk_with_ann()
    content = bytes(range(256)) * 40_000
    desk.files["blob:2"] = content
    video = Media(kind="video", name="v.mp4", type="video/mp4", size=len(content), ref="blob:2")
    sent(await desk.send(ann_of(desk), video))
    (stored,) = desk.sim.files.values()
    assert (stored.content == content, stored.category) == (True, "dm_video")
    assert [one.request.path.rpartition("/")[2] for one in desk.sim.requests].count("append") == 3


async def test_media_dies_after_a_day() -> None:
    desk = desk_with_ann()
    desk.files["blob:1"] = b"x"
    picture = Media(kind="image", type="image/png", size=1, ref="blob:1")
    sent(await desk.send(ann_of(desk), picture))
    (media,) = desk.sim.files.values()
    desk.passes(hours=24)
    await renewed(desk)
    body = {"attachments": [{"media_id": media.id}]}
    answer = await call(desk, "POST", f"2/dm_conversations/with/{ann_of(desk)}/messages", body)
    failure = desk.channel.errors.failure_of(answer)
    assert failure is not None
    assert (failure.status, "Your media IDs are invalid." in failure.message) == (400, True)


async def test_a_token_lives_two_hours_and_its_refresh_token_once() -> None:
    desk = desk_with_ann()
    assert await desk.run(desk.channel.probe()) is None
    desk.passes(hours=2)
    expired = failed(await desk.send(ann_of(desk), "hello"))
    assert (expired.outcome, expired.refresh) == (Outcome.AUTH, True)
    await renewed(desk)
    assert desk.token is not None
    assert desk.token.expires_at == desk.time + timedelta(hours=2)
    sent(await desk.send(ann_of(desk), "hello"))
    first, desk.token = desk.token, None
    spent = failed(await desk.run(desk.channel.refresh(None)))
    assert (spent.outcome, spent.refresh) == (Outcome.AUTH, False)
    desk.token = first
    await renewed(desk)


async def test_oauth1_signatures_are_checked() -> None:
    desk = Desk(token_secret="env:S", consumer_key="env:K")
    desk.sim.connect("x-main", URL)
    desk.sim.customer("Ann K.", "@ann_k")
    assert desk.account.uses_oauth1
    assert desk.account.own_id == desk.me
    sent(await desk.send(ann_of(desk), "hello"))
    batch = await desk.run(desk.channel.poll(None))
    assert not isinstance(batch, Failure)
    assert len(batch.envelopes) == 1
    desk.passes(hours=48)
    assert await desk.run(desk.channel.probe()) is None
    good = desk.signed(HttpRequest(method="GET", url="2/users/me", query=(("user.fields", "id,name"),)))
    for forged in (
        replace(good, query=(("user.fields", "id"),)),
        replace(good, url="https://api.x.com/2/dm_events"),
        replace(good, headers={"authorization": good.headers["authorization"].replace("nonce-", "nonce_")}),
    ):
        assert (await desk.transport.send(forged, account="x-main")).status == 401
    assert (await desk.transport.send(good, account="x-main")).status == 200
    assert (await desk.transport.send(good, account="x-main")).status == 401, "a nonce is used once"
    late = desk.channel.sign(HttpRequest(method="GET", url="2/users/me"), None, desk.time - timedelta(hours=1), "n")
    assert (await desk.transport.send(late, account="x-main")).status == 401


async def test_the_apps_token_sends_no_message() -> None:
    desk = desk_with_ann()
    bearer = desk.account.app_bearer
    assert bearer is not None
    desk.token = Token(value=bearer.get_secret_value())
    refused = failed(await desk.send(ann_of(desk), "hello"))
    assert (refused.outcome, refused.refresh, refused.code) == (Outcome.AUTH, False, "unsupported-authentication")
    found = await desk.run(setup.app_token(desk.channel))
    assert isinstance(found, Token)
    assert found.value == bearer.get_secret_value()


async def test_no_token_and_a_wrong_one() -> None:
    desk = desk_with_ann()
    desk.token = Token(value="wrong")
    assert failed(await desk.run(desk.channel.probe())).outcome is Outcome.AUTH
    bare = await desk.transport.send(HttpRequest(method="GET", url="https://api.x.com/2/users/me"), account="x-main")
    assert bare.status == 401


async def test_access_is_removed() -> None:
    desk = desk_with_ann()
    desk.sim.revoke("x-main")
    (event,) = await desk.hears()
    assert isinstance(event, AccountChanged)
    assert (event.state, event.account) == ("revoked", "x-main")
    assert failed(await desk.send(ann_of(desk), "hello")).outcome is Outcome.AUTH
    assert failed(await desk.run(desk.channel.refresh(None))).refresh is False


async def test_a_link_is_followed_and_a_line_picked() -> None:
    desk = desk_with_ann()
    link = desk.channel.link("A7K2QX9P4M", "Bonjour & merci")
    assert link is not None
    desk.sim.opens("@ann_k", link.url)
    (heard,) = received(await desk.hears())
    assert (heard.text, heard.surface) == ("Bonjour & merci #A7K2QX9P4M", "dm")
    sent(await desk.reply(heard, "A refund?\n\n1. Yes\n2. No, thanks"))
    desk.sim.picks("@ann_k", "no, thanks")
    assert [one.text for one in received(await desk.hears())] == ["2"]
    with pytest.raises(LookupError, match="no line 'Maybe'"):
        desk.sim.picks("@ann_k", "Maybe")
    with pytest.raises(LookupError, match="leads to nobody"):
        desk.sim.opens("@ann_k", "https://x.com/messages/compose?recipient_id=5&text=x")
    with pytest.raises(LookupError, match="nobody is called '@bob'"):
        desk.sim.says("@bob", "hello")


async def test_x_is_strict_with_requests() -> None:
    desk = desk_with_ann()
    ann = f"2/dm_conversations/with/{ann_of(desk)}/messages"
    start = "2/media/upload/initialize"
    bad: list[tuple[str, str, Any]] = [
        ("POST", ann, {"text": "x", "quick_replies": []}),
        ("POST", ann, {"text": ""}),
        ("POST", ann, {}),
        ("POST", ann, {"attachments": [{"media_id": "1"}, {"media_id": "2"}]}),
        ("POST", ann, {"attachments": [{"media_id": 5}]}),
        ("POST", "2/tweets", {"text": "x", "reply": {"in_reply_to_tweet_id": 5}}),
        ("POST", "2/tweets", {"text": "x", "media": {"media_ids": []}}),
        ("POST", "2/tweets", {"text": 5}),
        ("POST", "2/tweets", {}),
        ("POST", "2/tweets", "x"),
        ("GET", f"2/users/{desk.me}/mentions?max_results=4", None),
        ("GET", "2/dm_events?max_results=101", None),
        ("GET", "2/dm_events?pagination_token=x", None),
        ("GET", "2/dm_events?event_types=MessageRead", None),
        (
            "POST",
            start,
            {"media_category": "dm_video", "media_type": "image/png", "total_bytes": 5},
        ),
        (
            "POST",
            start,
            {"media_category": "dm_gif", "media_type": "image/gif", "total_bytes": 1 << 24},
        ),
        ("POST", "2/activity/subscriptions", {"event_type": "dm.lost", "filter": {"user_id": desk.me}}),
    ]
    for method, path, body in bad:
        answer = await call(desk, method, path, body)
        assert answer.status == 400, (method, path, body, answer.content)
        failure = desk.channel.errors.failure_of(answer)
        assert failure is not None
        assert (failure.outcome, failure.recognized) == (Outcome.INVALID, True)
    other = await call(desk, "POST", "2/activity/subscriptions", {"event_type": "dm.sent", "filter": {"user_id": "5"}})
    assert other.status == 403


async def test_it_works_over_the_network_protocol_too() -> None:
    """As an ASGI app, without our transport: a client in any language sees the same."""
    desk = desk_with_ann()
    scope = http_scope("GET", "https://api.x.com/2/nothing", {}, b"")
    status, _, body = await asgi_call(desk.sim, scope, b"")
    assert (status, b"no GET /2/nothing here" in body) == (404, True)


async def test_a_thousand_messages_are_a_thousand_webhooks() -> None:
    desk = desk_with_ann(rate_limits=False)
    for index in range(1000):
        desk.sim.says("@ann_k", f"message {index}")
    assert len(received(await desk.hears())) == 1000
