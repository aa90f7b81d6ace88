"""Tweepy, unchanged, talks to simulated X on loopback: OAuth 1.0a and bearer tokens, posts, DMs, files, refusals."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from omnichannel.adapters.x import XAccount
from omnichannel.runtime.clock import SystemClock
from omnichannel.testing.faults import FaultPlan
from omnichannel.testing.simulators.base import SimFile
from omnichannel.testing.simulators.x import XSimulator
from tests.adapters.serving import served
from tests.adapters.x.library import (
    BadRequest,
    Forbidden,
    NotFound,
    Paginator,
    TooManyRequests,
    TwitterServerError,
    Unauthorized,
    client,
)

PNG = b"\x89PNG\r\n\x1a\n"


class Town:
    """X on loopback, Ann who writes there, and the library in front of it. Tweepy signs with the time of this machine:
    that is X's time too, and `passes` moves it on."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self.port = 0
        self.sim = XSimulator(now=self.now)
        given = {
            "id": "x-main",
            "username": "desk",
            "consumer_secret": "env:S",
            "token": "env:T",
            "token_secret": "env:U",
        }
        self.account = self.sim.adopt(XAccount.model_validate(given))
        self.sim.customer("Ann", "@ann")
        self.ann = self.sim.value_of("@ann")

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead

    def keys(self) -> dict[str, str]:
        account = self.account
        assert account.consumer_key is not None
        assert account.token_secret is not None
        return {
            "consumer_key": account.consumer_key.get_secret_value(),
            "consumer_secret": account.consumer_secret[0].get_secret_value(),
            "access_token": account.token.get_secret_value(),
            "access_token_secret": account.token_secret.get_secret_value(),
        }

    def client(self, **changed: str) -> Any:
        return client(self.port, **(self.keys() | changed))


@pytest.fixture
def town(caplog: pytest.LogCaptureFixture) -> Iterator[Town]:
    for name in ("oauthlib", "requests_oauthlib", "tweepy"):
        caplog.set_level(logging.INFO, logger=name)  # below that they log tokens and signatures
    made = Town()
    with served(made.sim) as made.port:
        yield made


def test_who_we_are(town: Town) -> None:
    me = town.client().get_me().data
    assert (str(me.id), me.username) == (town.account.user_id, "desk")


def test_a_post_is_written_answered_hidden_and_deleted(town: Town) -> None:
    ours = town.client()
    post = ours.create_tweet(text="We are open today.").data
    unasked = town.sim.says("@ann", "Aha.", surface="mention", reply_to=post["id"])
    with pytest.raises(Forbidden, match="have not been mentioned"):
        ours.create_tweet(text="Yes!", in_reply_to_tweet_id=unasked)
    answer = town.sim.says("@ann", "@desk Really?", surface="mention", reply_to=post["id"])
    sent = ours.create_tweet(text="Yes, until six.", in_reply_to_tweet_id=answer)
    (seen,) = [one for one in town.sim.seen("@ann") if one.message_id == sent.data["id"]]
    assert (seen.text, seen.surface) == ("Yes, until six.", "mention")
    assert ours.hide_reply(answer).data["hidden"]
    assert ours.delete_tweet(sent.data["id"]).data["deleted"]
    assert sent.data["id"] not in [one.message_id for one in town.sim.seen("@ann")]


def test_a_dm_is_sent_and_the_conversation_read(town: Town) -> None:
    town.sim.says("@ann", "Where is my bag?")
    ours = town.client()
    sent = ours.create_direct_message(participant_id=town.ann, text="In Oslo.").data
    again = ours.create_direct_message(dm_conversation_id=sent["dm_conversation_id"], text="At the desk.").data
    assert [one.text for one in town.sim.seen("@ann")] == ["In Oslo.", "At the desk."]
    fields = ["created_at", "sender_id", "dm_conversation_id"]
    found = ours.get_direct_message_events(participant_id=town.ann, dm_event_fields=fields, user_auth=True).data
    assert [one.text for one in found] == ["At the desk.", "In Oslo.", "Where is my bag?"]
    assert [str(one.sender_id) for one in found][1:] == [town.account.user_id, town.ann]
    assert {one.dm_conversation_id for one in found} == {sent["dm_conversation_id"]}
    assert str(found[0].id) == again["dm_event_id"]
    assert abs(found[0].created_at - town.now()) < timedelta(minutes=1)


