"""Admission, signing, files, links, templates, limits: what the recorded cases do not show."""

import ast
import copy
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from omnichannel.adapters.whatsapp import TemplateSpec, WhatsAppAccount, WhatsAppChannel, errors, parse, surfaces
from omnichannel.adapters.whatsapp.notices import Numbers
from omnichannel.channel import (
    Accept,
    Answer,
    Envelope,
    HttpRequest,
    HttpResponse,
    Initiation,
    Keys,
    MessageReceived,
    Part,
    Receipt,
    Refuse,
    Support,
    Token,
)
from omnichannel.kit import slots
from omnichannel.kit.degrade import fit
from omnichannel.kit.phone import e164
from omnichannel.kit.phone import international as phone
from omnichannel.kit.signatures import hmac_sign
from omnichannel.model.content import Media, QuickReply, Template, Text
from omnichannel.model.event import CHANNEL_EVENT, ChannelEvent
from omnichannel.model.outcome import Failure, Outcome
from omnichannel.testing import fixtures as recorded
from omnichannel.testing.flows import drive
from tests.adapters.whatsapp.given_whatsapp import CHANNEL, FIRST, SECOND, SECRET, account

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
FIXTURES = Path(__file__).parent / "fixtures"
INBOUND = list(recorded.cases(FIXTURES / "inbound"))
ACCEPTED = HttpResponse(200, content=b'{"messages": [{"id": "wamid.NEW=="}]}')


def get(**query: str) -> Envelope:
    return Envelope(method="GET", query={f"hub.{k}": v for k, v in query.items()}, received_at=NOW)


def body_of(content: Any, **more: Any) -> Any:
    """The body of the one request that sends this."""
    part = Part(key="part-1", to="+33612345678", content=content, **more)
    requests, receipt = drive(CHANNEL.send(part), [ACCEPTED])
    assert receipt == Receipt(("wamid.NEW==",))
    (request,) = requests
    assert isinstance(request, HttpRequest)
    return request.body


# ---------------------------------------------------------------- admission


def test_the_handshake_gives_the_challenge_back() -> None:
    admission = CHANNEL.admit(
        get(mode="subscribe", verify_token="the-chosen-word", challenge="1158201444"), NOW, Keys()
    )
    assert isinstance(admission, Answer)
    assert (admission.reply.status, admission.reply.content) == (200, b"1158201444")
    assert admission.reply.media_type.startswith("text/plain")


@pytest.mark.parametrize(
    "query",
    [
        {"mode": "subscribe", "verify_token": "another-word", "challenge": "1"},
        {"mode": "subscribe", "verify_token": "", "challenge": "1"},
        {"mode": "subscribe", "challenge": "1"},
        {"mode": "unsubscribe", "verify_token": "the-chosen-word", "challenge": "1"},
        {"verify_token": "the-chosen-word"},
        {},
    ],
)
def test_a_handshake_with_another_word_is_refused(query: dict[str, str]) -> None:
    admission = CHANNEL.admit(get(**query), NOW, Keys())
    assert isinstance(admission, Refuse)
    assert admission.status == 403


def test_without_a_word_no_handshake_is_ours() -> None:
    channel = WhatsAppChannel(account(verify_token=None))
    assert isinstance(channel.admit(get(mode="subscribe", verify_token="", challenge="1"), NOW, Keys()), Refuse)


def signed(body: bytes, signature: str) -> Envelope:
    return Envelope(content=body, headers={"x-hub-signature-256": signature}, received_at=NOW)


def test_the_signature_is_exact() -> None:
    body = b'{"text": "\\u00e9"}'
    good = f"sha256={hmac_sign(SECRET, body)}"
    assert isinstance(CHANNEL.admit(signed(body, good), NOW, Keys()), Accept)
    for bad in (good.upper(), good.removeprefix("sha256="), f"sha1={hmac_sign(SECRET, body, algorithm='sha1')}", ""):
        assert isinstance(CHANNEL.admit(signed(body, bad), NOW, Keys()), Refuse), bad
    assert isinstance(CHANNEL.admit(signed(b'{"text": "\xc3\xa9"}', good), NOW, Keys()), Refuse)


