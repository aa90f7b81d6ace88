"""Our requests, and the simulator's answers, against a published description of Mastodon's API."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from omnichannel.adapters.mastodon import MastodonChannel, setup
from omnichannel.channel import HttpRequest, HttpResponse, Multipart, Part
from omnichannel.channel.wire import Flow
from omnichannel.model.content import Media, Text
from omnichannel.testing.asgi import asgi_call, http_scope
from omnichannel.testing.clock import FakeClock
from omnichannel.testing.flows import drive
from omnichannel.testing.simulators.base import SimFile
from omnichannel.testing.simulators.mastodon import MastodonSimulator
from tests.adapters.mastodon.test_mastodon_contract import ACCOUNT

CHANNEL = MastodonChannel(ACCOUNT)
# openapi-core knows no OAuth 2 scopes: who may call what is checked against the simulator.
pytestmark = pytest.mark.filterwarnings("ignore:Unsupported scheme type:UserWarning")
OK = HttpResponse(200, {}, b'{"id":"7","acct":"desk","mentions":[{"acct":"ann@social.example"}]}')
LIST = HttpResponse(200, {}, b"[]")
IMAGE = Media(kind="image", type="image/png", size=10, ref="blob:1", alt="a bag")


def part(content: Text | Media, **more: Any) -> Part:
    return Part(key="p", to="ann@social.example", content=content, language="fr", **more)


PLAIN = part(Text("Bonjour"), reply_to="1001", context={"warning": "a bag"})
CURSOR = '{"me":"99","notifications":"7","conversations":"0","statuses":"5"}'
FLOWS: Mapping[str, tuple[Flow[Any], list[HttpResponse]]] = {
    "direct": (CHANNEL.send(PLAIN), [OK]),
    "public": (CHANNEL.send(part(Text("Bonjour"), surface="mention", reply_to="1001")), [OK]),
    "a picture": (CHANNEL.send(part(IMAGE)), [OK, OK]),
    "edit": (CHANNEL.edit("7", PLAIN), [OK, OK]),
    "delete": (CHANNEL.delete("7", PLAIN), [OK]),
    "react": (CHANNEL.react("7", PLAIN, "x"), [OK]),
    "first poll": (CHANNEL.poll(None), [OK, LIST, LIST, LIST]),
    "poll": (CHANNEL.poll(CURSOR), [LIST, LIST, LIST]),
    "probe": (CHANNEL.probe(), [OK]),
    "limits": (setup.limits(CHANNEL), [OK]),
}


@cache
def api(path: Path) -> OpenAPI:
    return OpenAPI.from_dict(json.loads(path.read_text("utf-8")))


def as_sent(request: HttpRequest) -> MockRequest:
    signed = CHANNEL.sign(request, None, datetime(2027, 1, 4, tzinfo=UTC), "n")
    data = json.dumps(request.body).encode() if not isinstance(request.body, Multipart | None) else None
    path = signed.url.removeprefix("https://mastodon.example")
    return MockRequest(
        "https://mastodon.example",
        request.method.lower(),
        path,
        args=dict(request.query),
        headers=dict(signed.headers),
        data=data,
        content_type="application/json",
    )


def requests_of(name: str) -> list[HttpRequest]:
    flow, answers = FLOWS[name]
    found, _ = drive(flow, answers)
    return [one for one in found if isinstance(one, HttpRequest)]


REQUESTS = {name: requests_of(name) for name in FLOWS}


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_our_requests_are_as_described(corpus: Path, name: str) -> None:
    spec = api(corpus / "specs" / "mastodon.json")
    for request in REQUESTS[name]:
        if isinstance(request.body, Multipart):
            continue  # below: openapi-core reads a file as bytes, which the description calls a string
        errors = [one for one in spec.iter_request_errors(as_sent(request)) if not is_both(one)]
        assert not errors, f"{name}: {request.method} {request.url}: {[(e, e.__cause__) for e in errors]}"


def is_both(error: Exception) -> bool:
    """Whether the description objects that a status has words and files: it says that of the forms of a status just
    one may fit, and one with both fits two of them."""
    found = getattr(error.__cause__, "schema_errors", ())
    return bool(found) and all("is valid under each of" in one.message for one in found)


def test_an_upload_has_the_fields_that_are_described(corpus: Path) -> None:
    described = json.loads((corpus / "specs" / "mastodon.json").read_text("utf-8"))["paths"]["/api/v2/media"]["post"]
    known = described["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    (body,) = [one.body for one in REQUESTS["a picture"] if isinstance(one.body, Multipart)]
    assert {name for name, _ in body.fields} | {file.name for file in body.files} == {"description", "file"} & set(
        known
    )


def test_the_description_would_notice(corpus: Path) -> None:
    spec = api(corpus / "specs" / "mastodon.json")
    bad = [
        HttpRequest(method="POST", url="api/v1/statuses", body={"status": "x", "visibility": "secret"}),
        HttpRequest(method="POST", url="api/v1/statuses", body={"status": 5, "visibility": "direct"}),
        HttpRequest(method="POST", url="api/v1/nothing", body={}),
    ]
    assert [bool(list(spec.iter_request_errors(as_sent(one)))) for one in bad] == [True] * 3


# ---------------------------------------------------------------- the simulator's answers


def played() -> MastodonSimulator:
    """A server on which something has happened. No quotes: the two shapes that the description has for one are not
    told apart by it, so that each is refused as being both."""
    simulator = MastodonSimulator(now=FakeClock().now)
    simulator.adopt(ACCOUNT)
    simulator.customer("Ann", "ann@social.example")
    simulator.customer("Annie", "annie@social.example")
    simulator.moves("ann@social.example", "annie@social.example")
    file = SimFile("bag.png", b"png", "image/png")
    first = simulator.says(
        "ann@social.example", "See https://example.com\n\n@nobody", attachments=[file], warning="bag"
    )
    ours = simulator.publish(simulator.ours("fedi"), "@ann@social.example Yes", visibility="public", reply_to=first)
    simulator.says("ann@social.example", "Where?", surface="mention", reply_to=ours.id)
    simulator.favourites("ann@social.example", ours.id)
    simulator.warn("fedi", "silence", "Be nice")
    return simulator


READS = (
    "/api/v1/notifications",
    "/api/v1/conversations",
    "/api/v1/accounts/verify_credentials",
    "/api/v1/accounts/lookup?acct=ann@social.example",
    "/api/v1/accounts/{us}",
    "/api/v1/accounts/{us}/statuses",
    "/api/v1/statuses/{status}",
    "/api/v1/statuses/{status}/context",
    "/api/v2/instance",
    "/api/v1/statuses/nothing",
)


@pytest.mark.parametrize("path", READS)
async def test_the_simulators_answers_are_as_described(corpus: Path, path: str) -> None:
    spec, simulator = api(corpus / "specs" / "mastodon.json"), played()
    us = simulator.ours("fedi")
    status = next(one.id for one in simulator.statuses.values() if one.author == us.id)
    url = path.format(us=us.id, status=status)
    headers = {"authorization": "Bearer user-token"}
    scope = http_scope("GET", f"https://mastodon.example{url}", headers, b"")
    code, given, body = await asgi_call(simulator, scope, b"")
    assert code == (404 if "nothing" in path else 200), body
    assert json.loads(body)
    plain, _, query = url.partition("?")
    args = dict(one.split("=", 1) for one in query.split("&") if one)
    request = MockRequest("https://mastodon.example", "get", plain, args=args, headers=headers)
    response = MockResponse(data=body, status_code=code, content_type="application/json", headers=dict(given))
    errors = list(spec.iter_response_errors(request, response))
    assert not errors, [(e, e.__cause__, getattr(e.__cause__, "schema_errors", "")) for e in errors]
