"""A forged or malformed webhook is refused in one clean word, whatever its bytes: 10,000 generated ones a channel, and
every byte of real ones flipped."""

from __future__ import annotations

import logging
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from pydantic import SecretStr

from omnichannel import ConfigurationError, Hub
from omnichannel.channel import Accept, Channel, Envelope, Keys, Refuse
from omnichannel.hub.ports import Ports
from omnichannel.runtime.secrets import require_webhook_secret
from omnichannel.stores import journal
from omnichannel.stores.sql import SqlStore
from omnichannel.testing.asgi import post_webhook
from omnichannel.testing.clock import START
from omnichannel.testing.simulators.webhooks import WebhookRequest
from tests.goals.webhooks import URL, WITH_WEBHOOKS, Platform, platform

GENERATED = 10_000
MUTANTS = 50_000
ROTATED = 10_000
THROUGH_THE_APP = 300
channels = pytest.mark.parametrize("channel", WITH_WEBHOOKS)
JUNK = (b"", b"{", b"[" * 5_000, b"\xff\xfe", b"\x00", b"null", b'{"entry":[{}]}', b"a=b&a=c&%zz=%", "é\ud7ff".encode())


def admitted(channel: Channel[Any], one: Envelope) -> bool:
    """Whether an adapter takes a webhook. It never raises, and a refusal is a 4xx."""
    found = channel.admit(one, START, Keys())
    if isinstance(found, Accept):
        return True
    assert isinstance(found, Refuse), f"neither taken nor refused: {found!r}"
    assert 400 <= found.status < 500
    assert found.reason
    return False


def says_the_same(channel: Channel[Any], one: Envelope, other: Envelope) -> bool:
    """The same bytes; of a form, what is signed is what it says, so `%2b` may stand for `%2B`, or a field twice."""
    kind = other.headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        return channel.parse(replace(other, content=one.content)) == channel.parse(other)
    return one.content == other.content


def generated(real: Envelope, random: Random) -> Envelope:
    """Something like a webhook: other bytes, other headers in latin-1, another URL."""
    headers = dict(real.headers)
    for name in headers:
        if random.random() < 0.5:
            headers[name] = noise(random, headers[name])
    content = random.choice((*JUNK, random.randbytes(random.randrange(200)), shuffled(real.content, random)))
    url = real.url if random.random() < 0.7 else noise(random, real.url)
    if random.random() < 0.2:
        headers.pop(random.choice(sorted(headers)))
    return replace(real, headers=headers, content=content, url=url)


def noise(random: Random, text: str) -> str:
    """A header or URL that no platform sends: any latin-1, very long, cut, doubled."""
    match random.randrange(5):
        case 0:
            return random.randbytes(random.randrange(1, 80)).decode("latin-1")
        case 1:
            return text[: random.randrange(len(text) + 1)]
        case 2:
            return text * random.randrange(2, 40)
        case 3:
            return text.upper().replace("=", "=\xe9")
        case _:
            return "sha256=" + "".join(random.choice("0123456789abcdefG\xb2\xbd") for _ in range(64))


def shuffled(content: bytes, random: Random) -> bytes:
    """The same bytes with a piece moved, doubled or missing."""
    first, second = sorted(random.randrange(len(content) + 1) for _ in range(2))
    piece = content[first:second]
    return content[:first] + random.choice((b"", piece + piece, piece[::-1])) + content[second:]


@channels
def test_no_generated_webhook_is_taken(channel: str, seed: int) -> None:
    one, random = platform(channel, seed), Random(seed)
    url_is_signed = not admitted(one.channel, replace(one.sent[0], url="https://elsewhere.example/hooks/ours"))
    taken = 0
    for _ in range(GENERATED):
        real = random.choice(one.sent)
        forged = generated(real, random)
        same = says_the_same(one.channel, forged, real) and (forged.url == real.url or not url_is_signed)
        taken += admitted(one.channel, forged) and not same
    assert taken == 0
    print(f"R1 {channel}: {GENERATED:,} generated webhooks, 0 accepted, 0 exceptions")


