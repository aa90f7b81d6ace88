"""URLs of platforms: whose they are, and the words that a link fills in."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["host_of", "path_of", "same_origin", "whole_url", "with_reference"]


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


def whole_url(url: str, base: str) -> str:
    """A URL as it is, or a path completed by the base of the API."""
    return url if "://" in url else f"{base.rstrip('/')}/{url.lstrip('/')}"


def host_of(url: str) -> str:
    """The host in lower case; empty where there is none. Never raises."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def path_of(url: str) -> str:
    """The path; empty where there is none. Never raises."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