def test_any_of_the_secrets_behind_an_endpoint_signs() -> None:
    second = account(id="wa-2", phone_number_id="2", app_secret=("the-next-one", "the-one-before"))
    channel = WhatsAppChannel(FIRST, (FIRST, second))
    for secret in (SECRET, "the-next-one", "the-one-before"):
        assert isinstance(channel.admit(signed(b"{}", f"sha256={hmac_sign(secret, b'{}')}"), NOW, Keys()), Accept)
    assert isinstance(channel.admit(signed(b"{}", f"sha256={hmac_sign('mine', b'{}')}"), NOW, Keys()), Refuse)


def test_unsigned_is_for_trying_things_out_only() -> None:
    loose = WhatsAppChannel(account(app_secret=(), allow_unsigned=True))
    assert isinstance(loose.admit(Envelope(content=b"{}", received_at=NOW), NOW, Keys()), Accept)
    assert isinstance(loose.admit(signed(b"{}", "sha256=00"), NOW, Keys()), Refuse)
    assert isinstance(CHANNEL.admit(Envelope(content=b"{}", received_at=NOW), NOW, Keys()), Refuse)


class Blob:
    """A body that was too large for the row."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, offset: int, size: int) -> bytes:
        return self.content[offset : offset + size]


def test_a_large_body_is_read_from_its_blob() -> None:
    case = next(one for one in INBOUND if one.name == "text.json[text]")
    content = recorded.envelope_of(case).content
    headers = {"x-hub-signature-256": f"sha256={hmac_sign(SECRET, content)}"}
    envelope = Envelope(blob=Blob(content), blob_id="b", headers=headers, received_at=NOW)
    assert isinstance(CHANNEL.admit(envelope, NOW, Keys()), Accept)
    assert CHANNEL.parse(envelope) == CHANNEL.parse(Envelope(content=content, received_at=NOW))


# ---------------------------------------------------------------- parsing


@pytest.mark.parametrize("case", INBOUND, ids=lambda case: case.name)
def test_reading_at_once_and_item_by_item_is_the_same(case: recorded.Case) -> None:
    envelope = recorded.envelope_of(case)
    numbers = Numbers.of(FIRST, (FIRST, SECOND))
    assert list(parse.careful(numbers, envelope.received_at, envelope.content)) == list(CHANNEL.parse(envelope))


def test_most_webhooks_are_read_at_once() -> None:
    numbers = Numbers.of(FIRST, (FIRST, SECOND))
    for name in ("text.json[text]", "media.json[image]", "choices.json[button]", "statuses.json[failed late]"):
        envelope = recorded.envelope_of(next(one for one in INBOUND if one.name == name))
        assert parse.quick(numbers, envelope.received_at, envelope.content) == list(CHANNEL.parse(envelope))


def nodes(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values in a JSON document."""
    yield path
    if recorded.is_object(data):
        for key, value in data.items():
            yield from nodes(value, (*path, key))
    elif recorded.is_list(data):
        for index, value in enumerate(data):
            yield from nodes(value, (*path, index))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def replaced(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.copy(data)
    changed[path[0]] = replaced(data[path[0]], path[1:], value)
    return changed


@given(st.data())
def test_a_payload_with_anything_anywhere_never_raises(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from([one for one in INBOUND if "json" in one.data["envelope"]]))
    payload = case.data["envelope"]["json"]
    for _ in range(data.draw(st.integers(1, 3))):
        payload = replaced(payload, data.draw(st.sampled_from(list(nodes(payload)))), data.draw(JSON))
    content = json.dumps(payload).encode()
    events = list(CHANNEL.parse(Envelope(content=content, received_at=NOW)))
    check_events(events)
    assert events == list(CHANNEL.parse(Envelope(content=content, received_at=NOW)))


@given(st.binary(max_size=200))
def test_any_bytes_are_kept(content: bytes) -> None:
    events = list(CHANNEL.parse(Envelope(content=content, received_at=NOW)))
    assert [event.kind for event in events] == ["unrecognized"]
    check_events(events)


def test_a_document_that_is_nested_too_deeply_is_kept() -> None:
    (event,) = CHANNEL.parse(Envelope(content=b'{"entry":' + b"[" * 100_000, received_at=NOW))
    assert event.kind == "unrecognized"


@pytest.mark.parametrize(
    ("name", "read"),
    [
        (b"Ann \\ud83d", "Ann \ufffd"),
        (b"\\udc4d Ann", "\ufffd Ann"),
        (b"Ann \xff", "Ann \ufffd"),
        (b"\\ud83d\\udc4d", "👍"),
    ],
)
def test_a_name_cut_within_an_emoji_spoils_nothing(name: bytes, read: str) -> None:
    case = next(one for one in INBOUND if one.name == "text.json[text]")
    content = recorded.envelope_of(case).content.replace(b"Sheena Nelson", name)
    (event,) = CHANNEL.parse(Envelope(content=content, received_at=NOW))
    assert isinstance(event, MessageReceived)
    assert (event.sender_name, event.text) == (read, "Does it come in another color?")
    check_events([event])


def check_events(events: list[ChannelEvent]) -> None:
    for event in events:
        assert event.dedupe
        assert event.account in ("wa", "wa-2")
        assert event.occurred_at.tzinfo is not None
        assert CHANNEL_EVENT.validate_json(CHANNEL_EVENT.dump_json(event)).kind == event.kind


@pytest.mark.parametrize("stamp", ["", "x", "1e5", "9" * 30, "9" * 5000, "-99999999999999", "\u0661\u0662"])
def test_no_time_is_too_strange(stamp: str) -> None:
    case = next(one for one in INBOUND if one.name == "text.json[text]")
    payload = copy.deepcopy(case.data["envelope"]["json"])
    payload["entry"][0]["changes"][0]["value"]["messages"][0]["timestamp"] = stamp
    (event,) = CHANNEL.parse(Envelope(content=json.dumps(payload).encode(), received_at=NOW))
    assert isinstance(event, MessageReceived)
    assert event.text == "Does it come in another color?"
    assert event.occurred_at.tzinfo is UTC


@pytest.mark.parametrize("wa_id", ["33612345678", "5215512345678", "525512345678", "5491123456789", "16505551234"])
def test_a_whatsapp_id_is_the_number_as_other_channels_write_it(wa_id: str) -> None:
    assert phone(wa_id) == e164(f"+{wa_id}")


def test_accounts_behind_one_endpoint_are_told_apart_by_business_account() -> None:
    other = account(id="other", phone_number_id="3", waba_id="777")
    free = account(id="free", phone_number_id="4", waba_id=None)
    channel = WhatsAppChannel(FIRST, (FIRST, SECOND, other, free))

    def told(waba: str) -> list[str]:
        change = {"field": "account_update", "value": {"event": "ACCOUNT_RECONNECTED"}}
        payload = {"object": "whatsapp_business_account", "entry": [{"id": waba, "time": 1, "changes": [change]}]}
        events = channel.parse(Envelope(content=json.dumps(payload).encode(), received_at=NOW))
        return [event.account for event in events if event.kind == "account_changed"]

    assert told("102290129340398") == ["wa", "wa-2"]
    assert told("777") == ["other"]
    assert told("888") == ["free"]


# ---------------------------------------------------------------- credentials, health, files


def test_the_token_and_the_version_enter_with_the_signature_alone() -> None:
    request = HttpRequest(method="POST", url="106540352242922/messages", body={"to": "33612345678"})
    done = CHANNEL.sign(request, None, NOW, "nonce")
    assert done.url == "https://graph.facebook.com/v24.0/106540352242922/messages"
    assert done.headers == {"authorization": "Bearer EAAG-access-token"}
    assert done.body == request.body
    assert request.headers == {}
    fresh = CHANNEL.sign(request, Token(value="fresh"), NOW, "nonce")
    assert fresh.headers == {"authorization": "Bearer fresh"}
    local = WhatsAppChannel(account(base_url="http://127.0.0.1:9001/", graph_version="v26.0"))
    assert local.sign(request, None, NOW, "n").url == "http://127.0.0.1:9001/v26.0/106540352242922/messages"


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", True),
        ("https://graph.facebook.com/v24.0/1", True),
        ("https://scontent.whatsapp.net/v/1", True),
        ("http://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", False),
        ("https://fbsbx.com.evil.example/", False),
        ("https://evilfbsbx.com/", False),
        ("https://evil.example/.fbsbx.com", False),
        ("https://user@lookaside.fbsbx.com/", False),
        ("https://example.com/picture.jpg", False),
    ],
)
def test_the_token_goes_to_meta_alone(url: str, trusted: bool) -> None:
    done = CHANNEL.sign(HttpRequest(method="GET", url=url), None, NOW, "nonce")
    assert ("authorization" in done.headers) is trusted
    assert done.url == url


