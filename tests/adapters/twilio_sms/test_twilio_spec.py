"""Our requests and the simulator's answers against Twilio's own OpenAPI description (April 2026)."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from omnichannel.adapters.twilio_sms import TwilioSmsChannel
from omnichannel.channel import Form, HttpRequest, HttpResponse
from omnichannel.testing import fixtures as recorded
from omnichannel.testing.asgi import InProcessTransport
from omnichannel.testing.flows import drive
from omnichannel.testing.simulators.base import SimFile
from omnichannel.testing.simulators.twilio_sms import TwilioSmsSimulator
from tests.adapters.twilio_sms.given_twilio import CHANNEL, SERVICE, SID, account

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
CASES = {case.name: case for case in recorded.cases(Path(__file__).parent / "fixtures" / "outbound")}


@pytest.fixture(scope="module")
def api(corpus: Path) -> OpenAPI:
    spec = json.loads((corpus / "specs" / "twilio-api-v2010.json").read_bytes())
    # Bare objects: what the documentation describes in words, and the schema not at all.
    return OpenAPI.from_dict(spec)


def mock(request: HttpRequest) -> MockRequest:
    parts = urlsplit(request.url)
    body = request.body
    data = urlencode(body.fields).encode() if isinstance(body, Form) else None
    return MockRequest(
        f"{parts.scheme}://{parts.netloc}",
        request.method.lower(),
        parts.path,
        args=dict(request.query),
        headers={"Authorization": request.headers["authorization"]},
        data=data,
        content_type="application/x-www-form-urlencoded" if data is not None else "",
    )


def problems(errors: Iterable[Exception]) -> list[str]:
    found: list[str] = []
    for error in errors:
        cause: Any = error.__cause__
        inner = cast(Iterable[Any], getattr(cause, "schema_errors", ()))
        found += [str(one) for one in inner] or [f"{error!r} {cause!r}"]
    return found


def sends() -> Iterable[tuple[str, HttpRequest]]:
    for name, case in CASES.items():
        answers = [recorded.answer_of(item["answer"], case.folder) for item in case.data.get("exchange", ())]
        for request in drive(CHANNEL.send(recorded.part_of(case)), answers)[0]:
            assert isinstance(request, HttpRequest)
            yield name, CHANNEL.sign(request, None, NOW, "nonce")


def reads() -> Iterable[HttpRequest]:
    cursor = '{"since": "2027-01-04T08:00:00Z", "seen": []}'
    for flow in (CHANNEL.poll(None), CHANNEL.poll(cursor)):
        yield cast(HttpRequest, next(flow))
    probing = CHANNEL.probe()
    yield cast(HttpRequest, next(probing))
    yield cast(HttpRequest, probing.send(HttpResponse(200, content=b'{"status": "active"}')))


def test_a_send_is_what_twilio_describes(api: OpenAPI) -> None:
    tried = list(sends())
    assert len(tried) > 6
    for name, request in tried:
        assert problems(api.iter_request_errors(mock(request))) == [], name


def test_a_read_is_what_twilio_describes(api: OpenAPI) -> None:
    for request in reads():
        assert problems(api.iter_request_errors(mock(CHANNEL.sign(request, None, NOW, "n")))) == []


def test_what_twilio_does_not_describe_is_found(api: OpenAPI) -> None:
    """The check itself can fail."""
    bad = HttpRequest(method="POST", url="Messages.json", body=Form((("To", "+1"), ("MessagingServiceSid", "MG1"))))
    assert problems(api.iter_request_errors(mock(CHANNEL.sign(bad, None, NOW, "n"))))
    bad = HttpRequest(method="GET", url="Messages.json", query=(("PageSize", "many"),))
    assert problems(api.iter_request_errors(mock(CHANNEL.sign(bad, None, NOW, "n"))))
    bad = HttpRequest(method="GET", url="Letters.json")
    assert problems(api.iter_request_errors(mock(CHANNEL.sign(bad, None, NOW, "n"))))


async def test_the_simulator_answers_as_twilio_describes(api: OpenAPI) -> None:
    simulator = TwilioSmsSimulator(now=lambda: NOW)
    ours = simulator.adopt(account(numbers=("+14155550101",), messaging_service_sid=SERVICE))
    channel = TwilioSmsChannel(ours)
    transport = InProcessTransport([simulator])
    simulator.customer("Ann", "+14155550111")
    inbound = simulator.says("+14155550111", "Look", attachments=[SimFile("a.png", b"\x89PNG", "image/png")])
    asked = [
        HttpRequest(
            method="POST",
            url="Messages.json",
            body=Form((("To", "+14155550111"), ("From", "+14155550100"), ("Body", "x"))),
        ),
        HttpRequest(method="GET", url="Messages.json", query=(("PageSize", "1"),)),
        HttpRequest(method="GET", url=f"Messages/{inbound}.json"),
        HttpRequest(method="GET", url=f"Messages/{inbound}/Media.json"),
        HttpRequest(method="GET", url=f"/2010-04-01/Accounts/{SID}.json"),
        HttpRequest(method="GET", url="IncomingPhoneNumbers.json"),
        HttpRequest(method="POST", url=f"Messages/{inbound}.json", body=Form((("Body", ""),))),
    ]
    for request in asked:
        signed = channel.sign(request, None, NOW, "n")
        answer = await transport.send(signed, account="sms")
        assert answer.ok, answer.text
        told = MockResponse(data=answer.content, status_code=answer.status, content_type="application/json")
        assert problems(api.iter_response_errors(mock(signed), told)) == [], request.url