@channels
def test_every_byte_counts(channel: str, seed: int) -> None:
    """One byte of the body, or of what signs it, is another one: refused."""
    one, random = platform(channel, seed), Random(seed)
    assert all(admitted(one.channel, real) for real in one.sent)
    wanted, made = MUTANTS // len(WITH_WEBHOOKS) + 1, 0
    while made < wanted:
        for real in one.sent:
            for at in range(len(real.content)):
                changed = bytearray(real.content)
                changed[at] ^= 1 << random.randrange(8)
                mutant = replace(real, content=bytes(changed))
                assert not admitted(one.channel, mutant) or says_the_same(one.channel, mutant, real)
            made += len(real.content) + signatures_changed(one, real, random)
    print(f"R2 {channel}: {made:,} mutants of {len(one.sent)} webhooks, 0 accepted")


def signatures_changed(one: Platform, real: Envelope, random: Random) -> int:
    """Every character of the header that signs a webhook, changed; gives how many were tried."""
    (name,) = [name for name in real.headers if "signature" in name]
    value = real.headers[name]
    for at in range(len(value)):
        other = random.choice([c for c in "0123456789abcdefXYZ+/=\xe9 " if c.lower() != value[at].lower()])
        forged = replace(real, headers={**real.headers, name: value[:at] + other + value[at + 1 :]})
        assert not admitted(one.channel, forged)
    return len(value)


@channels
def test_a_key_rotates_and_no_event_is_refused(channel: str, seed: int) -> None:
    """Signed with the old key or the new one while both are set; with the old one alone after the cut-off."""
    field = secret_field(channel)
    old = platform(channel, seed)
    new = platform(channel, seed + 1)
    before, after = (getattr(one.account, field) for one in (old, new))
    both = old.with_account(**{field: (*before, *after)})
    cut = old.with_account(**{field: after})
    taken = [admitted(both, (old, new)[n % 2].sent[n % len(old.sent)]) for n in range(ROTATED)]
    assert taken.count(False) == 0
    assert [admitted(cut, real) for real in old.sent] == [False] * len(old.sent)
    assert [admitted(cut, real) for real in new.sent] == [True] * len(new.sent)
    print(f"R5 {channel}: {ROTATED:,} events over a rotation, 0 refused; the old key is refused afterwards")


def secret_field(channel: str) -> str:
    """The account's field that verifies webhooks."""
    field = platform(channel, 0).channel.webhook_secret
    assert field is not None
    return field


@channels
def test_no_secret_no_start(channel: str, caplog: pytest.LogCaptureFixture) -> None:
    one, field = platform(channel, 0), secret_field(channel)
    for empty in ((), (SecretStr(""),)):
        with pytest.raises(ConfigurationError, match=f"{field} is missing"):
            require_webhook_secret(one.with_account(**{field: empty}))
    with caplog.at_level(logging.WARNING):
        require_webhook_secret(one.with_account(**{field: (), "allow_unsigned": True}))
    assert len([record for record in caplog.records if "allow_unsigned" in record.getMessage()]) == 1


@channels
async def test_a_forged_webhook_writes_nothing(channel: str, seed: int) -> None:
    """Through the app: 4xx each, no exception, no row."""
    one = platform(channel, seed)
    random, store = Random(seed), SqlStore("sqlite://", threads=False)
    plain = Hub([one.account], work=False)
    hub = plain.replica(plain.settings, Ports(store=store, environ={}))
    statuses: set[int] = set()
    async with hub:
        for _ in range(THROUGH_THE_APP):
            forged = generated(random.choice(one.sent), random)
            if admitted(one.channel, forged):
                continue
            request = WebhookRequest(
                url=URL.replace("ours", one.account.id), headers=forged.headers, body=forged.content
            )
            statuses.add((await post_webhook(hub.asgi, request))[0])
        assert store.read_sync(lambda c: journal.count(c, "new")) == 0
    assert statuses
    assert statuses <= {400, 401, 403, 404, 413, 415}