def test_on_loopback_files_come_from_the_same_host() -> None:
    channel = WhatsAppChannel(account(base_url="http://127.0.0.1:9001"))
    ours = channel.sign(HttpRequest(method="GET", url="http://127.0.0.1:9001/files/1"), None, NOW, "n")
    other = channel.sign(HttpRequest(method="GET", url="http://127.0.0.1:9002/files/1"), None, NOW, "n")
    assert "authorization" in ours.headers
    assert "authorization" not in other.headers


@pytest.mark.parametrize(
    ("answer", "outcome", "level"),
    [
        (HttpResponse(200, content=b'{"id": "1", "status": "LINKED", "quality_rating": "GREEN"}'), None, None),
        (HttpResponse(200, content=b'{"id": "1", "status": "CONNECTED"}'), None, None),
        (HttpResponse(200, content=b'{"status": "BANNED"}'), Outcome.SUSPENDED, "account"),
        (HttpResponse(200, content=b'{"status": "RESTRICTED"}'), Outcome.SUSPENDED, "account"),
        (HttpResponse(200, content=b'{"status": "DELETED"}'), Outcome.WITHDRAWN, "account"),
        (HttpResponse(200, content=b'{"status": "MIGRATED"}'), Outcome.AUTH, "account"),
        (HttpResponse(401, content=b'{"error": {"code": 190, "message": "expired"}}'), Outcome.AUTH, "account"),
        (HttpResponse(410, content=b""), Outcome.WITHDRAWN, "channel"),
        (HttpResponse(200, content=b"<html>"), Outcome.RETRY, "attempt"),
        (HttpResponse(200, content=b"{}"), Outcome.RETRY, "attempt"),
    ],
)
def test_a_probe_says_what_is_wrong(answer: HttpResponse, outcome: Outcome | None, level: str | None) -> None:
    requests, result = drive(CHANNEL.probe(), [answer])
    (request,) = requests
    assert isinstance(request, HttpRequest)
    assert (request.method, request.url, request.repeat) == ("GET", "106540352242922", "safe")
    assert (outcome, level) == (None, None) if result is None else (result.outcome, result.level) == (outcome, level)
    assert result is None or result.certain


