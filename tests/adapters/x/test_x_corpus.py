"""Recorded exchanges of another client: what we make of X's answers, and whether we ask as it asked."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from omnichannel.adapters.x import XAccount, XChannel
from omnichannel.channel import (
    Envelope,
    HttpRequest,
    HttpResponse,
    MessageEchoed,
    MessageReceived,
    Part,
    Receipt,
    Unrecognized,
)
from omnichannel.model.content import Text
from omnichannel.testing.flows import drive

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
CHANNEL = XChannel(XAccount(id="x-main", user_id="1072250532645998596"))
AUTHOR = "783214"

# Written by hand from the recordings: items, the newest one's id, time (in the id) and words, the oldest one's id.
_ONCE: Mapping[str, tuple[int, str, str, str, str]] = {
    "asyncclient_get_liked_tweets /2/users/783214/liked_tweets": (
        96,
        "1345434652891373571",
        "2021-01-02T18:19:52.873+00:00",
        "RT @djarinculture: *me rereading my own tweet every time someone likes it* https://t.co/Q764BDICa9",
        "1364612503796256771",
    ),
    "asyncclient_get_list_tweets /2/lists/84839422/tweets": (
        97,
        "1578510160623853570",
        "2022-10-07T22:18:44.250+00:00",
        "If you could have 1:1 master classes with 5 Latinx folks, who would they be? #PalFrente",
        "1578400279413899266",
    ),
    "asyncclient_get_quote_tweets /2/tweets/1293593516040269825/quote_tweets": (
        9,
        "1458146351036841988",
        "2021-11-09T18:55:55.793+00:00",
        "RT @TwitterAPI: Twitter API v2: Early Access released\n\nToday we announced Early Access to the first "
        "endpoints of the new Twitter API!\n\n#Twi…",
        "1447395402676793345",
    ),
    "asyncclient_get_users_tweets /2/users/783214/tweets": (
        2,
        "1577730467436138524",
        "2022-10-05T18:40:30.908+00:00",
        "whoa, it works\n\nnow everyone can mix GIFs, videos, and images in one Tweet, available on iOS and Android "
        "https://t.co/3OQ4eGsUku https://t.co/LVVolAQPZi",
        "1565318587736285184",
    ),
    "asyncclient_search_all_tweets /2/tweets/search/all?query=Tweepy": (
        10,
        "1578523114753118208",
        "2022-10-07T23:10:12.755+00:00",
        "2022-10-07 23:10:12.638569 tweepy",
        "1578519902427619328",
    ),
    "asyncclient_search_recent_tweets /2/tweets/search/recent?query=Tweepy": (
        10,
        "1578522194770296832",
        "2022-10-07T23:06:33.414+00:00",
        "RT @t6dr1ve: #TwitterBots go away! We don't need your help! #Tweepy #OpenAI #MEME #Python #Programming "
        "#DataScience #Blockchain #Cardano #A…",
        "1578519088158371840",
    ),
    "client_search_all_tweets /2/tweets/search/all?query=Tweepy": (
        10,
        "1578520094778740736",
        "2022-10-07T22:58:12.737+00:00",
        "2022-10-07 22:58:12.637170 tweepy",
        "1578516068309794817",
    ),
    "client_search_recent_tweets /2/tweets/search/recent?query=Tweepy": (
        10,
        "1578516068309794817",
        "2022-10-07T22:42:12.752+00:00",
        "2022-10-07 22:42:12.637103 tweepy",
        "1578511538419212288",
    ),
}
POSTS = {
    **_ONCE,
    "client_get_liked_tweets /2/users/783214/liked_tweets": _ONCE[
        "asyncclient_get_liked_tweets /2/users/783214/liked_tweets"
    ],
    "client_get_users_tweets /2/users/783214/tweets": _ONCE["asyncclient_get_users_tweets /2/users/783214/tweets"],
}
DMS = (
    "manage_and_lookup_direct_messages /2/dm_conversations/750362064426721281-1072250532645998596/dm_events",
    "manage_and_lookup_direct_messages /2/dm_conversations/with/750362064426721281/dm_events",
)
# Answers that hold neither posts nor DMs, and what they are.
OTHERS: Mapping[str, str] = {
    "asyncclient_get_all_tweets_count": "counts",
    "client_get_recent_tweets_count": "counts",
    "asyncclient_get_retweeters": "users",
    "asyncclient_get_users_followers": "users",
    "asyncclient_get_users_following": "users",
    "client_get_users_followers": "users",
    "client_get_users_following": "users",
    "asyncclient_search_spaces": "spaces",
    "client_search_spaces": "spaces",
}
# One object or an acknowledgement; each has its own test below, or is of API v1.1, which is gone.
SINGLE = {
    "asyncclient_create_and_delete_tweet",
    "asyncclient_get_tweet",
    "client_create_tweet_with_community",
    "client_get_user",
    "client_hide_and_unhide_reply",
    "client_like_and_unlike",
    "client_retweet_and_unretweet",
    "manage_and_lookup_direct_messages",
    "getdirectmessages",
    "ratelimitstatus",
    "sendanddeletedirectmessage",
    "updatestatuswithmedia",
}


def name_of(path: Path) -> str:
    return path.stem.removeprefix("tweepy--").removeprefix("test").removeprefix("_")


@pytest.fixture(scope="module")
def exchanges(corpus: Path) -> Mapping[str, list[Any]]:
    paths = sorted((corpus / "fixtures" / "x" / "exchanges").glob("*.json"))
    return {name_of(one): json.loads(one.read_text("utf-8")) for one in paths}


def pages(exchanges: Mapping[str, list[Any]], key: str) -> Iterator[Any]:
    name, _, path = key.partition(" ")
    for one in exchanges[name]:
        if one["request"]["url"] == f"https://api.twitter.com{path}":
            yield one["response"]["body"]


def parsed(body: object) -> list[Any]:
    return list(CHANNEL.parse(Envelope(source="poll", content=json.dumps(body).encode(), received_at=NOW)))


def test_every_recording_is_spoken_for(exchanges: Mapping[str, list[Any]]) -> None:
    known = {key.partition(" ")[0] for key in (*POSTS, *DMS)} | set(OTHERS) | SINGLE
    assert set(exchanges) == known
    assert len(exchanges) == 31


@pytest.mark.parametrize("key", sorted(POSTS))
def test_pages_of_posts(exchanges: Mapping[str, list[Any]], key: str) -> None:
    """The client did not ask for the authors: such a post is kept unread, and read once it has one."""
    count, newest, at, words, oldest = POSTS[key]
    (body,) = pages(exchanges, key)
    unread = parsed(body)
    assert [type(event) for event in unread] == [Unrecognized] * count
    assert {event.reason for event in unread} == {"no author_id: ask for it in tweet.fields"}
    assert (json.loads(unread[0].content)["id"], json.loads(unread[-1].content)["id"]) == (oldest, newest)
    events = parsed({**body, "data": [{**one, "author_id": AUTHOR} for one in body["data"]]})
    assert [event.dedupe for event in events] == [one["id"] for one in reversed(body["data"])]
    assert {(type(event), event.sender, event.surface) for event in events} == {(MessageReceived, AUTHOR, "mention")}
    last = events[-1]
    assert (last.message_id, last.full_text, last.occurred_at) == (newest, words, datetime.fromisoformat(at))
    assert not [event for event in events if "&amp;" in event.text or "&lt;" in event.text]


@pytest.mark.parametrize("key", DMS)
def test_pages_of_dms(exchanges: Mapping[str, list[Any]], key: str) -> None:
    (body,) = pages(exchanges, key)
    assert [event.reason for event in parsed(body)] == ["no sender_id: ask for it in dm_event.fields"] * 2
    asked = [{**one, "sender_id": "1072250532645998596", "dm_conversation_id": "1-2"} for one in body["data"]]
    first, second = parsed({**body, "data": asked})
    assert isinstance(first, MessageEchoed)
    assert (first.dedupe, first.text) == ("1585800613253812228", "Testing 1")
    assert (second.dedupe, second.text) == ("1585800613752881156", "Testing 2")
    assert first.occurred_at == datetime(2022, 10, 28, 1, 8, 23, 607000, tzinfo=UTC)


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_pages_of_other_things_are_kept_unread(exchanges: Mapping[str, list[Any]], name: str) -> None:
    for one in exchanges[name]:
        found = parsed(one["response"]["body"])
        assert {(event.kind, event.reason) for event in found} == {("unrecognized", "neither a post nor a DM")}
        assert len(found) == len(one["response"]["body"]["data"])


def test_one_post(exchanges: Mapping[str, list[Any]]) -> None:
    (one,) = exchanges["asyncclient_get_tweet"]
    (event,) = parsed({"data": {**one["response"]["body"]["data"], "author_id": AUTHOR}})
    assert (event.dedupe, event.sender) == ("1293593516040269825", AUTHOR)
    assert event.text.startswith("It\u2019s finally here! 🥁 Say hello to the new #TwitterAPI.")
    assert event.occurred_at.date().isoformat() == "2020-08-12"


def test_an_empty_box(exchanges: Mapping[str, list[Any]]) -> None:
    body = next(pages(exchanges, "manage_and_lookup_direct_messages /2/dm_events"))
    assert parsed(body) == []


def test_acknowledgements_are_successes(exchanges: Mapping[str, list[Any]]) -> None:
    for many in exchanges.values():
        for one in many:
            body = one["response"]["body"]
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            assert CHANNEL.errors.failure_of(HttpResponse(one["response"]["status"], {}, content)) is None


def test_the_older_api_in_its_own_words(exchanges: Mapping[str, list[Any]]) -> None:
    """Objects of v1.1, as the Account Activity API still sends them."""
    sent = exchanges["sendanddeletedirectmessage"][2]["response"]["body"]["event"]
    (event,) = parsed({"for_user_id": "1072250532645998596", "direct_message_events": [sent]})
    assert isinstance(event, MessageEchoed)
    assert (event.dedupe, event.text) == ("1150493286110552068", "test message")
    assert event.occurred_at == datetime(2019, 7, 14, 19, 52, 29, 197000, tzinfo=UTC)
    tweet = exchanges["updatestatuswithmedia"][0]["response"]["body"]
    other = XChannel(XAccount(id="x-main", user_id="5"))
    content = json.dumps({"for_user_id": "5", "tweet_create_events": [tweet]}).encode()
    (seen,) = other.parse(Envelope(content=content, received_at=NOW))
    assert isinstance(seen, MessageReceived)
    assert (seen.dedupe, seen.sender, seen.sender_name) == (
        "1149914662164684800",
        "1072250532645998596",
        "Tweepy Testing",
    )
    assert (seen.text, seen.aliases) == ("testing 1000 https://t.co/kIbedWfwG2", {"username": "TweepyDev"})
    assert [one.ref for one in seen.attachments] == ["https://pbs.twimg.com/media/D_VRSrrXkAAYzkx.png"]
    assert seen.occurred_at.replace(microsecond=0) == datetime(2019, 7, 13, 5, 33, 14, tzinfo=UTC)


# ---------------------------------------------------------------- requests


def recorded(exchanges: Mapping[str, list[Any]], name: str, index: int) -> tuple[str, str, Any, HttpResponse]:
    one = exchanges[name][index]
    request, response = one["request"], one["response"]
    body = json.loads(request["body"]) if request["body"] else None
    answer = HttpResponse(response["status"], response["headers"], json.dumps(response["body"]).encode())
    return request["method"], request["url"].removeprefix("https://api.twitter.com/"), body, answer


@pytest.mark.parametrize(
    ("index", "part", "receipt", "thread"),
    [
        (
            0,
            Part(key="p", to="750362064426721281", content=Text("Testing 1")),
            "1585800613253812228",
            "750362064426721281-1072250532645998596",
        ),
        (
            1,
            Part(key="p", to="750362064426721281", content=Text("Testing 2")),
            "1585800613752881156",
            "750362064426721281-1072250532645998596",
        ),
    ],
)
def test_a_dm_is_asked_for_as_recorded(
    exchanges: Mapping[str, list[Any]], index: int, part: Part, receipt: str, thread: str
) -> None:
    """The second one was sent in the conversation: for one of two, both addresses are the same message."""
    method, url, body, answer = recorded(exchanges, "manage_and_lookup_direct_messages", index)
    (request,), result = drive(CHANNEL.send(part), [answer])
    assert isinstance(request, HttpRequest)
    assert (request.method, request.body) == (method, body)
    if index == 0:
        assert request.url == url
    else:
        assert url == "2/dm_conversations/750362064426721281-1072250532645998596/messages"
    assert (getattr(result, "ids", None), getattr(result, "thread", None)) == ((receipt,), thread)


def test_a_post_and_its_end_are_asked_for_as_recorded(exchanges: Mapping[str, list[Any]]) -> None:
    part = Part(key="p", to="5", content=Text("Test Tweet"), surface="mention", reply_to="1")
    method, url, _, answer = recorded(exchanges, "asyncclient_create_and_delete_tweet", 0)
    (created,), receipt = drive(CHANNEL.send(part), [answer])
    assert isinstance(created, HttpRequest)
    assert (created.method, created.url) == (method, url)
    assert isinstance(receipt, Receipt)
    (message_id,) = receipt.ids
    method, url, _, answer = recorded(exchanges, "asyncclient_create_and_delete_tweet", 1)
    (deleted,), result = drive(CHANNEL.delete(message_id, part), [answer])
    assert isinstance(deleted, HttpRequest)
    assert (deleted.method, deleted.url, result) == (method, url, None)
