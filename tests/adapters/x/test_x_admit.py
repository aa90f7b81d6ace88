"""The challenge and the signature: what X sends is taken, and nothing else is."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from omnichannel.adapters.x import XAccount, XChannel
from omnichannel.channel import Accept, Admission, Answer, Envelope, Keys, Refuse

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
SECRET = "Kd75W4OQfb2oJTV0vzGzeXftVAwgMnEK9MumzYcM"
BODY = b'{"data":{"event_uuid":"1"}}'
# Made with: printf %s TEXT | openssl dgst -sha256 -hmac SECRET -binary | base64
CHALLENGE, RESPONSE = (
    "MWQyMjQyMjMtNWE1Yi00Yzc2LTk2ZGEtNjg3M2Y1ZGQxMzFm",
    "sha256=hq5up1ZHPxpAsleYDTRrbSSG/AYJHUFHSzpBQxl/01U=",
)
SIGNATURE = "sha256=voHezgYjqBnVSJVQvezoU8KHkjmFdf2APtgaOn6jUn0="
LEGACY, MODERN = "x-twitter-webhooks-signature", "x-twitter-webhooks-signature-oauth2"


def channel(*secrets: str, client: tuple[str, ...] = (), **more: object) -> XChannel:
    settings = {"id": "x-main", "consumer_secret": secrets, "client_secret": client, **more}
    return XChannel(XAccount.model_validate(settings))


def admit(found: XChannel, body: bytes, headers: Mapping[str, str]) -> Admission:
    return found.admit(Envelope(content=body, headers=headers, received_at=NOW), NOW, Keys())


def challenge(found: XChannel, token: str | None) -> Admission:
    query = {} if token is None else {"crc_token": token}
    return found.admit(Envelope(method="GET", query=query, received_at=NOW), NOW, Keys())


def token_of(admission: Admission) -> str:
    assert isinstance(admission, Answer)
    assert (admission.reply.status, admission.reply.media_type) == (200, "application/json")
    return str(json.loads(admission.reply.content)["response_token"])


def test_the_challenge_has_a_known_answer() -> None:
    assert token_of(challenge(channel(SECRET), CHALLENGE)) == RESPONSE


def test_the_first_of_several_secrets_answers() -> None:
    assert token_of(challenge(channel(SECRET, "old"), CHALLENGE)) == RESPONSE
    assert token_of(challenge(channel("new", SECRET), CHALLENGE)) != RESPONSE


@pytest.mark.parametrize(
    ("consumer", "client", "crc_with", "answers"),
    [
        ((SECRET,), (), None, True),
        (("other",), (SECRET,), None, True),
        ((SECRET,), ("other",), "consumer_secret", True),
        (("other",), (SECRET,), "client_secret", True),
        ((SECRET,), ("other",), None, False),
        ((SECRET,), (), "client_secret", None),
        ((), (), None, None),
    ],
)
def test_which_secret_answers(
    consumer: tuple[str, ...], client: tuple[str, ...], crc_with: str | None, answers: bool | None
) -> None:
    """https://docs.x.com/x-api/webhooks/introduction: the client secret where the app has one."""
    admission = challenge(channel(*consumer, client=client, crc_with=crc_with), CHALLENGE)
    if answers is None:
        assert admission == Refuse("no secret to answer the challenge with", status=503)
    else:
        assert (token_of(admission) == RESPONSE) is answers


@pytest.mark.parametrize(
    "token", [None, "", BODY.decode(), '{"x":1}', " spaced ", '"quoted"', "é", "a\n", "x" * 513, "[1]", "a&b"]
)
def test_the_challenge_signs_no_body_of_an_event(token: str | None) -> None:
    """It would be an oracle: whoever has a body signed as a challenge could post it as an event."""
    refusal = challenge(channel(SECRET), token)
    assert isinstance(refusal, Refuse)
    assert refusal.status == 400