def test_files_go_up_and_out(town: Town) -> None:
    """Tweepy's own upload calls v1.1, which X has taken away; its request method reaches the one that X has now."""
    town.sim.says("@ann", "Do you see it?")
    ours = town.client()
    sent: list[str] = []
    for category in ("dm_image", "tweet_image"):
        body = {"media": base64.b64encode(PNG).decode(), "media_category": category}
        sent.append(ours.request("POST", "/2/media/upload", json=body, user_auth=True).json()["data"]["id"])
    ours.create_direct_message(participant_id=town.ann, media_id=sent[0])
    assert town.sim.seen("@ann")[-1].media == ("image/jpeg",)
    post = ours.create_tweet(text="@ann Look", media_ids=[sent[1]]).data
    assert town.sim.posts[post["id"]].media == (sent[1],)
    with pytest.raises(BadRequest, match="media IDs are invalid"):
        ours.create_direct_message(participant_id=town.ann, media_id=sent[1])
    with pytest.raises(BadRequest, match="not base64"):
        ours.request("POST", "/2/media/upload", json={"media": "no", "media_category": "dm_image"}, user_auth=True)


def test_a_large_file_goes_up_in_slices(town: Town) -> None:
    ours = town.client()
    begin = {"media_category": "dm_video", "media_type": "video/mp4", "total_bytes": 8}
    media = ours.request("POST", "/2/media/upload/initialize", json=begin, user_auth=True).json()["data"]["id"]
    for index, piece in enumerate((b"film", b"film")):
        body = {"media": base64.b64encode(piece).decode(), "segment_index": index}
        ours.request("POST", f"/2/media/upload/{media}/append", json=body, user_auth=True)
    done = ours.request("POST", f"/2/media/upload/{media}/finalize", user_auth=True).json()["data"]
    assert done["processing_info"]["state"] == "pending"
    asked = {"command": "STATUS", "media_id": media}
    shown = ours.request("GET", "/2/media/upload", params=asked, user_auth=True).json()["data"]
    assert (shown["processing_info"]["state"], town.sim.files[media].content) == ("succeeded", b"filmfilm")


def test_mentions_are_read_in_pages_with_who_wrote_them(town: Town) -> None:
    posts = [town.sim.says("@ann", f"number {n}", surface="mention") for n in range(12)]
    town.sim.says("@ann", "Look", surface="mention", attachments=[SimFile("a.png", PNG, "image/png")])
    assert town.account.app_bearer is not None
    reader = client(town.port, bearer_token=town.account.app_bearer.get_secret_value())
    wanted = {"tweet_fields": ["author_id", "created_at"], "expansions": ["author_id"], "since_id": posts[0]}
    pages = list(Paginator(reader.get_users_mentions, town.account.user_id, max_results=5, **wanted))
    assert [page.meta["result_count"] for page in pages] == [5, 5, 2]
    texts = [one.text for page in pages for one in page.data]
    assert texts == ["@desk Look", *(f"@desk number {n}" for n in reversed(range(1, 12)))]
    assert {str(one.author_id) for page in pages for one in page.data} == {town.ann}
    assert "ann" in [user.username for user in pages[0].includes["users"]]


def test_too_many_dms(town: Town) -> None:
    town.sim.says("@ann", "Hello")
    ours = town.client()
    for number in range(15):
        ours.create_direct_message(participant_id=town.ann, text=f"{number}")
    with pytest.raises(TooManyRequests) as refused:
        ours.create_direct_message(participant_id=town.ann, text="16")
    wait = refused.value.reset_time - town.now().timestamp()
    assert 0 < wait <= 15 * 60
    assert refused.value.response.headers["x-rate-limit-remaining"] == "0"


def test_wrong_keys(town: Town) -> None:
    for name in ("consumer_key", "consumer_secret", "access_token", "access_token_secret"):
        with pytest.raises(Unauthorized):
            town.client(**{name: "wrong"}).create_tweet(text="x")
    with pytest.raises(Unauthorized):
        client(town.port, bearer_token="wrong").get_users_mentions(town.account.user_id)
    town.sim.revoke("x-main")
    with pytest.raises(Unauthorized):
        town.client().get_me()


def test_a_signature_of_another_hour(town: Town) -> None:
    town.ahead = timedelta(hours=1)
    with pytest.raises(Unauthorized):
        town.client().get_me()


def test_what_is_refused(town: Town) -> None:
    ours = town.client()
    town.sim.says("@ann", "Hello")
    ours.create_tweet(text="The same.")
    with pytest.raises(Forbidden, match="duplicate content"):
        ours.create_tweet(text="The same.")
    with pytest.raises(BadRequest):
        ours.create_direct_message(participant_id=town.ann, text="")
    with pytest.raises(NotFound):
        ours.create_direct_message(participant_id="999", text="x")
    town.sim.blocks("@ann")
    with pytest.raises(Forbidden, match="349"):
        ours.create_direct_message(participant_id=town.ann, text="x")
    town.sim.suspend("x-main")
    with pytest.raises(Forbidden, match="suspended"):
        ours.create_tweet(text="x")


def test_x_is_broken_or_gone(town: Town) -> None:
    town.sim.faults = FaultPlan(0, {"server_error": 1.0})
    with pytest.raises(TwitterServerError):
        town.client().create_tweet(text="x")
    town.sim.faults = FaultPlan(0)
    town.sim.withdraw("403-plan")
    with pytest.raises(Forbidden):
        town.client().create_tweet(text="x")
