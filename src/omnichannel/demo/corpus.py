"""Real history as a script: conversations from a JSONL file, one a line, in the order of their arrival."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NotRequired

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from omnichannel.demo.cast import Person
from omnichannel.demo.platforms import CLOSING, PLATFORMS, Brand, handles_of
from omnichannel.model.exceptions import ConfigurationError


class _Message(TypedDict):
    id: str
    role: Literal["customer", "agent"]
    author: str
    at: NotRequired[str | None]
    text: str


class _Conversation(TypedDict):
    conversation: str
    company: str
    messages: list[_Message]


_LINE: TypeAdapter[_Conversation] = TypeAdapter(_Conversation)
_TAGS = re.compile(r"[^a-z0-9]+")

PRIVATE, ON_FILE = 0.25, 0.10
FOLLOW = {"whatsapp": 0.25, "email": 0.10, "messenger": 0.08, "sms": 0.05, "mastodon": 0.02}
PRESENT = {"mastodon": 0.2}
"""The assumption, drawn from the seed: how many customers write by DM rather than in public, have a mail address on
file already, would follow a link to where; and how many brands have an account on a platform that few are on."""


def assumed() -> str:
    """The assumption in words."""
    places = [f"{share:.0%} to {PLATFORMS[channel].label}" for channel, share in FOLLOW.items()]
    few = [f"{share:.0%} of the brands are on {PLATFORMS[channel].label}" for channel, share in PRESENT.items()]
    told = f"{PRIVATE:.0%} write by DM; told where to go, {', '.join(places)} would follow"
    return "; ".join((told, f"{ON_FILE:.0%} have a mail address on file", *few))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message of the history, with the one that it follows in its conversation."""

    id: str
    conversation: str
    brand: str
    author: str
    from_customer: bool
    text: str


@dataclass(slots=True)
class History:
    """The lines in file order; `notes` says what was odd about the file."""

    lines: list[Line] = field(default_factory=list[Line])
    brands: dict[str, Brand] = field(default_factory=dict[str, Brand])
    people: dict[tuple[str, str], Person] = field(default_factory=dict[tuple[str, str], Person])
    conversations: int = 0
    without_time: int = 0
    backwards: int = 0
    repeated: int = 0

    @property
    def customers(self) -> int:
        """How many persons write."""
        return len({author for _, author in self.people})


def read(path: Path, seed: int) -> History:
    """Reads a file. Raises `ConfigurationError` with the number of the line that cannot be read."""
    history = History()
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    seen: dict[str, str] = {}
    for conversation in _parsed(path):
        history.conversations += 1
        _add(history, conversation, seen)
    _place(history.brands, seed)
    pairs = sorted(_authors(history.lines))
    handles = {author: f"@c{index}" for index, author in enumerate(sorted({author for _, author in pairs}))}
    for number, (brand, author) in enumerate(pairs):
        history.people[brand, author] = _person(history.brands[brand], author, handles[author], number, rng)
    return history


def _place(brands: dict[str, Brand], seed: int) -> None:
    """Decides on which platforms each brand is."""
    rng = random.Random(f"brands:{seed}")  # noqa: S311 - repeatable, not secret
    for slug in sorted(brands):
        drawn = {channel: rng.random() for channel in PRESENT}
        missing = frozenset(channel for channel, at in drawn.items() if at >= PRESENT[channel])
        brands[slug] = replace(brands[slug], missing=missing)


def _parsed(path: Path) -> Iterator[_Conversation]:
    try:
        content = path.read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}: give a JSONL file of conversations") from error
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            try:
                yield _LINE.validate_json(line)
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"]))
                raise ConfigurationError(f"{path}, line {number}: {where}: {first['msg']}") from error


def _add(history: History, conversation: _Conversation, seen: dict[str, str]) -> None:
    """The same platform id is one message and one conversation, wherever it stands."""
    company = conversation["company"]
    slug = _TAGS.sub("", company.lower())[:15]
    history.brands.setdefault(slug, Brand(id=slug, name=company, domain=f"{slug}.example"))
    ids = [message["id"] for message in conversation["messages"]]
    known = next((seen[found] for found in ids if found in seen), None)
    name = known or conversation["conversation"]
    before = None
    for message in conversation["messages"]:
        at = message.get("at")
        history.without_time += at is None
        history.backwards += at is not None and before is not None and at < before
        before = at or before
        if message["id"] in seen:
            history.repeated += 1
            continue
        seen[message["id"]] = name
        history.lines.append(
            Line(
                id=message["id"],
                conversation=name,
                brand=slug,
                author=message["author"],
                from_customer=message["role"] == "customer",
                text=message["text"].strip() or "…",
            )
        )


def _authors(lines: Iterable[Line]) -> set[tuple[str, str]]:
    return {(line.brand, line.author) for line in lines if line.from_customer}


def _person(brand: Brand, author: str, handle: str, number: int, rng: random.Random) -> Person:
    # Each draw is made in any case, so that one share does not change another's draws.
    private, place, filed = rng.random(), rng.random(), rng.random()
    return Person(
        name=author,
        brand=brand,
        language="en",
        handles=handles_of(f"c{number}", f"+1555{number:07}") | {CLOSING: handle},
        follows=_follows(brand, place),
        public=private >= PRIVATE,
        on_file="email" if filed < ON_FILE else None,
    )


def _follows(brand: Brand, place: float) -> str | None:
    """Where somebody goes whose number between 0 and 1 is this one: nowhere, if the brand is not there."""
    for channel, share in FOLLOW.items():
        if place < share:
            return None if channel in brand.missing else channel
        place -= share
    return None
