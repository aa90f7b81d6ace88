"""Whether a webhook is Twilio's: https://www.twilio.com/docs/usage/webhooks/webhooks-security"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import pairwise
from urllib.parse import urlsplit

from pydantic import SecretStr

from omnichannel.adapters.twilio_sms.wire import ALWAYS, FORM_FIELDS, FREE_TEXT, MEDIA, SINGLE
from omnichannel.channel import Envelope
from omnichannel.kit.forms import FormPairs, form_pairs
from omnichannel.kit.inbound import body_of
from omnichannel.kit.signatures import hmac_matches, same

HEADER = "x-twilio-signature"
BODY_HASH = "bodySHA256"
_LONGEST = 64
_PORTS = {"http": "80", "https": "443"}


def is_twilios(envelope: Envelope, secrets: Iterable[SecretStr]) -> bool:
    """Whether any of the secrets signed this call of this URL. Never raises.

    The URL is that of the envelope, which comes from our own configuration: no `Host`, no forwarded header is looked
    at. A form is signed with all its fields; a body of another kind by its hash in the query; a GET by its URL alone.
    """
    given = envelope.headers.get(HEADER, "")
    if not given or len(given) > _LONGEST:
        return False
    fields = _signed_fields(envelope)
    keys = tuple(secrets)
    return fields is not None and any(
        hmac_matches(keys, url.encode("utf-8", "surrogatepass") + fields, given, algorithm="sha1", encoding="base64")
        for url in _spellings(envelope.url)
    )


def _signed_fields(envelope: Envelope) -> bytes | None:
    """What is signed after the URL; None for a body that nothing could have signed."""
    if envelope.method == "GET":
        return b""
    body = body_of(envelope)
    digest = envelope.query.get(BODY_HASH)
    if digest is not None:
        return b"" if same(sha256(body).hexdigest(), digest.lower()) else None
    pairs = form_pairs(body)
    if pairs is None:
        return None
    pairs = sorted(set(pairs))
    signed = b"".join([part for pair in pairs for part in pair])
    return None if _hides_a_field(pairs, signed) else signed


def _hides_a_field(pairs: FormPairs, signed: bytes) -> bool:
    """Whether a field that Twilio documents stands here twice, or is missing though its name stands in what is signed.

    What is signed has no border between a name and its value, nor between one field and the next, so whoever has seen
    a form can move a border (`AccountSi=dAC01...`) under the same signature. That is refused; a text cut at a capital
    letter (`Where is My=Bag`) cannot be told from a new field, of which Twilio adds some without notice.
    """
    names = {name for name, _ in pairs}
    if len(names) != len(pairs) and any(
        one == other and one in FORM_FIELDS for (one, _), (other, _) in pairwise(pairs)
    ):
        return True
    # Most forms have no files, so the twenty names of files are looked for only where one may stand.
    known = FORM_FIELDS if MEDIA[0] in signed or MEDIA[1] in signed else SINGLE
    hidden = [name for name in known - names if name in signed]
    return any(name in _besides(pairs, len(signed) if name in ALWAYS else len(name) - 1) for name in hidden)


def _besides(pairs: FormPairs, tail: int) -> bytes:
    """What is signed, without the known names, some of which contain another one, and with the ends of free texts."""
    return b"".join(
        part
        for name, value in pairs
        for part in (b"\0" if name in FORM_FIELDS else name, b"\0" + value[-tail:] if name in FREE_TEXT else value)
    )


def _spellings(url: str) -> Iterator[str]:
    """The URL as it is, and with the default port written out or left out: Twilio does both.

    https://www.twilio.com/docs/usage/webhooks/webhooks-security#a-few-notes
    """
    yield url
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return
    default = _PORTS.get(parts.scheme)
    if default is None or not host:
        return
    if port is None:
        yield url.replace(parts.netloc, f"{parts.netloc.removesuffix(':')}:{default}", 1)
    elif str(port) == default:
        yield url.replace(parts.netloc, parts.netloc.rpartition(":")[0], 1)
