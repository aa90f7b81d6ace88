"""X-Twilio-Signature: vectors of Twilio's own library, forgeries, rotation, and every way a URL may be written."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from omnichannel.adapters.twilio_sms import TwilioSmsChannel
from omnichannel.channel import (
    Accept,
    ChannelEvent,
    DeliveryUpdated,
    Envelope,
    HttpRequest,
    Keys,
    MessageReceived,
    Refuse,
)
from omnichannel.kit.forms import form_pairs
from omnichannel.kit.signatures import hmac_sign
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.runtime.secrets import require_webhook_secret
from omnichannel.testing.asgi import asgi_call, http_scope
from omnichannel.webhooks.app import WebhookApp
from tests.adapters.twilio_sms.given_twilio import CHANNEL, HOOK, TOKEN, account, signature
from tests.adapters.twilio_sms.library import RequestValidator

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
LIBRARY = "https://github.com/twilio/twilio-python/blob/main/tests/unit/test_request_validator.py"
CALL = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}
SHORT = {
    "MessageSid": "SM00000000000000000000000000000001",
    "From": "+14155550100",
    "To": "+14155550199",
    "Body": "héllo & 1+1",
    "NumMedia": "0",
}
SMS = {**SHORT, "AccountSid": account().account_sid}
"""As Twilio sends it: what every form has is never missing."""
PHP = "https://mycompany.com/myapp.php?foo=1&bar=2"
VECTORS: list[tuple[str, list[tuple[str, str]], str]] = [
    (PHP, list(CALL.items()), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    ("https://example.com/sms?x=1", list(SHORT.items()), "P4XI00T2B53AiRzq0s3WeGzuvg4="),
    (
        PHP,
        [
            ("Sid", "CA123"),
            ("SidAccount", "AC123"),
            ("Digits", "5678"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ],
        "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
    ),
]
WITH_12345 = TwilioSmsChannel(account(auth_token="12345"))


def envelope(url: str, body: bytes, given: str | None, method: str = "POST", **headers: str) -> Envelope:
    """A call as the webhook app hands it over."""
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    signed = {} if given is None else {"x-twilio-signature": given}
    return Envelope(method=method, url=url, query=query, headers={**signed, **headers}, content=body, received_at=NOW)


def accepted(channel: TwilioSmsChannel, call: Envelope) -> bool:
    return isinstance(channel.admit(call, NOW, Keys()), Accept)


@pytest.mark.parametrize(("url", "fields", "given"), VECTORS)
def test_what_twilio_publishes_is_accepted(url: str, fields: list[tuple[str, str]], given: str) -> None:
    assert accepted(WITH_12345, envelope(url, urlencode(fields).encode(), given))
    assert not accepted(CHANNEL, envelope(url, urlencode(fields).encode(), given)), "another token"


def test_the_answer_is_empty_twiml() -> None:
    found = CHANNEL.admit(envelope(HOOK, urlencode(SMS).encode(), signature(TOKEN, HOOK, SMS)), NOW, Keys())
    assert isinstance(found, Accept)
    assert (found.reply.content, found.reply.media_type.partition(";")[0]) == (b"<Response/>", "text/xml")


# ---------------------------------------------------------------- forgeries (reliability goals R1, R2)


def says_the_same(one: bytes, other: bytes) -> bool:
    """Whether two forms hold the same: `%2B` and `%2b` do, and so do fields in another order."""
    pairs, others = form_pairs(one), form_pairs(other)
    return pairs is not None and others is not None and sorted(set(pairs)) == sorted(set(others))


@pytest.mark.parametrize(("url", "fields", "given"), VECTORS)
def test_any_changed_byte_kills_the_signature(url: str, fields: list[tuple[str, str]], given: str) -> None:
    body = urlencode(fields).encode()
    tried = 0
    for at, bit in itertools.product(range(len(body)), range(8)):
        changed = body[:at] + bytes([body[at] ^ 1 << bit]) + body[at + 1 :]
        if not says_the_same(body, changed):
            assert not accepted(WITH_12345, envelope(url, changed, given)), changed
            tried += 1
    for at in range(len(body)):
        shorter, longer = body[:at] + body[at + 1 :], body[:at] + b"x" + body[at:]
        assert not accepted(WITH_12345, envelope(url, shorter, given)), shorter
        assert not accepted(WITH_12345, envelope(url, longer, given)), longer
    for text, bit in itertools.product(("url", "signature"), range(7)):
        whole = url if text == "url" else given
        for at in range(len(whole)):
            changed_text = whole[:at] + chr(ord(whole[at]) ^ 1 << bit) + whole[at + 1 :]
            call = envelope(changed_text, body, given) if text == "url" else envelope(url, body, changed_text)
            assert not accepted(WITH_12345, call), changed_text
            tried += 1
    assert tried > 900


def test_a_form_that_can_be_read_in_two_ways_is_none() -> None:
    """`a=1&b=2` and `a=1&b&2=` would be signed alike; of those only one is a form."""
    given = signature("12345", HOOK, {"a": "1", "b": "2"})
    assert accepted(WITH_12345, envelope(HOOK, b"a=1&b=2", given))
    for body in (b"a=1&b&2=", b"a=1&b2", b"a=1&b=2&", b"&a=1&b=2", b"a=1=b=2"):
        assert not accepted(WITH_12345, envelope(HOOK, body, given)), body


MMS = {
    **SMS,
    "AccountSid": account().account_sid,
    "ApiVersion": "2010-04-01",
    "Body": "Reply To ErrorCode From SmsSi",
    "FromCity": "TORONTO",
    "FromCountry": "CA",
    "MessagingServiceSid": "MG" + "c" * 32,
    "NumMedia": "1",
    "MediaUrl0": "https://api.twilio.com/2010-04-01/Accounts/AC/Messages/MM/Media/ME",
    "MediaContentType0": "image/jpeg",
    "NumSegments": "1",
    "OptOutType": "STOP",
    "SmsMessageSid": SMS["MessageSid"],
    "SmsSid": SMS["MessageSid"],
    "SmsStatus": "received",
    "ToZip": "",
}
FAILED = {
    "AccountSid": account().account_sid,
    "ErrorCode": "30003",
    "ErrorMessage": "Unreachable To",
    "From": "+14155550100",
    "MessageSid": SMS["MessageSid"],
    "MessageStatus": "undelivered",
    "SmsStatus": "undelivered",
    "To": "+14155550199",
}


def borders_moved(fields: Mapping[str, str]) -> Iterator[list[tuple[str, str]]]:
    """Forms of the same letters in the same order: one border elsewhere, two fields as one, one field as two."""
    pairs = sorted(fields.items())
    for at, (name, value) in enumerate(pairs):
        before, after, letters = pairs[:at], pairs[at + 1 :], name + value
        yield from ([*before, (letters[:n], letters[n:]), *after] for n in range(len(letters) + 1))
        for n in range(len(value)):
            second = value[n:]
            yield from ([*before, (name, value[:n]), (second[:m], second[m:]), *after] for m in range(len(second)))
        if after:
            (following, told), *rest = after
            yield from ([*before, (name, value + following[:n]), (following[n:], told), *rest] for n in range(9))
            yield [*before, (name, value + following + told), *rest]


def who_and_what(event: ChannelEvent) -> object:
    """The parties, the message and what became of it; None for what is kept and not understood."""
    match event:
        case MessageReceived():
            return event.account, event.sender, event.recipients, event.message_id, event.dedupe
        case DeliveryUpdated():
            return event.account, event.recipient, event.receipt, event.state, event.dedupe
        case _:
            return None


@pytest.mark.parametrize("fields", [SMS, MMS, FAILED], ids=["sms", "mms", "failed"])
def test_a_moved_border_forges_nothing(fields: dict[str, str]) -> None:
    """The signature covers names and values without a border between them. What cannot be told from a field that
    Twilio adds may cut a text or a list of files, never change who writes to whom, what came of it, or say it twice."""
    given = signature(TOKEN, HOOK, fields)
    real = envelope(HOOK, urlencode(fields).encode(), given)
    assert accepted(CHANNEL, real)
    ours, tried, taken = who_and_what(CHANNEL.parse(real)[0]), 0, 0
    for pairs in borders_moved(fields):
        moved = envelope(HOOK, urlencode(pairs).encode(), given)
        tried += 1
        if accepted(CHANNEL, moved):
            taken += 1
            assert who_and_what(CHANNEL.parse(moved)[0]) in (ours, None), pairs
    assert (tried > 900, 0 < taken < tried / 20) == (True, True)


def test_a_field_that_is_swallowed_or_cut_is_missed() -> None:
    for fields, real, moved in (
        (MMS, b"AccountSid=AC", b"AccountSi=dAC"),
        (MMS, b"NumMedia=1&NumSegments=1", b"NumMedia=1NumSegments1"),
        (MMS, b"SmsSi&From=", b"SmsSiFrom"),
        (MMS, b"MediaUrl0=h", b"MediaUrl0h="),
        (FAILED, b"MessageStatus=undelivered&", b"MessageStatu=sundelivered&"),
        (FAILED, b"SmsStatus=undelivered&To=", b"SmsStatus=undeliveredT&o="),
        (FAILED, b"ErrorCode=30003&ErrorMessage=", b"ErrorCode=30003ErrorMessage"),
    ):
        body, given = urlencode(sorted(fields.items())).encode(), signature(TOKEN, HOOK, fields)
        assert body.count(real) == 1
        assert accepted(CHANNEL, envelope(HOOK, body, given))
        assert not accepted(CHANNEL, envelope(HOOK, body.replace(real, moved), given)), moved


def test_a_field_that_stands_twice_is_refused() -> None:
    pairs = [*SMS.items(), ("From", "+14155550111")]
    signed = "".join(part for pair in sorted(pairs) for part in pair)
    given = hmac_sign(TOKEN, (HOOK + signed).encode(), algorithm="sha1", encoding="base64")
    assert not accepted(CHANNEL, envelope(HOOK, urlencode(pairs).encode(), given))


def test_the_oldest_names_are_accepted() -> None:
    fields = {"SmsMessageSid" if name == "MessageSid" else name: value for name, value in SMS.items()}
    assert accepted(CHANNEL, envelope(HOOK, urlencode(fields).encode(), signature(TOKEN, HOOK, fields)))


@pytest.mark.parametrize("name", ["OptOutType", "MediaUrl0", "ErrorCode", "MessagingServiceSid", "AccountSid", "To"])
def test_customers_may_write_the_names_of_fields(name: str) -> None:
    for text in (name, f"the {name}", f"{name} is what?", name * 3):
        fields = {**SMS, "Body": text}
        assert accepted(CHANNEL, envelope(HOOK, urlencode(fields).encode(), signature(TOKEN, HOOK, fields))), text


_LATIN = st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=60)


@given(st.binary(max_size=300), _LATIN, st.text(max_size=60), st.sampled_from(["GET", "POST", "PUT"]))
def test_garbage_is_refused_and_nothing_is_raised(body: bytes, given: str, url: str, method: str) -> None:
    call = Envelope(
        method=method,
        url=url,
        query={"bodySHA256": given},
        headers={"x-twilio-signature": given},
        content=body,
        received_at=NOW,
    )
    assert isinstance(CHANNEL.admit(call, NOW, Keys()), Refuse)
    list(CHANNEL.parse(call))


@given(st.binary(max_size=200))
@example(b"To")
def test_bytes_that_are_not_utf_8_are_signed_as_they_are(raw: bytes) -> None:
    fields = {**SMS, "Body": raw}
    said = {name.encode(): value.encode() for name, value in SMS.items()} | {b"Body": raw}
    signed = b"".join(name + said[name] for name in sorted(said))
    given = hmac_sign(TOKEN, HOOK.encode() + signed, algorithm="sha1", encoding="base64")
    assert accepted(CHANNEL, envelope(HOOK, urlencode(fields).encode(), given))


@pytest.mark.parametrize(
    "url", ["https://desk.example:99999/sms", "https://[::1/sms", "desk.example/sms", "https:///sms"]
)
def test_a_url_that_is_none_is_signed_as_it_is(url: str) -> None:
    body = urlencode(SMS).encode()
    for signed, good in ((signature(TOKEN, url, SMS), True), ("forged", False)):
        call = Envelope(url=url, headers={"x-twilio-signature": signed}, content=body, received_at=NOW)
        assert accepted(CHANNEL, call) == good


def test_unsigned_and_empty() -> None:
    body = urlencode(SMS).encode()
    assert not accepted(CHANNEL, envelope(HOOK, body, None))
    assert not accepted(CHANNEL, envelope(HOOK, body, ""))
    assert not accepted(CHANNEL, envelope(HOOK, body, "x" * 1000))
    nobody = TwilioSmsChannel(account(auth_token=()))
    assert not accepted(nobody, envelope(HOOK, body, signature("", HOOK, SMS))), "an empty key signs for anybody"
    trusting = TwilioSmsChannel(account(auth_token=(), allow_unsigned=True))
    assert accepted(trusting, envelope(HOOK, body, None))
    assert not accepted(trusting, envelope(HOOK, body, "wrong")), "what is signed is signed right"


def test_nothing_starts_without_a_token() -> None:
    """Reliability goal R7."""
    with pytest.raises(ConfigurationError, match="auth_token"):
        require_webhook_secret(TwilioSmsChannel(account(auth_token=())))
    require_webhook_secret(CHANNEL)


# ---------------------------------------------------------------- other bodies, other methods


def test_a_body_of_json_is_signed_by_its_hash() -> None:
    body = b'{"events": []}'
    url = f"{HOOK}?bodySHA256={sha256(body).hexdigest()}"
    given = signature(TOKEN, url, {})
    assert accepted(CHANNEL, envelope(url, body, given))
    assert not accepted(CHANNEL, envelope(url, body + b" ", given))
    assert not accepted(CHANNEL, envelope(HOOK, body, signature(TOKEN, HOOK, {}))), "nothing covers the body"


def test_a_get_is_signed_by_its_url_alone() -> None:
    url = f"{HOOK}?{urlencode(SMS)}"
    assert accepted(CHANNEL, envelope(url, b"", signature(TOKEN, url, {}), method="GET"))
    assert not accepted(CHANNEL, envelope(f"{url}&To=x", b"", signature(TOKEN, url, {}), method="GET"))


def test_tokens_rotate_without_a_lost_webhook() -> None:
    """Reliability goal R5: both tokens while they change, and the old one not a moment longer."""
    both = TwilioSmsChannel(account(auth_token=("new-token", "old-token")))
    after = TwilioSmsChannel(account(auth_token=("new-token",)))
    for number in range(1000):
        fields = {**SMS, "MessageSid": f"SM{number:032x}"}
        body = urlencode(fields).encode()
        token = "old-token" if number % 2 else "new-token"
        call = envelope(HOOK, body, signature(token, HOOK, fields))
        assert accepted(both, call)
        assert accepted(after, call) == (token == "new-token")


def test_every_token_behind_the_endpoint_is_tried() -> None:
    other = account(id="other", account_sid="AC" + "d" * 32, auth_token="other-token")
    channel = TwilioSmsChannel(account(), (account(), other))
    body = urlencode(SMS).encode()
    for token, good in ((TOKEN, True), ("other-token", True), ("third-token", False)):
        assert accepted(channel, envelope(HOOK, body, signature(token, HOOK, SMS))) == good


def test_a_secret_shows_nowhere() -> None:
    shown = f"{CHANNEL.account!r} {CHANNEL.account.model_dump_json()}"
    call = envelope(HOOK, urlencode(SMS).encode(), "forged")
    shown += repr(CHANNEL.admit(call, NOW, Keys())) + repr(list(CHANNEL.parse(call)))
    secrets: list[SecretStr] = [*CHANNEL.account.auth_token, CHANNEL.account.api_secret]
    assert not [one for one in secrets if one.get_secret_value() in shown]


# ---------------------------------------------------------------- where we stand (reliability goal R6)


@dataclass(frozen=True)
class Stand:
    """How our endpoint is reached: the URL that Twilio has, and what a proxy makes of a call on its way."""

    public_url: str
    tail: str
    query: str
    spelled: str
    headers: Mapping[str, str]

    @property
    def at_twilio(self) -> str:
        """The URL as it was entered, with the port as Twilio spells it."""
        url = f"{self.public_url}{self.tail}{'?' + self.query if self.query else ''}"
        parts = urlsplit(url)
        port = {"http": 80, "https": 443}[parts.scheme]
        match self.spelled:
            case "with":
                return url if parts.port else url.replace(parts.netloc, f"{parts.netloc}:{port}", 1)
            case "without":
                return url.replace(f":{port}/", "/", 1)
            case _:
                return url


SCHEMES = ("https", "http")
HOSTS = ("desk.example", "desk.example:443", "desk.example:8443", "xn--bcher-kva.example", "[2001:db8::1]")
PREFIXES = ("", "/hooks", "/a/b%20c")
TAILS = ("/sms", "/sms/")
QUERIES = ("", "x=1&y=%C3%A9", "account=sms&part=prt-1")
SPELLED = ("as it is", "with", "without")
PROXIES: tuple[Mapping[str, str], ...] = (
    {},
    {"host": "10.0.0.7:8000"},
    {"x-forwarded-proto": "http", "x-forwarded-host": "evil.example", "x-forwarded-for": "203.0.113.9, 10.0.0.1"},
    {"x-forwarded-host": "evil.example, desk.example", "x-forwarded-port": "1", "x-forwarded-prefix": "/evil"},
    {"forwarded": 'for=1;host="evil.example";proto=http', "x-original-url": "/evil", "x-rewrite-url": "/evil"},
)


def stands() -> Iterator[Stand]:
    plain = itertools.product(SCHEMES, HOSTS, PREFIXES, TAILS, QUERIES)
    for number, (scheme, host, prefix, tail, query) in enumerate(plain):
        public = f"{scheme}://{host}{prefix}"
        for spelled in SPELLED:
            yield Stand(public, tail, query, spelled, PROXIES[number % len(PROXIES)])


STANDS = tuple(stands())


def app_for(public_url: str, kept: list[Envelope]) -> WebhookApp:
    async def journal(endpoint: str, call: Envelope) -> None:
        kept.append(call)

    async def fetch_key(url: str) -> bytes | None:
        return None

    async def confirm(endpoint: str, request: HttpRequest) -> None:
        raise AssertionError("there is nothing to confirm")

    class Now:
        def now(self) -> datetime:
            return NOW

    doors: Any = {"sms": CHANNEL}
    return WebhookApp(doors, journal, Now(), fetch_key=fetch_key, confirm=confirm, public_url=public_url)


async def call(app: WebhookApp, stand: Stand, given: str, body: bytes, more: Mapping[str, str]) -> int:
    """What arrives here: the proxy has taken TLS, name and prefix off, and put its own headers on."""
    query = f"?{stand.query}" if stand.query else ""
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": given,
        "host": "127.0.0.1:8000",
        **stand.headers,
        **more,
    }
    scope = http_scope("POST", f"http://127.0.0.1:8000{stand.tail}{query}", headers, body)
    return (await asgi_call(app, scope, body))[0]


async def test_every_url_behind_every_proxy_is_right() -> None:
    """The signature is made by Twilio's own library, for the URL that Twilio has."""
    assert len(STANDS) >= 500
    body = urlencode(SMS).encode()
    wrong: list[tuple[Stand, int]] = []
    for stand in STANDS:
        kept: list[Envelope] = []
        given: str = RequestValidator(TOKEN).compute_signature(stand.at_twilio, SMS)
        status = await call(app_for(stand.public_url, kept), stand, given, body, {})
        if status != 200 or len(kept) != 1:
            wrong.append((stand, status))
    assert wrong == []


