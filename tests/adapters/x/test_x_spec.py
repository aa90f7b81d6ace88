"""Our requests against X's own description of its API, in both versions that we know."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest

from omnichannel.adapters.x import XAccount, XChannel, setup
from omnichannel.channel import Form, HttpRequest, HttpResponse, Multipart, Part, Token
from omnichannel.channel.wire import Flow
from omnichannel.model.content import Media, Text
from omnichannel.testing.flows import drive

US, ANN = "1900000000000000001", "1500000000000000042"
CHANNEL = XChannel(
    XAccount.model_validate({"id": "x-main", "user_id": US, "token": "t", "app_bearer": "a", "consumer_secret": "s"})
)
# openapi-core knows no OAuth 1.0a: who may call what is checked against the simulator.
pytestmark = pytest.mark.filterwarnings("ignore:Unsupported scheme type:UserWarning")
VERSIONS = ("2.159", "2.167")
OK = HttpResponse(200, {}, b'{"data":{"id":"7","dm_event_id":"8","dm_conversation_id":"1-2","url":"u"}}')
IMAGE = Media(kind="image", type="image/png", size=10, ref="blob:1", alt="a bag")
VIDEO = Media(kind="video", type="video/mp4", size=10, ref="blob:2")


def dm(**more: Any) -> Part:
    return Part(key="p", to=ANN, content=more.pop("content", Text("Bonjour")), **more)


def reply(content: Text | Media) -> Part:
    return Part(key="p", to=ANN, content=content, surface="mention", reply_to="2139000000000000001")


FLOWS: Mapping[str, tuple[Flow[Any], int]] = {
    "dm": (CHANNEL.send(dm()), 1),
    "group": (CHANNEL.send(dm(thread="2138700000000000001", context={"group": "2138700000000000001"})), 1),
    "dm with a picture": (CHANNEL.send(dm(content=IMAGE)), 3),
    "reply": (CHANNEL.send(reply(Text("Bonjour", attachments=[IMAGE]))), 3),
    "reply with a video": (CHANNEL.send(reply(VIDEO)), 4),
    "delete dm": (CHANNEL.delete("5", dm()), 1),
    "delete post": (CHANNEL.delete("5", reply(Text("x"))), 1),
    "who": (CHANNEL.probe(), 1),
    "poll": (CHANNEL.poll('{"mentions":{"since":"5"},"dms":{"since":"5"}}'), 2),
    "webhook": (setup.register_webhook(CHANNEL, "https://desk.example/x"), 1),
    "webhooks": (setup.webhooks(CHANNEL), 1),
    "recheck": (setup.recheck_webhook(CHANNEL, "7"), 1),
    "delete webhook": (setup.delete_webhook(CHANNEL, "7"), 1),
    "replay": (setup.replay(CHANNEL, "7", datetime(2027, 1, 4, tzinfo=UTC), datetime(2027, 1, 4, 1, tzinfo=UTC)), 1),
    "legacy": (setup.subscribe_legacy(CHANNEL, "7"), 1),
}
# What 2.167 does not list although the documents and the objects of the same file have it. The renamed fields are in
# no page of the documents: https://docs.x.com/x-api/users/get-mentions and .../direct-messages/get-dm-events.
KNOWN: Mapping[str, Sequence[str]] = {
    "GET /2/users/{id}/mentions": ("referenced_tweets.id",),
    "GET /2/dm_events": ("referenced_tweets", "sender_id"),
}


@cache
def api(path: Path) -> OpenAPI:
    return OpenAPI.from_dict(json.loads(path.read_text("utf-8")))


def as_sent(request: HttpRequest) -> MockRequest:
    signed = CHANNEL.sign(request, Token(value="t"), datetime(2027, 1, 4, tzinfo=UTC), "n")
    data, kind = encoded(request.body)
    return MockRequest(
        "https://api.x.com",
        request.method.lower(),
        signed.url.removeprefix("https://api.x.com"),
        args=dict(request.query),
        headers={"Authorization": signed.headers["authorization"]},
        data=data,
        content_type=kind,
    )


def encoded(body: object) -> tuple[bytes | None, str]:
    if isinstance(body, Form):
        return urlencode(body.fields).encode(), "application/x-www-form-urlencoded"
    if isinstance(body, Multipart) and "segment_index" in dict(body.fields):
        # A form has no integers, and openapi-core takes its fields as text: X takes the same fields as JSON.
        fields = {"segment_index": int(dict(body.fields)["segment_index"]), "media": "Ynl0ZXM="}
        return json.dumps(fields).encode(), "application/json"
    if isinstance(body, Multipart):
        lines = [f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in body.fields]
        head = '--b\r\nContent-Disposition: form-data; name="media"; filename="f"\r\nContent-Type: image/png\r\n\r\n'
        lines += [f"{head}bytes\r\n" for _ in body.files]
        return ("".join(lines) + "--b--\r\n").encode(), "multipart/form-data; boundary=b"
    return (None if body is None else json.dumps(body).encode()), "application/json"


def requests_of(name: str) -> list[HttpRequest]:
    flow, count = FLOWS[name]
    found, _ = drive(flow, [OK] * count)
    return [one for one in found if isinstance(one, HttpRequest)]


REQUESTS = {name: requests_of(name) for name in FLOWS}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_requests_are_as_x_describes_them(corpus: Path, name: str, version: str) -> None:
    spec = api(corpus / "specs" / f"x-api-v{version}.json")
    for request in REQUESTS[name]:
        errors = list(spec.iter_request_errors(as_sent(request)))
        if version == "2.167" and (known := KNOWN.get(f"{request.method} /{request.url.replace(US, '{id}')}")):
            told = " ".join(f"{error} {error.__cause__}" for error in errors)
            assert errors
            assert not [one for one in known if one not in "".join(value for _, value in request.query)]
            assert "media.fields" not in told
        else:
            assert errors == [], f"{name}: {request.method} {request.url}: {[(e, e.__cause__) for e in errors]}"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_description_would_notice(corpus: Path, version: str) -> None:
    """The check can fail: a body that X does not know, a path that is not there."""
    spec = api(corpus / "specs" / f"x-api-v{version}.json")
    good = REQUESTS["dm"][0]
    bad = [
        HttpRequest(method="POST", url=good.url, body={"text": ""}),
        HttpRequest(method="POST", url="2/dm_conversations/with/@ann/messages", body={"text": "x"}),
        HttpRequest(method="POST", url="2/tweets", body={"reply": {"in_reply_to_tweet_id": "x"}}),
        HttpRequest(method="POST", url="2/nothing", body={}),
    ]
    assert [bool(list(spec.iter_request_errors(as_sent(one)))) for one in bad] == [True] * 4