def test_a_file_is_located_in_two_steps() -> None:
    media = Media(ref="platform:100/338?x", kind="image", type="image/jpeg")
    url = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=100"
    requests, located = drive(CHANNEL.locate(media), [HttpResponse(200, content=json.dumps({"url": url}).encode())])
    (asked,) = requests
    assert isinstance(asked, HttpRequest)
    assert (asked.url, asked.query) == ("100%2F338%3Fx", (("phone_number_id", "106540352242922"),))
    assert isinstance(located, HttpRequest)
    assert (located.url, located.headers) == (url, {"accept-encoding": "identity"})


@pytest.mark.parametrize("answer", [b"{}", b"[]", b'{"url": 7}', b""])
def test_a_file_that_has_gone_is_not_located(answer: bytes) -> None:
    _, result = drive(CHANNEL.locate(Media(ref="platform:1")), [HttpResponse(200, content=answer)])
    assert isinstance(result, Failure)
    assert result.certain


def test_a_file_elsewhere_is_fetched_where_it_is() -> None:
    requests, located = drive(CHANNEL.locate(Media(ref="https://example.com/a.jpg")))
    assert requests == []
    assert isinstance(located, HttpRequest)
    assert located.url == "https://example.com/a.jpg"


# ---------------------------------------------------------------- links


