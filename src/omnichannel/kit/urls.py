"""URLs of platforms: whose they are, and the words that a link fills in."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["same_origin", "with_reference"]


def same_origin(url: str, base: str) -> bool:
    """Whether a URL leads to the server of `base`: credentials go nowhere else, whatever URL an answer named."""
    try:
        one, home = urlsplit(url), urlsplit(base)
    except ValueError:
        return False
    return (one.scheme, one.netloc) == (home.scheme, home.netloc)


def with_reference(text: str, ref: str) -> str:
    """The text that a link fills in, with the reference in it once, as `#ref`."""
    tag = ref if ref.startswith("#") else f"#{ref}"
    return text if tag in text else f"{text} {tag}".strip()
