"""What is Messenger's own: windows of people, links, several Pages, tokens, and the lines between careful and quick."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from omnichannel.adapters.messenger import MessengerAccount, MessengerChannel, errors, parse, surfaces
from omnichannel.channel import (
    Accept,
    Answer,
    Envelope,
    HttpRequest,
    HttpResponse,
    Keys,
    MessageReceived,
    Part,
    Receipt,
    Refuse,
    Token,
)
from omnichannel.kit.degrade import fit
from omnichannel.kit.meta_graph import Unclear
from omnichannel.kit.signatures import hmac_sign
from omnichannel.model.content import LinkButton, Location, Media, QuickReply, Text
from omnichannel.model.outcome import Failure, Outcome
from omnichannel.testing import fixtures as recorded
from omnichannel.testing.flows import drive
from tests.adapters.messenger.given_messenger import CHANNEL, FIRST, PSID, SECOND, SECRET, account

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
PAGES = {FIRST.page_id: FIRST.id, SECOND.page_id: SECOND.id}


def body(*items: dict[str, Any], page: str = FIRST.page_id) -> bytes:
    entry = {"id": page, "time": 1772998114000, "messaging": list(items)}
    return json.dumps({"object": "page", "entry": [entry]}).encode()


def said(text: str, mid: str = "m_1") -> dict[str, Any]:
    parties = {"sender": {"id": PSID}, "recipient": {"id": FIRST.page_id}}
    return {**parties, "timestamp": 1772998114000, "message": {"mid": mid, "text": text}}


# ---------------------------------------------------------------- webhooks


def test_the_handshake() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "the-chosen-word", "hub.challenge": "1158201444"}
    admission = CHANNEL.admit(Envelope(method="GET", query=query, received_at=NOW), NOW, Keys())
    assert isinstance(admission, Answer)
    assert admission.reply.content == b"1158201444"
    wrong = CHANNEL.admit(
        Envelope(method="GET", query={**query, "hub.verify_token": "x"}, received_at=NOW), NOW, Keys()
    )
    assert isinstance(wrong, Refuse)
    assert wrong.status == 403


def test_a_webhook_of_either_pages_secret_is_admitted() -> None:
    other = account(id="page-3", page_id="3", app_secret="the-other-app")
    channel = MessengerChannel(FIRST, (FIRST, other))
    content = body(said("Hi"))
    for secret, admitted in ((SECRET, True), ("the-other-app", True), ("a-third-one", False)):
        headers = {"x-hub-signature-256": f"sha256={hmac_sign(secret, content)}"}
        admission = channel.admit(Envelope(content=content, headers=headers, received_at=NOW), NOW, Keys())
        assert isinstance(admission, Accept) == admitted
    old = {"x-hub-signature": f"sha1={hmac_sign(SECRET, content)}"}
    assert isinstance(channel.admit(Envelope(content=content, headers=old, received_at=NOW), NOW, Keys()), Refuse)


def test_quick_and_careful_say_the_same() -> None:
    """Every recorded webhook that is read at once is read alike item by item."""
    quickly = 0
    for case in recorded.cases(Path(__file__).parent / "fixtures" / "inbound"):
        envelope = recorded.envelope_of(case)
        try:
            events = parse.quick(PAGES, envelope.received_at, envelope.content)
        except (ValidationError, Unclear):
            continue
        quickly += 1
        assert list(parse.careful(FIRST.id, PAGES, envelope.received_at, envelope.content)) == events, case.name
    assert quickly > 30


def test_half_of_a_surrogate_pair_is_no_reason_to_lose_a_message() -> None:
    content = body(said("Hi")).replace(b'"Hi"', b'"Hi \\ud83d"')
    (event,) = CHANNEL.parse(Envelope(content=content, received_at=NOW))
    assert isinstance(event, MessageReceived)
    assert event.text == "Hi \N{REPLACEMENT CHARACTER}"


def test_a_file_at_no_real_url_is_still_told() -> None:
    message = {
        **said(""),
        "message": {"mid": "m_1", "attachments": [{"type": "file", "payload": {"url": "https://[x"}}]},
    }
    (event,) = CHANNEL.parse(Envelope(content=body(message), received_at=NOW))
    assert isinstance(event, MessageReceived)
    (media,) = event.attachments
    assert (media.ref, media.name, media.type) == ("https://[x", "", "application/octet-stream")


def test_what_has_no_time_at_all_has_a_key_of_its_own() -> None:
    tap = {"sender": {"id": PSID}, "recipient": {"id": FIRST.page_id}, "postback": {"title": "Yes", "payload": "y"}}
    content = json.dumps({"object": "page", "entry": [{"id": FIRST.page_id, "messaging": [tap]}]}).encode()
    first, later = (
        CHANNEL.parse(Envelope(content=content, received_at=at))[0] for at in (NOW, NOW + timedelta(hours=1))
    )
    assert first.dedupe == later.dedupe != f"postback:{PSID}:None"
    assert first.occurred_at == NOW


# ---------------------------------------------------------------- capabilities


def test_only_an_app_with_agents_answers_after_a_day() -> None:
    without = MessengerChannel(account(human_agent=False)).surface("dm")
    with_agents = CHANNEL.surface("dm")
    assert with_agents is not None
    assert without is not None
    assert with_agents.window is not None
    assert without.window is not None
    assert (with_agents.window.human, without.window.human) == (timedelta(days=7), None)
    assert with_agents.window.length == without.window.length == timedelta(hours=24)
    assert CHANNEL.surface("mention") is None


def test_the_old_tags_ended_on_a_day() -> None:
    assert set(surfaces.WITHDRAWN_TAGS.values()) == {date(2026, 4, 27)}
    assert surfaces.HUMAN_AGENT not in surfaces.WITHDRAWN_TAGS


@pytest.mark.parametrize(
    ("content", "parts", "lost"),
    [
        (Text("Hi", buttons=[LinkButton("Open", "https://example.com")]), 1, ()),
        (Text("x" * 640, buttons=[LinkButton("Open", "https://example.com")]), 1, ()),
        (Text("x" * 641, buttons=[LinkButton("Open", "https://example.com")]), 1, ("buttons",)),
        (Text("x" * 1990, buttons=[LinkButton("Open", "https://example.com")]), 2, ("buttons",)),
        (Text("Hi", buttons=[LinkButton(str(n), "https://example.com") for n in range(4)]), 1, ("buttons",)),
        (Text("Hi", quick_replies=[QuickReply(str(n)) for n in range(13)]), 1, ()),
        (Text("Hi", quick_replies=[QuickReply(str(n)) for n in range(14)]), 1, ("quick_replies",)),
        (Text("Hi", quick_replies=[QuickReply("x" * 20)]), 1, ()),
        (Text("Hi", quick_replies=[QuickReply("x" * 21)]), 1, ("quick_replies",)),
        (Text("Hi", quick_replies=[QuickReply("Yes", id="y" * 1001)]), 1, ("quick_replies",)),
        (Location(48.85, 2.35), 1, ("location",)),
        (Media(kind="image", ref="blob:ab", caption="Look"), 2, ()),
        (Media(kind="file", ref="blob:ab", size=25 * 1024 * 1024, name="a"), 1, ()),
        (Media(kind="file", ref="blob:ab", size=25 * 1024 * 1024 + 1, name="a"), 1, ("attachments",)),
    ],
)
def test_what_is_cut_to_messenger_is_sent(content: Any, parts: int, lost: tuple[str, ...]) -> None:
    """Whatever fits is taken by the renderer, and the largest is still in one piece."""
    fitted = fit(content, surfaces.DM)
    assert (len(fitted.parts), fitted.lost) == (parts, lost)
    for one in fitted.parts:
        answers = [HttpResponse(200, content=b'{"attachment_id": "1"}')] if isinstance(one, Media) else []
        answers.append(HttpResponse(200, content=b'{"message_id": "m_new"}'))
        part = Part(key="k", to=PSID, content=one)
        assert drive(CHANNEL.send(part), answers)[1] == Receipt(("m_new",))


# ---------------------------------------------------------------- tokens, probe, links


def test_the_token_goes_to_meta_alone() -> None:
    mine = CHANNEL.sign(HttpRequest(method="POST", url=f"{FIRST.page_id}/messages"), None, NOW, "n")
    assert mine.url == f"https://graph.facebook.com/v26.0/{FIRST.page_id}/messages"
    assert mine.headers["authorization"] == "Bearer EAAG-page-token"
    fresh = CHANNEL.sign(HttpRequest(method="GET", url="1"), Token(value="fresh"), NOW, "n")
    assert fresh.headers["authorization"] == "Bearer fresh"
    other = HttpRequest(method="GET", url="https://example.com/file")
    assert CHANNEL.sign(other, None, NOW, "n") == other


def test_the_probe() -> None:
    (request,), found = drive(CHANNEL.probe(), [HttpResponse(200, content=b'{"id": "1906385232743451"}')])
    assert isinstance(request, HttpRequest)
    assert (request.method, request.url, found) == ("GET", FIRST.page_id, None)
    refused = {"error": {"code": 190, "error_subcode": 463, "message": "Session has expired"}}
    found = drive(CHANNEL.probe(), [HttpResponse(400, content=json.dumps(refused).encode())])[1]
    assert isinstance(found, Failure)
    assert found.outcome is Outcome.AUTH


def test_links() -> None:
    ref = "A7K2QX9P4M"
    link = CHANNEL.link(ref, "Bonjour")
    assert link is not None
    assert link.url == f"https://m.me/{FIRST.page_id}?ref={ref}"
    named = MessengerChannel(SECOND).link("#" + ref, "Bonjour")
    assert named is not None
    assert named.url == f"https://m.me/second.page?ref={ref}"
    without = MessengerChannel(account(get_started=False)).link(ref, "Bonjour")
    assert without is not None
    assert without.url == f"https://m.me/{FIRST.page_id}?ref={ref}&text=Bonjour%20%23{ref}"


@pytest.mark.parametrize(
    "given", [{"page_id": "my.page"}, {"page_id": ""}, {"page_name": "a/b"}, {"graph_version": "26"}]
)
def test_settings_that_cannot_work_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        account(**given)


def test_every_rule_and_limit_says_where_it_is_documented() -> None:
    assert all(rule.see.startswith("https://developers.facebook.com/") for rule in errors.RULES)
    assert all(rate.see for rate in surfaces.DM.rates)
    assert all(price.see for price in surfaces.PRICES)
    assert MessengerAccount.model_fields["graph_version"].default == surfaces.LIFECYCLE.version