@pytest.mark.parametrize(
    ("ref", "text", "filled"),
    [
        ("#A7K2QX9P4M", "Bonjour, suite #A7K2QX9P4M", "Bonjour, suite #A7K2QX9P4M"),
        ("#A7K2QX9P4M", "Bonjour & à bientôt", "Bonjour & à bientôt #A7K2QX9P4M"),
        ("A7K2QX9P4M", "", "#A7K2QX9P4M"),
    ],
)
def test_a_link_fills_in_the_reference(ref: str, text: str, filled: str) -> None:
    link = CHANNEL.link(ref, text)
    assert link is not None
    assert link.carries
    parts = urlsplit(link.url)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "wa.me", "/15550783881")
    assert parse_qs(parts.query) == {"text": [filled]}


def test_without_the_number_there_is_no_link() -> None:
    assert WhatsAppChannel(account(display_number=None)).link("#A7K2QX9P4M", "Hi") is None


# ---------------------------------------------------------------- limits, at n and n + 1


def replies(count: int, title: int = 3, id: int = 3) -> list[QuickReply]:
    return [QuickReply(str(i).rjust(title, "t"), id=str(i).rjust(id, "i")) for i in range(count)]


@pytest.mark.parametrize(
    ("text", "options", "kind"),
    [
        ("x" * 1024, replies(3, title=20), "button"),
        ("x" * 1025, replies(3, title=20), "text"),
        ("x", replies(3, title=21), "list"),
        ("x", replies(4), "list"),
        ("x", replies(3, id=256), "button"),
        ("x", replies(3, id=257), "text"),
        ("x", replies(10, title=24, id=200), "list"),
        ("x", replies(10, title=25), "text"),
        ("x", replies(10, id=201), "text"),
        ("x", replies(11), "text"),
    ],
)
def test_choices_at_their_limits(text: str, options: list[QuickReply], kind: str) -> None:
    body = body_of(Text(text, quick_replies=options))
    assert body["type"] == ("text" if kind == "text" else "interactive")
    if kind != "text":
        assert body["interactive"]["type"] == kind


def test_text_at_its_limit() -> None:
    assert body_of(Text("x" * 4096))["text"]["body"] == "x" * 4096
    _, refused = drive(CHANNEL.send(Part(key="k", to="+33612345678", content=Text("x" * 4097))))
    assert isinstance(refused, Failure)
    assert (refused.outcome, refused.code) == (Outcome.INVALID, "too_long")


@pytest.mark.parametrize(
    ("kind", "type", "limit", "sent_as"),
    [
        ("image", "image/jpeg", 5 * 1024 * 1024, "image"),
        ("video", "video/mp4", 16 * 1024 * 1024, "video"),
        ("audio", "audio/ogg", 16 * 1024 * 1024, "audio"),
        ("file", "application/pdf", 100 * 1024 * 1024, "document"),
    ],
)
def test_files_at_their_limits(kind: Any, type: str, limit: int, sent_as: str) -> None:
    media = Media(kind=kind, type=type, size=limit, ref="https://example.com/f")
    assert body_of(media)["type"] == sent_as
    larger = Media(kind=kind, type=type, size=limit + 1, ref="https://example.com/f")
    if kind == "file":
        assert isinstance(drive(CHANNEL.send(Part(key="k", to="+33612345678", content=larger)))[1], Failure)
    else:
        assert body_of(larger)["type"] == "document"
    assert surfaces.DM.media[kind].max_bytes == limit


@pytest.mark.parametrize(("length", "kind"), [(1024, "image"), (1025, None)])
def test_captions_at_their_limit(length: int, kind: str | None) -> None:
    media = Media(kind="image", type="image/png", caption="x" * length, ref="https://example.com/f")
    parts = fit(media, surfaces.DM).parts
    assert len(parts) == (1 if kind else 2)
    if kind:
        assert body_of(media)["image"]["caption"] == "x" * length


def test_what_the_surface_declares() -> None:
    caps = CHANNEL.surfaces["dm"]
    assert caps.initiation is Initiation.TEMPLATE
    assert caps.window is not None
    assert (caps.window.length, caps.window.after) == (timedelta(hours=24), "template")
    assert caps.supports("edit") is caps.supports("delete") is Support.NONE
    assert {rate.level: (rate.count, rate.per.total_seconds()) for rate in caps.rates} == {
        "account": (80, 1),
        "pair": (45, 270),
    }
    assert all(rule.see.startswith("https://developers.facebook.com/") for rule in errors.RULES)
    assert all(price.see for price in CHANNEL.prices)
    assert CHANNEL.lifecycle.sunset_at == date(2028, 2, 18)


