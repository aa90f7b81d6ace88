"""Which addresses a fetch may connect to: public ones on port 443, looked up once and then pinned.

`ipaddress.is_global` says yes to multicast, NAT64 and 6to4 (CPython 3.11), so the list is our own, from
https://www.iana.org/assignments/iana-ipv4-special-registry/ and
https://www.iana.org/assignments/iana-ipv6-special-registry/.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

import anyio

from omnichannel.runtime.transport import TransportError

Resolve: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]

_DENIED_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
# Of IPv6 only what is given out as global unicast, without what carries an IPv4 address inside.
_GLOBAL_6 = IPv6Network("2000::/3")
_DENIED_6 = tuple(
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20"))
)
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_BAD = re.compile(r"[\x00-\x20\x7f\\]")


def is_public(address: str) -> bool:
    """Whether an address in its canonical form belongs to the public internet."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    match parsed:
        case IPv4Address():
            return not any(parsed in network for network in _DENIED_4)
        case IPv6Address():
            return parsed.scope_id is None and parsed in _GLOBAL_6 and not any(parsed in one for one in _DENIED_6)


async def resolve(host: str) -> Sequence[str]:
    """The addresses of a name, by the system's resolver. Raises `OSError`."""
    found = await anyio.getaddrinfo(host, 443)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Pinned:
    """URLs that name checked addresses, to be tried in turn, and the host that stands in the header and in TLS."""

    urls: tuple[str, ...]
    host: str


def _blocked(why: str) -> TransportError:
    return TransportError("blocked", maybe_sent=False, why=why)


def origin_of(url: str) -> str:
    """`https://host[:port]` of a URL, lower-case; empty where it has none."""
    parts = _split(url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts is not None else ""


def _split(url: str) -> SplitResult | None:
    if _BAD.search(url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


async def pin(url: str, resolve: Resolve, allow: Collection[str] = ()) -> Pinned:
    """The URL with its host looked up and checked: all addresses must be public, or none is used.

    Origins in `allow` (`http://127.0.0.1:9001`) are left as they are: simulated platforms in tests.
    Raises `TransportError`: `blocked`, or `dns` where the name does not exist.
    """
    if origin_of(url) in allow:
        return Pinned((url,), "")
    parts = _split(url)
    if parts is None or parts.scheme != "https":
        raise _blocked("only https")
    if "@" in parts.netloc or parts.port not in (None, 443):
        raise _blocked("a user name or a port in the URL")
    host = _ascii(parts.hostname or "")
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    addresses = await _addresses(host, resolve)
    header = f"[{host}]" if ":" in host else host
    return Pinned(tuple(f"https://{f'[{one}]' if ':' in one else one}{target}" for one in addresses), header)


def _ascii(host: str) -> str:
    """The host as it is looked up. Full-width digits and dots become plain ones here, before they are judged."""
    try:
        return host.encode("ascii" if host.isascii() else "idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        return ""


async def _addresses(host: str, resolve: Resolve) -> Sequence[str]:
    try:
        literal = str(ip_address(host))
    except ValueError:
        literal = None
    if literal is not None:
        addresses: Sequence[str] = (literal,)
    elif _NAME.fullmatch(host) is None:
        # Also 2130706433, 0177.0.0.1, 0x7f.1 and localhost: a real name has a dot, and its last label a letter first.
        raise _blocked("not the name of a public host")
    else:
        addresses = await _looked_up(host, resolve)
    if not all(map(is_public, addresses)):
        raise _blocked("not a public address")
    return addresses


async def _looked_up(host: str, resolve: Resolve) -> Sequence[str]:
    try:
        addresses = await resolve(host)
    except OSError:
        addresses = ()
    if not addresses:
        raise TransportError("dns", maybe_sent=False)
    return addresses
