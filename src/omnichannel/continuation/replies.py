"""Reply tokens: what an answer brings back in its address, so that it is found again without its headers.

A token says which conversation is meant and never who writes: mails are forwarded with the addresses in them. So it
is no reference: it moves nothing, is not used up and opens nothing to anybody but whom the conversation is about.
"""

from __future__ import annotations

import re
from hashlib import sha256

from omnichannel.model.ids import encode

__all__ = ["is_reply_token", "new_reply_token", "token_digest"]

_DIGITS = 26
# One letter more than a reference has: neither is ever taken for the other.
_TOKEN = re.compile(r"r[0-7][0-9a-hjkmnp-tv-z]{25}")


def new_reply_token(bits: int) -> str:
    """A token from at least 128 random bits: lower-case base 32, because mail servers fold local parts."""
    return "r" + encode(bits & ((1 << 128) - 1), _DIGITS)


def is_reply_token(text: str) -> bool:
    """Whether it has the form of one, in any case."""
    return _TOKEN.fullmatch(text.lower()) is not None


def token_digest(token: str) -> str:
    """The SHA-256 in hex: all that is stored."""
    return sha256(token.lower().encode("utf-8", "surrogatepass")).hexdigest()
