"""Mail server URLs, `smtp+starttls://user:pass@host:587` or `imaps://user:pass@host`: one reader for both sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import unquote, urlsplit

__all__ = ["Family", "MailUrl", "Tls", "parse_mail_url"]

Family: TypeAlias = Literal["smtp", "imap"]
Tls: TypeAlias = Literal["implicit", "starttls", "none"]

# RFC 8314 (implicit TLS), RFC 6409 (submission), RFC 9051 (IMAP).
_PORTS: dict[tuple[Family, Tls], int] = {
    ("smtp", "implicit"): 465,
    ("smtp", "starttls"): 587,
    ("smtp", "none"): 25,
    ("imap", "implicit"): 993,
    ("imap", "starttls"): 143,
    ("imap", "none"): 143,
}
_SCHEMES: dict[Family, dict[str, Tls]] = {
    "smtp": {"smtps": "implicit", "smtp+starttls": "starttls", "smtp": "none"},
    "imap": {"imaps": "implicit", "imap+starttls": "starttls", "imap": "none"},
}
_ENCODE = "percent-encode '/', '?', '#', '@' and ':' in user and password (%2F %3F %23 %40 %3A)"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailUrl:
    """Where a mail server is, how the connection is secured, and who we are there."""

    host: str
    port: int
    tls: Tls
    user: str = ""
    password: str = field(default="", repr=False)


def parse_mail_url(url: str, family: Family) -> MailUrl:
    """The parts of a mail URL.

    Raises `ValueError` that names the bad part and what was expected. It never shows user, password or port, because
    a password that was not percent-encoded spills into them.
    """
    scheme, found, _ = url.partition("://")
    schemes = _SCHEMES[family]
    known = " or ".join(f"{one}://" for one in schemes if schemes[one] != "none")
    if not found:
        raise ValueError(f"no scheme: expected {known}user:password@host")
    tls = schemes.get(scheme.lower())
    if tls is None:
        raise ValueError(f"scheme {scheme[:20]!r} is not one of {known} ({family}:// on this host only)")
    try:
        parts = urlsplit(f"//{url.partition('://')[2]}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"the port is not a number from 1 to 65535; if it is part of a password, {_ENCODE}") from None
    if "@" in parts.path + parts.query + parts.fragment:
        raise ValueError(f"there is an '@' after the host; {_ENCODE}")
    if not host:
        raise ValueError(f"no host: expected {scheme}://user:password@host")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"nothing may follow the host and port; if it is part of a password, {_ENCODE}")
    if port == 0:
        raise ValueError("the port is not a number from 1 to 65535")
    if tls == "none" and not _is_loopback(host):
        secure = " or ".join(f"{one}://" for one in schemes if schemes[one] != "none")
        raise ValueError(f"{scheme}:// is not encrypted and host {host!r} is not this one: use {secure}")
    return MailUrl(
        host=host,
        port=port or _PORTS[family, tls],
        tls=tls,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or (host.startswith("127.") and host.replace(".", "").isdigit())
