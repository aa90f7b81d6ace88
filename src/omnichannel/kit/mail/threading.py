"""Which conversation a mail belongs to: our tokens in addresses, our own Message-IDs, and the ids it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from omnichannel.kit.mail.account import MailAccount
from omnichannel.kit.mail.addresses import canonical, domain_of, mailboxes
from omnichannel.kit.mail.headers import Fields, message_ids
from omnichannel.kit.signatures import hmac_sign, same

__all__ = [
    "ENVELOPE_FIELDS",
    "REFERENCES_CAP",
    "UNSUBSCRIBE",
    "answered",
    "base_of",
    "chain_of",
    "is_ours",
    "is_own",
    "key_of",
    "own_id",
    "own_ids_in",
    "recipients",
    "reference",
    "root",
    "tag_of",
]

REFERENCES_CAP = 900
"""Characters of a `References` field that we write: long ones are refused by some servers."""
ENVELOPE_FIELDS = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-forwarded-to")
UNSUBSCRIBE = "unsubscribe"

_TOKEN = re.compile(r"[a-z0-9-]{10,64}")
_PLAIN = re.compile(r"[A-Za-z0-9_-]")
_OURS = re.compile(r"msg\.([A-Za-z0-9_=-]{1,300})\.([0-9a-f]{20})@([^\s@<>]{1,255})")
_LONGEST_KEY = 150


def own_id(account: MailAccount, key: str) -> str:
    """Our Message-ID for a part: the same for the same key, and nobody else can make it."""
    quoted = "".join(letter if _PLAIN.fullmatch(letter) else _escaped(letter) for letter in key)
    if len(quoted) > _LONGEST_KEY:
        quoted = f"=h{hmac_sign('', key.encode())}"
    return f"msg.{quoted}.{_mac(account.mac_keys[0], quoted)}@{account.domain}"


def _escaped(letter: str) -> str:
    return "".join(f"={byte:02X}" for byte in letter.encode("utf-8", "surrogatepass"))


def _mac(key: str, quoted: str) -> str:
    return hmac_sign(key, quoted.encode("ascii"))[:20]


def is_own(account: MailAccount, message_id: str) -> bool:
    """Whether we made this Message-ID."""
    found = _OURS.fullmatch(message_id)
    if found is None or domain_of(f"x@{found[3]}") != account.domain:
        return False
    return any(same(_mac(key, found[1]), found[2]) for key in account.mac_keys)


def key_of(message_id: str) -> str | None:
    """The part key in a Message-ID of ours, or None where it was too long to stand there."""
    found = _OURS.fullmatch(message_id)
    if found is None or found[1].startswith("=h"):
        return None
    raw = re.sub(rb"=([0-9A-F]{2})", lambda byte: bytes.fromhex(byte[1].decode()), found[1].encode())
    return raw.decode("utf-8", "replace")


def own_ids_in(account: MailAccount, text: str) -> tuple[str, ...]:
    """Message-IDs of ours that stand in a text."""
    return tuple(found[0] for found in _OURS.finditer(text) if is_own(account, found[0]))


def answered(fields: Fields) -> tuple[str, ...]:
    """The ids that a mail answers, nearest first."""
    replied = message_ids(" ".join(fields.all("in-reply-to")), 5)
    chain = message_ids(" ".join(fields.all("references")))
    return tuple(dict.fromkeys((*replied, *reversed(chain))))


def root(fields: Fields, own: str) -> str:
    """The id that the thread began with."""
    chain = message_ids(" ".join(fields.all("references"))) or message_ids(fields.get("in-reply-to"), 1)
    return chain[0] if chain else own


def chain_of(ids: Sequence[str]) -> str:
    """A `References` value of at most `REFERENCES_CAP` characters: the first and the last ids stay."""
    wanted = [f"<{one}>" for one in dict.fromkeys(ids) if one]
    while len(wanted) > 2 and sum(map(len, wanted)) + len(wanted) > REFERENCES_CAP:
        del wanted[1]
    return " ".join(wanted)


def recipients(fields: Fields) -> tuple[str, ...]:
    """All addresses that a mail was sent to, the envelope's first, canonical."""
    names = (*ENVELOPE_FIELDS, "to", "cc")
    values = (value for name in names for value in fields.all(name))
    return tuple(dict.fromkeys(canonical(one.address) for one in mailboxes(*values)))


def is_ours(account: MailAccount, address: str) -> bool:
    """Whether a canonical address is one of ours, with or without a plus tag."""
    return base_of(account, address) in account.addresses or tag_of(account, address) is not None


def base_of(account: MailAccount, address: str) -> str:
    """The address without its plus tag, where the host has such tags."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" if account.plus else address


def tag_of(account: MailAccount, address: str) -> str | None:
    """What an address of ours carries: the plus tag, or the local part at the reply domain."""
    local, _, domain = address.rpartition("@")
    if account.reply_domain and domain == account.reply_domain.lower():
        return local
    tag = local.partition("+")[2]
    return tag if account.plus and tag and base_of(account, address) in account.addresses else None


def reference(account: MailAccount, addresses: Iterable[str]) -> str | None:
    """The reply token that came back in one of the addresses."""
    tags = (tag_of(account, address) for address in addresses)
    return next((tag for tag in tags if tag and tag != UNSUBSCRIBE and _TOKEN.fullmatch(tag)), None)
