"""Who really wrote: the receiving server's verdict (RFC 8601), and whether it is about the address in From."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omnichannel.kit.mail.addresses import Mailbox, domain_of
from omnichannel.kit.mail.headers import Fields
from omnichannel.model.address import Assurance

__all__ = ["Verdict", "assurance_of", "verdicts"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One method's result: `dkim`, `pass`, `{"header.d": "example.com"}`."""

    method: str
    result: str
    properties: Mapping[str, str]


def assurance_of(fields: Fields, senders: Sequence[Mailbox], receiver: str | None) -> int:
    """VERIFIED where our own receiving server says that the From address is authentic, DENIED where it says that DMARC
    failed, and UNKNOWN where it says nothing.

    A From that names nobody or two is never verified. SPF or DKIM count only where they are about From's domain.
    """
    if receiver is None or len(senders) != 1 or len(fields.all("from")) != 1:
        return Assurance.UNKNOWN
    found = verdicts(fields, receiver)
    domain = domain_of(senders[0].address)
    dmarc = [one for one in found if one.method == "dmarc"]
    if dmarc and dmarc[0].result == "pass":
        about = dmarc[0].properties.get("header.from", domain)
        return Assurance.VERIFIED if domain_of(f"x@{about.rpartition('@')[2]}") == domain else Assurance.UNKNOWN
    if any(one.result == "fail" for one in dmarc):
        return Assurance.DENIED
    proven = any(_proves(one, domain) for one in found)
    return Assurance.VERIFIED if proven else Assurance.UNKNOWN


def _proves(verdict: Verdict, domain: str) -> bool:
    if verdict.result != "pass":
        return False
    names = {"dkim": ("header.d", "header.i"), "spf": ("smtp.mailfrom", "smtp.from")}.get(verdict.method, ())
    given = next((verdict.properties[name] for name in names if name in verdict.properties), "")
    return _aligned(domain_of(f"x@{given.rpartition('@')[2]}"), domain)


def _aligned(proven: str, domain: str) -> bool:
    # Stricter than DMARC's relaxed mode, which needs the list of public suffixes: the same domain or one above it.
    # Whoever rules the domain above rules this one; the reverse is not true (evil.github.io is not github.io).
    return bool(proven) and (proven == domain or ("." in proven and domain.endswith(f".{proven}")))


def verdicts(fields: Fields, receiver: str) -> tuple[Verdict, ...]:
    """What the topmost `Authentication-Results` of our receiving server says; those of others may be forged."""
    for value in fields.all("authentication-results"):
        pieces = _without_comments(value).split(";")
        server = pieces[0].split()
        if server and server[0].strip('"').lower() == receiver:
            return tuple(verdict for piece in pieces[1:50] if (verdict := _verdict(piece)) is not None)
    return ()


def _verdict(piece: str) -> Verdict | None:
    words = piece.replace("= ", "=").replace(" =", "=").split()
    if not words or "=" not in words[0]:
        return None
    method, _, result = words[0].partition("=")
    pairs = (word.partition("=") for word in words[1:50])
    properties = {name.lower(): value.strip('"') for name, found, value in pairs if found}
    return Verdict(method.partition("/")[0].lower(), result.lower(), properties)


def _without_comments(value: str) -> str:
    out: list[str] = []
    depth = 0
    for letter in value:
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth = max(0, depth - 1)
        elif not depth:
            out.append(letter)
    return "".join(out)
