"""A cheap look at JSON before it is kept: no parser of ours meets what it cannot bear."""

from __future__ import annotations

import re

__all__ = ["bounded"]

# A string that is never closed runs to the end: each byte is looked at once.
_STRING = re.compile(rb'(?s)"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)')
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_OPENING = frozenset(b"[{")


def bounded(content: bytes, *, max_bytes: int, max_depth: int = 64) -> str | None:
    """Why a body is refused (too large, not UTF-8, too deep), or None. Whether it is JSON is not checked.

    One pass in C for nearly every body: with no more brackets than levels it cannot be too deep.
    """
    if len(content) > max_bytes:
        return f"body is {len(content)} bytes, more than {max_bytes}"
    if not content.isascii():
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            return f"body is not UTF-8 at byte {error.start}"
    if content.count(b"[") + content.count(b"{") <= max_depth:
        return None
    depth = 0
    for byte in _STRING.sub(b"", content).translate(None, _NOT_BRACKETS):
        depth += 1 if byte in _OPENING else -1
        if depth > max_depth:
            return f"body is nested more than {max_depth} levels deep"
    return None