async def test_no_header_makes_another_url_count() -> None:
    """A webhook that was signed for another URL (another customer of Twilio's, another path, another query) is not
    ours, whatever the headers say about where it was going."""
    body, tried = urlencode(SMS).encode(), 0
    spoofed: list[tuple[Stand, str, int]] = []
    for stand in STANDS:
        ours = urlsplit(stand.at_twilio)
        others = {
            stand.at_twilio.replace(ours.netloc, "evil.example", 1),
            stand.at_twilio.replace(ours.scheme, "http" if ours.scheme == "https" else "https", 1),
            stand.at_twilio.replace(stand.tail, "/other", 1),
            stand.at_twilio.replace(stand.tail, "/sms" if stand.tail.endswith("/") else "/sms/", 1),
            f"{stand.at_twilio}{'&' if stand.query else '?'}z=1",
            f"http://127.0.0.1:8000{stand.tail}",
        }
        for other in others - {stand.at_twilio}:
            parts = urlsplit(other)
            lies = {
                "host": parts.netloc,
                "x-forwarded-host": parts.netloc,
                "x-forwarded-proto": parts.scheme,
                "x-original-url": parts.path,
                "forwarded": f"host={parts.netloc};proto={parts.scheme}",
            }
            kept: list[Envelope] = []
            given: str = RequestValidator(TOKEN).compute_signature(other, SMS)
            status = await call(app_for(stand.public_url, kept), stand, given, body, lies)
            tried += 1
            if status != 403 or kept:
                spoofed.append((stand, other, status))
    assert tried >= 2500
    assert spoofed == []
