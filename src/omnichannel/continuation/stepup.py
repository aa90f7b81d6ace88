"""Proving who one is: a six-digit code, sent to an address that is already trusted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal, TypeAlias

from omnichannel.kit.signatures import same

__all__ = ["LIFE", "TRIES", "CodeCheck", "CodeState", "check", "code_digest", "code_from", "find_code"]

TRIES = 5
LIFE = timedelta(minutes=15)

CodeCheck: TypeAlias = Literal["ok", "wrong", "expired", "too_many", "no_code"]

# A run of digits with single separators is one number: an amount, a date, a telephone number, or the code.
_NUMBER = re.compile(r"[0-9]+(?:[ \u00a0.,/:-][0-9]+)*")
_CODE = re.compile(r"([0-9]{3})[ \u00a0-]?([0-9]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeState:
    """A code that was sent: only its salted digest is kept. `tries` counts the wrong ones so far; a code that was
    answered right is deleted by the caller in the same transaction."""

    digest: str
    salt: str
    created_at: datetime
    tries: int = 0


def code_from(bits: int) -> str:
    """A six-digit code from random bits; 64 or more of them, so that every code is as likely."""
    return f"{bits % 1_000_000:06}"


def code_digest(code: str, salt: str) -> str:
    """What is stored of a code."""
    return sha256(f"{salt}:{code}".encode("utf-8", "surrogatepass")).hexdigest()


def find_code(text: str) -> str | None:
    """The first six-digit code that stands alone in a text (`123456`, `123 456`, `123-456`), or None."""
    codes = (_CODE.fullmatch(match.group()) for match in _NUMBER.finditer(text))
    return next((code.group(1) + code.group(2) for code in codes if code), None)


def check(state: CodeState | None, text: str, now: datetime) -> CodeCheck:
    """Whether a text answers the code. Only `wrong` costs a try, and one message has one try, however many numbers
    stand in it. A text without a code is an ordinary message."""
    code = find_code(text)
    if code is None or state is None:
        return "no_code"
    if not state.created_at <= now < state.created_at + LIFE:
        return "expired"
    if state.tries >= TRIES:
        return "too_many"
    return "ok" if same(code_digest(code, state.salt), state.digest) else "wrong"
