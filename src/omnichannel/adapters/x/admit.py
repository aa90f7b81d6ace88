"""Whether a webhook is X's: the challenge (CRC), and the signature over the raw body."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from omnichannel.adapters.x.account import XAccount
from omnichannel.channel import Accept, Admission, Answer, Envelope, HttpReply, Refuse
from omnichannel.kit.inbound import body_of
from omnichannel.kit.signatures import hmac_matches, hmac_sign

SIGNATURE = "x-twitter-webhooks-signature"
SIGNATURE_OAUTH2 = "x-twitter-webhooks-signature-oauth2"
_CHALLENGE = re.compile(r"[A-Za-z0-9+/=_.~-]{1,512}")


def admit(account: XAccount, accounts: Sequence[XAccount], envelope: Envelope) -> Admission:
    """https://docs.x.com/x-api/webhooks/introduction. Never raises."""
    if envelope.method == "GET":
        return _challenge(account, envelope)
    content = body_of(envelope)
    given, given_oauth2 = (envelope.headers.get(name) for name in (SIGNATURE, SIGNATURE_OAUTH2))
    if given is None and given_oauth2 is None:
        return _accepted(content) if account.allow_unsigned else Refuse("no signature")
    consumer = [one for each in accounts for one in each.consumer_secret]
    client = [one for each in accounts for one in each.client_secret]
    for secrets, value in ((client or consumer, given_oauth2), (consumer, given)):
        if value is not None and hmac_matches(secrets, content, value, encoding="base64", prefix="sha256="):
            return _accepted(content)
    return Refuse("signature does not match")


def _accepted(content: bytes) -> Admission:
    """X sends objects only; see `_challenge` for why nothing else is taken even with a good signature."""
    return Accept() if content.lstrip()[:1] == b"{" else Refuse("not a JSON object", status=400)


def _challenge(account: XAccount, envelope: Envelope) -> Admission:
    """Answering signs what a stranger may have chosen, with the secret that signs events. So only tokens are answered
    that cannot be the body of an event: no brace, no quote, no space."""
    token = envelope.query.get("crc_token", "")
    if not _CHALLENGE.fullmatch(token):
        return Refuse("no crc_token, or not one of X", status=400)
    secret = _crc_secret(account)
    if secret is None:
        return Refuse("no secret to answer the challenge with", status=503)
    answer = {"response_token": "sha256=" + hmac_sign(secret, token.encode("ascii"), encoding="base64")}
    return Answer(HttpReply(200, json.dumps(answer).encode("ascii"), "application/json"))


def _crc_secret(account: XAccount) -> str | None:
    """The app's client secret where it has one, says X; older apps have the consumer secret alone."""
    named = {"client_secret": account.client_secret, "consumer_secret": account.consumer_secret}
    secrets = named[account.crc_with] if account.crc_with else account.client_secret or account.consumer_secret
    return secrets[0].get_secret_value() if secrets else None