# ---------------------------------------------------------------- templates


@pytest.mark.parametrize(
    ("value", "language", "written"),
    [
        (Decimal("1234567.50"), "fr", "1\u202f234\u202f567,50"),
        (Decimal("1234567.50"), "en-GB", "1,234,567.50"),
        (Decimal("1234567.50"), "de_DE", "1.234.567,50"),
        (Decimal("1234567.50"), "xx", "1234567.50"),
        (Decimal("-0.5"), "pt-BR", "-0,5"),
        (Decimal("1E+3"), "en", "1,000"),
        (Decimal("NaN"), "en", "NaN"),
        (1234567, "fr", "1234567"),
        (date(2027, 3, 4), "fr", "04/03/2027"),
        (date(2027, 3, 4), "en-US", "03/04/2027"),
        (date(2027, 3, 4), "en-GB", "04/03/2027"),
        (date(2027, 3, 4), "en", "2027-03-04"),
        (date(2027, 3, 4), "de", "04.03.2027"),
        (date(2027, 3, 4), "xx", "2027-03-04"),
        (datetime(2027, 3, 4, 17, 5), "fr", "04/03/2027 17:05"),  # noqa: DTZ001 - a wall clock, as a host gives it
        (datetime(2027, 3, 4, 17, 5, tzinfo=UTC), "de", "04.03.2027 17:05 UTC"),
        (datetime(2027, 3, 4, 17, 5, tzinfo=timezone(timedelta(hours=1), "CET")), "fr", "04/03/2027 17:05 CET"),
        ("gate A\n\tor B", "en", "gate A or B"),
        ("a    b", "en", "a    b"),
        ("a     b", "en", "a b"),
        ("  edge ", "en", "edge"),
    ],
)
def test_a_slot_is_written_as_the_language_writes_it(value: Any, language: str, written: str) -> None:
    assert slots.format_slot(value, language) == written


def test_dates_and_numbers_reach_the_template_in_the_customers_language() -> None:
    content = Template("refund", amount=Decimal("1234.5"), day=date(2027, 3, 4))
    french = body_of(content, language="fr-CA")["template"]
    assert french["language"]["code"] == "fr"
    assert [one["text"] for one in french["components"][0]["parameters"]] == ["1\u202f234,5", "04/03/2027"]
    english = body_of(content, language="en-US")["template"]
    assert english["language"]["code"] == "en_GB"
    assert [one["text"] for one in english["components"][0]["parameters"]] == ["1,234.5", "2027-03-04"]


def test_a_template_needs_a_language() -> None:
    with pytest.raises(ValidationError, match="languages"):
        TemplateSpec(languages={})


def test_an_account_in_a_file_needs_little() -> None:
    account = WhatsAppAccount.model_validate(
        {"id": "wa-fr", "phone_number_id": "1065", "app_secret": "env:WA_APP_SECRET", "token": "env:WA_TOKEN"}
    )
    assert (account.adapter, account.channel, account.graph_version) == ("whatsapp", "whatsapp", "v24.0")
    with pytest.raises(ValidationError):
        WhatsAppAccount.model_validate({"id": "wa-fr", "phone_number_id": "1065", "aces_token": "x"})


# ---------------------------------------------------------------- purity


def test_the_adapter_imports_nothing_that_acts() -> None:
    folder = Path(parse.__file__).parent
    imported: set[str] = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
    roots = {name.partition(".")[0] for name in imported}
    assert not roots & {"httpx", "httpx2", "anyio", "asyncio", "sqlite3", "time", "random", "uuid", "logging", "os"}
    assert {name.split(".")[1] for name in imported if name.startswith("omnichannel.")} == {
        "adapters",
        "channel",
        "kit",
        "model",
    }
    assert all(
        name.startswith("omnichannel.adapters.whatsapp") for name in imported if name.startswith("omnichannel.adapters")
    )


def test_a_flow_is_the_same_each_time() -> None:
    part = Part(key="k", to="+33612345678", content=Text("Refund?", quick_replies=replies(2)))
    assert drive(CHANNEL.send(part), [ACCEPTED]) == drive(CHANNEL.send(part), [ACCEPTED])
