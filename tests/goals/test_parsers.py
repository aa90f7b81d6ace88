"""Parsers take anything: 20,000 mutated inputs each for every channel's payloads, for mails, HTML and JSON. They never
raise, keep what they cannot read, and what they make of it can be stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import pytest

from omnichannel.channel import Channel, Envelope
from omnichannel.kit.json_guard import bounded
from omnichannel.kit.mail.body import html_text
from omnichannel.kit.mail.trim import trim
from omnichannel.model.event import CHANNEL_EVENT
from omnichannel.registry import ADAPTERS
from omnichannel.testing.contract import ChannelContract
from omnichannel.testing.fixtures import cases, envelope_of, is_list, is_object
from tests.scenarios.support import KNOWN

INPUTS = 20_000
ADAPTER_TESTS = Path(__file__).resolve().parent.parent / "adapters"
PARSED = sorted(name for name, one in ADAPTERS.items() if one.channel in KNOWN)
TOKENS = (
    *(b'"', b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"-1", b"1e999", b'""', b"{}", b"[]", b"9" * 30),
    *(b"\\u0000", b"\\ud800", b"\x00", b"\xff", b"\r\n", b"\r\n\r\n", b"--", b"=?utf-8?b?", b"<div>", b"</"),
    *(b"&#x110000;", b"%", b"&a=b"),
)
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 10**20, 1e30, "", "0", "x" * 3_000, "\x00", "\u202e", "2027-01-04", [], {}, [[]], {"": {}}),
    *("9" * 30, "-5", [None], {"id": None}, ["x"], "https://", "@", "+", "sha256=", "null"),
)


def mutated(content: bytes, random: Random) -> bytes:
    """Some bytes changed, cut out, doubled, or replaced by what means something to a parser; of JSON, every other time
    a value by one of another kind."""
    if content[:1] in (b"{", b"[") and random.random() < 0.7:
        return restructured(content, random)
    made = bytearray(content)
    for _ in range(random.randrange(1, 5)):
        at, length = random.randrange(len(made) + 1), random.choice((1, 1, 4, 30, 200))
        piece = bytes(made[at : at + length])
        other = random.choice((b"", random.choice(TOKENS), piece + piece, random.randbytes(len(piece))))
        made[at : at + length] = other
    return bytes(made)


def restructured(content: bytes, random: Random) -> bytes:
    """JSON in which some values are others, or missing."""
    try:
        data = json.loads(content)
    except ValueError:
        return content + b"}"
    for _ in range(random.randrange(1, 3)):
        places = list(walk(data))
        if places:
            parent, key = random.choice(places)
            if random.random() < 0.2:
                del parent[key]
            else:
                parent[key] = deepcopy(random.choice(ODD))
    return json.dumps(data).encode("utf-8", "surrogatepass")


def walk(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a tree: what holds it, and its name there."""
    children: list[Any] = []
    if is_object(data):
        children = list(data)
    elif is_list(data):
        children = list(range(len(data)))
    for key in children:
        yield data, key
        yield from walk(data[key])


def channel_of(adapter: str) -> Channel[Any]:
    """The channel that the adapter's contract is tested with: it has the accounts that the recorded payloads name."""
    (path,) = [
        path for path in (ADAPTER_TESTS / adapter).glob("test_*.py") if "(ChannelContract)" in path.read_text("utf-8")
    ]
    found = vars(import_module(f"tests.adapters.{adapter}.{path.stem}")).values()
    contracts = [one for one in found if isinstance(one, type) and issubclass(one, ChannelContract)]
    channel: Channel[Any] = next(one.channel for one in contracts if one is not ChannelContract)
    return channel


def recorded(adapter: str) -> list[Envelope]:
    """What is recorded of an adapter's platform."""
    return [envelope_of(case) for case in cases(ADAPTER_TESTS / adapter / "fixtures" / "inbound")]


def whole(one: Envelope) -> bytes:
    """The content, also of one that is kept apart."""
    return one.content if one.blob is None else one.blob.read(0, one.blob.size)


@pytest.mark.parametrize("adapter", PARSED)
def test_any_payload_has_events_that_can_be_kept(adapter: str, seed: int) -> None:
    channel, random, known = channel_of(adapter), Random(seed), recorded(adapter)
    unread = 0
    for _ in range(INPUTS):
        one = random.choice(known)
        changed = replace(one, content=mutated(whole(one), random), blob=None)
        events = channel.parse(changed)
        for event in events:
            CHANNEL_EVENT.dump_json(event)
        unread += any(type(event).__name__ == "Unrecognized" for event in events)
    assert 0 < unread < INPUTS * 0.95, f"{unread} were unreadable: the mutations are too tame or too wild"
    print(f"R28 {adapter}: {INPUTS:,} mutated payloads, 0 exceptions, {unread:,} kept as unreadable")


READERS: dict[str, tuple[list[bytes], Callable[[bytes], Any]]] = {
    "json": (
        [b'{"a":[1,{"b":"\\u00e9"},null]}', b"[" * 70 + b"]" * 70, b'"' + b"x" * 300 + b'"'],
        lambda raw: bounded(raw, max_bytes=1_000),
    ),
    "html": (
        [b"<p>Hello <b>you</b></p><blockquote type=cite>On 1 Jan<table><td>x</table></blockquote>", b"<ul><li>a</ul>"],
        lambda raw: html_text(raw.decode("utf-8", "replace")),
    ),
    "quoted text": (
        [
            b"Yes.\n\nOn Mon, 1 Jan 2027, Ann <a@b.example> wrote:\n> Hello\n> you\n-- \nAnn",
            b"Le 1 janv., Ann a dit :\n> Non",
        ],
        lambda raw: trim(raw.decode("utf-8", "replace")),
    ),
}


@pytest.mark.parametrize("reader", sorted(READERS))
def test_any_text_is_read(reader: str, seed: int) -> None:
    seeds, read = READERS[reader]
    random = Random(seed)
    for _ in range(INPUTS):
        read(mutated(random.choice(seeds), random))
    print(f"R28 {reader}: {INPUTS:,} inputs, 0 exceptions")
