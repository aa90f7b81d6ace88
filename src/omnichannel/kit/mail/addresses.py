"""Address lists of a mail (RFC 5322, and what mailers make of it). Total and linear."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass

from omnichannel.kit.mail.headers import words

__all__ = ["ADDRESSES_CAP", "Mailbox", "canonical", "domain_of", "mailboxes"]

ADDRESSES_CAP = 200
_DOMAIN = re.compile(r"[^\s@<>,;:()\"\\\[\]]+|\[[^\s\[\]\\]+\]")
_COMMENT = re.compile(r"\([^()]*\)")
_LOCAL = re.compile(r"[^\s@<>,;:()\"\\\[\]\ue000\ue001]+")
# What stands in quotes is never read as an address: `"a@bank.example" ...` names nobody.
_HIDE = str.maketrans(" @", "\ue000\ue001")
_SHOW = str.maketrans("\ue000\ue001", " @")
_CLOSING = {'"': '"', "(": ")", "<": ">", "[": "]"}


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address as it was written, and the name before it."""

    address: str
    name: str = ""


def canonical(address: str) -> str:
    """The address as a key: domain in lower case and ASCII, local part case-folded. Plus tags and dots stay."""
    local, at, domain = address.strip().rpartition("@")
    if not at:
        return address.strip().casefold()
    domain = domain.lower().rstrip(".")
    if not domain.isascii():
        with contextlib.suppress(UnicodeError):
            domain = domain.encode("idna").decode("ascii")
    return f"{local.casefold()}@{domain}"


def domain_of(address: str) -> str:
    """The domain of an address in its canonical form."""
    return canonical(address).rpartition("@")[2]


def mailboxes(*values: str) -> tuple[Mailbox, ...]:
    """The mailboxes in some address fields, at most `ADDRESSES_CAP`; groups are flattened, what is none is left out."""
    found: list[Mailbox] = []
    for value in values:
        for phrase, angle, comment in _items(value):
            found.extend(_mailbox(phrase, angle, comment))
            if len(found) >= ADDRESSES_CAP:
                return tuple(found[:ADDRESSES_CAP])
    return tuple(found)


def _items(value: str) -> list[tuple[str, str | None, str]]:
    """Splits at commas, and for each item tells the phrase, what stands in angle brackets, and the comment."""
    items: list[tuple[str, str | None, str]] = []
    phrase: list[str] = []
    comment: list[str] = []
    angle: str | None = None
    index = 0
    while index < len(value):
        letter = value[index]
        if letter in '"(<':
            inside, index = _enclosed(value, index, letter)
            if letter == "<":
                angle = inside if angle is None else angle
            else:
                inside = inside.translate(_HIDE) if letter == '"' else inside
                (phrase if letter == '"' else comment).append(inside)
            continue
        if letter == ":" and angle is None:
            phrase.clear()
        elif letter in ",;":
            items.append(("".join(phrase), angle, " ".join(comment)))
            phrase, comment, angle = [], [], None
            if len(items) > ADDRESSES_CAP:
                return items
        else:
            phrase.append(letter)
        index += 1
    return [*items, ("".join(phrase), angle, " ".join(comment))]


def _enclosed(value: str, start: int, opening: str) -> tuple[str, int]:
    """What stands between a bracket and its end, and where it ends; an unclosed one ends with the field."""
    closing, depth, out = _CLOSING[opening], 1, list[str]()
    index = start + 1
    while index < len(value):
        letter = value[index]
        if letter == "\\" and opening != "<" and index + 1 < len(value):
            out.append(value[index + 1])
            index += 2
            continue
        if letter == opening and opening == "(":
            depth += 1
        elif letter == closing:
            depth -= 1
            if not depth:
                return "".join(out), index + 1
        out.append(letter)
        index += 1
    return "".join(out), index


def _mailbox(phrase: str, angle: str | None, comment: str) -> list[Mailbox]:
    if angle is not None:
        angle = _COMMENT.sub("", angle)
        address = _address(angle.rpartition(":")[2] if angle.startswith("@") else angle)
        return [Mailbox(address, words(phrase.translate(_SHOW)) or words(comment))] if address else []
    # Two addresses with nothing but a space between them are two: whoever reads the first alone is easily fooled.
    bare = [address for word in phrase.split() if (address := _address(word))]
    if not bare and (address := _address(phrase)):
        bare = [address]
    return [Mailbox(address, words(comment)) for address in bare]


def _address(text: str) -> str:
    text = "".join(text.split())
    local, at, domain = text.rpartition("@")
    domain = domain.rstrip(".")
    if not at or len(text) > 320 or any(ord(letter) < 33 for letter in text):
        return ""
    return f"{local}@{domain}" if _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain) else ""
