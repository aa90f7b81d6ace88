"""Our requests against Meta's own list of the edges of a Page (Graph nodes, April 2026).

It names edges, methods and parameters with their types; of what is inside an object it says nothing.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from omnichannel.channel import HttpRequest, Multipart
from omnichannel.testing import fixtures as recorded
from omnichannel.testing.flows import drive
from tests.adapters.messenger.given_messenger import CHANNEL, FIRST

CASES = {case.name: case for case in recorded.cases(Path(__file__).parent / "fixtures" / "outbound")}
TYPES: Mapping[str, tuple[type, ...]] = {"Object": (dict,), "string": (str,)}
OTHERWISE = {
    # A tag is a word: https://developers.facebook.com/docs/messenger-platform/send-messages/message-tags
    ("messages", "tag"): str,
    # What a reaction is about is an object:
    # https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/sender-actions
    ("messages", "payload"): dict,
}
FILES = {"filedata", "type"}
"""What an upload has beside its parameters: the bytes, and their type.
https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/saving-assets"""


@pytest.fixture(scope="module")
def edges(corpus: Path) -> dict[tuple[str, str], dict[str, Any]]:
    page = json.loads((corpus / "specs" / "meta-graph-nodes.json").read_bytes())["Page"]
    named = [api for api in page["apis"] if "endpoint" in api]
    return {(api["method"], api["endpoint"]): {one["name"]: one for one in api["params"]} for api in named}


def requests_of(case: recorded.Case) -> Iterable[HttpRequest]:
    answers = [recorded.answer_of(item["answer"], case.folder) for item in case.data.get("exchange", ())]
    call = getattr(CHANNEL, case.data.get("call", "send"))
    for request in drive(
        call(*case.data.get("args", ()), recorded.part_of(case), **case.data.get("options", {})), answers
    )[0]:
        assert isinstance(request, HttpRequest)
        yield request


def problems(edges: Mapping[tuple[str, str], Mapping[str, Any]], request: HttpRequest) -> list[str]:
    page, _, edge = request.url.partition("/")
    known = edges.get((request.method, edge))
    if page != FIRST.page_id or known is None:
        return [f"a Page has no {request.method} {edge}"]
    given: dict[str, Any] = {}
    if isinstance(request.body, Multipart):
        fields = dict(request.body.fields)
        given = {"message": json.loads(fields["message"])}
        assert {*fields, *(file.name for file in request.body.files)} == {"message", *FILES}
    elif isinstance(request.body, dict):
        given = request.body
    found = [f"{edge} takes no {name}" for name in given if name not in known]
    found += [f"{edge} needs {name}" for name, one in known.items() if one["required"] and name not in given]
    for name, value in given.items():
        wanted = OTHERWISE.get((edge, name)) or TYPES.get(known.get(name, {}).get("type", ""), (str,))
        if not isinstance(value, wanted):
            found.append(f"{name} of {edge} is a {type(value).__name__}")
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_request_is_what_meta_describes(edges: dict[tuple[str, str], dict[str, Any]], name: str) -> None:
    for request in requests_of(CASES[name]):
        assert problems(edges, request) == []


def test_what_meta_would_refuse_is_found(edges: dict[tuple[str, str], dict[str, Any]]) -> None:
    """The check itself can fail."""
    url = f"{FIRST.page_id}/messages"
    assert problems(edges, HttpRequest(method="POST", url=url, body={"message": {"text": "Hi"}}))
    assert problems(edges, HttpRequest(method="POST", url=url, body={"recipient": {}, "text": "Hi"}))
    assert problems(edges, HttpRequest(method="POST", url=url, body={"recipient": "1"}))
    assert problems(edges, HttpRequest(method="DELETE", url=url, body={"recipient": {}}))


def test_the_exceptions_are_still_needed(edges: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert edges["POST", "messages"]["tag"]["type"] == "Object"
    assert edges["POST", "messages"]["payload"]["type"] == "string"