def test_what_a_challenge_could_sign_is_no_event() -> None:
    signed = {LEGACY: RESPONSE}
    assert admit(channel(SECRET), CHALLENGE.encode(), signed) == Refuse("not a JSON object", status=400)


def test_a_signed_body_is_taken() -> None:
    assert admit(channel(SECRET), BODY, {LEGACY: SIGNATURE}) == Accept()


def test_every_flipped_bit_is_refused() -> None:
    found = channel(SECRET)
    for index in range(len(BODY)):
        for bit in range(8):
            forged = bytearray(BODY)
            forged[index] ^= 1 << bit
            assert isinstance(admit(found, bytes(forged), {LEGACY: SIGNATURE}), Refuse)


def test_every_changed_character_of_the_signature_is_refused() -> None:
    found = channel(SECRET)
    for index in range(len(SIGNATURE)):
        forged = SIGNATURE[:index] + chr(ord(SIGNATURE[index]) ^ 1) + SIGNATURE[index + 1 :]
        assert isinstance(admit(found, BODY, {LEGACY: forged}), Refuse)


@pytest.mark.parametrize(
    "given",
    ["", "sha256=", SIGNATURE.removeprefix("sha256="), SIGNATURE.upper(), f" {SIGNATURE}", f"{SIGNATURE}=", "\ud800é"],
)
def test_other_forms_of_the_signature_are_refused(given: str) -> None:
    assert admit(channel(SECRET), BODY, {LEGACY: given}) == Refuse("signature does not match")


def test_no_signature_and_no_secret() -> None:
    assert admit(channel(SECRET), BODY, {}) == Refuse("no signature")
    assert admit(channel(), BODY, {LEGACY: SIGNATURE}) == Refuse("signature does not match")
    assert admit(channel(""), BODY, {LEGACY: SIGNATURE}) == Refuse("signature does not match")


def test_unsigned_only_where_that_was_asked_for() -> None:
    relaxed = channel(SECRET, allow_unsigned=True)
    assert admit(relaxed, BODY, {}) == Accept()
    assert admit(relaxed, BODY, {LEGACY: "sha256=AAAA"}) == Refuse("signature does not match")


@pytest.mark.parametrize(
    ("consumer", "client", "headers", "taken"),
    [
        ((), (SECRET,), {MODERN: SIGNATURE}, True),
        (("other",), (SECRET,), {MODERN: SIGNATURE, LEGACY: "sha256=AAAA"}, True),
        ((SECRET,), ("other",), {MODERN: "sha256=AAAA", LEGACY: SIGNATURE}, True),
        ((SECRET,), (), {MODERN: SIGNATURE}, True),
        (("other",), (SECRET,), {LEGACY: SIGNATURE}, False),
        ((SECRET,), ("other",), {MODERN: SIGNATURE}, False),
    ],
)
def test_both_headers(
    consumer: tuple[str, ...], client: tuple[str, ...], headers: Mapping[str, str], taken: bool
) -> None:
    """https://docs.x.com/x-api/webhooks/introduction: one header a secret; either proves the sender."""
    assert isinstance(admit(channel(*consumer, client=client), BODY, headers), Accept) is taken


def test_the_secrets_of_all_accounts_of_an_endpoint_count() -> None:
    first = XAccount(id="x-one", consumer_secret=(SecretStr("other"),))
    second = XAccount(id="x-two", consumer_secret=(SecretStr(SECRET),))
    assert isinstance(admit(XChannel(first, (first, second)), BODY, {LEGACY: SIGNATURE}), Accept)


class Blob:
    size = len(BODY)

    def read(self, offset: int, size: int) -> bytes:
        return BODY[offset : offset + size]


def test_a_large_body_is_read_from_its_blob() -> None:
    envelope = Envelope(blob=Blob(), headers={LEGACY: SIGNATURE}, received_at=NOW)
    assert channel(SECRET).admit(envelope, NOW, Keys()) == Accept()
    assert channel(SECRET).parse(envelope) == channel(SECRET).parse(replace(envelope, blob=None, content=BODY))
