"""Our requests and the simulator's answers against Meta's own OpenAPI description (v23.0, November 2025).

Where that description is behind or wrong, the test says so, with its source.
"""

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest

from omnichannel.channel import HttpRequest
from omnichannel.model.content import Media
from omnichannel.testing import fixtures as recorded
from omnichannel.testing.flows import drive
from tests.adapters.whatsapp.given_whatsapp import CHANNEL

DOCS = "https://developers.facebook.com/documentation/business-messaging/whatsapp"
CASES = {case.name: case for case in recorded.cases(Path(__file__).parent / "fixtures" / "outbound")}

OLDER_OR_WRONG = (
    # `recipient` came with business-scoped user ids, in 2026: f"{DOCS}/business-scoped-user-ids"
    "text.json[to a business-scoped id]",
    # A read receipt is a message without a type: f"{DOCS}/messages/mark-message-as-read", f"{DOCS}/typing-indicators"
    "other.json[read]",
    "other.json[read and writing]",
    # cta_url is missing among the interactive types: f"{DOCS}/messages/interactive-cta-url-messages"
    "choices.json[link button]",
    # Coordinates are numbers in all examples, and strings in the schema: f"{DOCS}/messages/location-messages"
    "media.json[location]",
    "media.json[bare location]",
    # The index of a button is 0 to 9, and the schema's pattern a list in prose: f"{DOCS}/messages/template-messages"
    "template.json[header and buttons]",
)


@pytest.fixture(scope="module")
def api(corpus: Path) -> OpenAPI:
    return OpenAPI.from_dict(json.loads((corpus / "specs" / "meta-whatsapp-cloud-v23.json").read_bytes()))


def requests_of(case: recorded.Case) -> Iterable[HttpRequest]:
    answers = [recorded.answer_of(item["answer"], case.folder) for item in case.data.get("exchange", ())]
    call = getattr(CHANNEL, case.data.get("call", "send"))
    flow = call(*case.data.get("args", ()), recorded.part_of(case), **case.data.get("options", {}))
    for request in drive(flow, answers)[0]:
        assert isinstance(request, HttpRequest)
        yield CHANNEL.sign(request, None, recorded.RECEIVED_AT, "nonce")


def problems(api: OpenAPI, request: HttpRequest) -> list[str]:
    path = request.url.removeprefix("https://graph.facebook.com")
    mock = MockRequest(
        "https://graph.facebook.com",
        request.method.lower(),
        path,
        args=dict(request.query),
        headers={"Authorization": request.headers["authorization"], "Content-Type": "application/json"},
        data=None if request.body is None else json.dumps(request.body).encode(),
        content_type="application/json",
    )
    found: list[str] = []
    for error in api.iter_request_errors(mock):
        cause: Any = error.__cause__
        inner = cast(Iterable[Any], getattr(cause, "schema_errors", ()))
        found += [str(one) for one in inner] or [f"{error!r} {cause!r}"]
    return found


@pytest.mark.parametrize("name", [name for name in CASES if "multipart" not in str(CASES[name].data)])
def test_a_request_is_what_meta_describes(api: OpenAPI, name: str) -> None:
    for request in requests_of(CASES[name]):
        found = problems(api, request)
        if name in OLDER_OR_WRONG:
            assert found, f"{name} is described by now: take it off the list"
        else:
            assert found == []


def test_what_meta_would_refuse_is_found(api: OpenAPI) -> None:
    """The check itself can fail."""
    (request,) = requests_of(CASES["choices.json[buttons]"])
    body: Any = copy.deepcopy(request.body)
    body["interactive"]["action"]["buttons"][0]["reply"]["title"] = "x" * 21
    assert problems(api, HttpRequest(method="POST", url=request.url, headers=request.headers, body=body))
    body = {key: value for key, value in cast(dict[str, Any], request.body).items() if key != "to"}
    assert problems(api, HttpRequest(method="POST", url=request.url, headers=request.headers, body=body))


def test_the_probe_and_the_file_are_what_meta_describes(api: OpenAPI) -> None:
    probe = CHANNEL.sign(cast(HttpRequest, next(CHANNEL.probe())), None, recorded.RECEIVED_AT, "n")
    assert problems(api, probe) == []
    located = next(CHANNEL.locate(Media(ref="platform:12")))
    assert problems(api, CHANNEL.sign(cast(HttpRequest, located), None, recorded.RECEIVED_AT, "n")) == []
