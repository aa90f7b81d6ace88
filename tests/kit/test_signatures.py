"""Published vectors, and that nothing but the exact signature passes or raises."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from omnichannel.kit.signatures import (
    Algorithm,
    Encoding,
    hmac_matches,
    hmac_sign,
    is_fresh,
    oauth1_authorization,
    oauth1_signature,
    same,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRETS = (SecretStr("first"), SecretStr("second"))
BODY = b'{"entry":[{"id":"1"}]}'

# https://www.rfc-editor.org/rfc/rfc4231#section-4 (test case 5 is truncated output) and RFC 2202 for SHA-1.
RFC_4231 = [
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
]


@pytest.mark.parametrize(("key", "message", "digest"), RFC_4231)
def test_hmac_sha256_agrees_with_rfc_4231(key: bytes, message: bytes, digest: str) -> None:
    assert hmac_sign(key, message) == digest
    assert hmac_sign(key, message, encoding="base64") == b64encode(bytes.fromhex(digest)).decode()


def test_hmac_sha1_agrees_with_rfc_2202() -> None:
    signed = hmac_sign("Jefe", b"what do ya want for nothing?", algorithm="sha1")
    assert signed == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_any_of_the_secrets_verifies(algorithm: Algorithm, encoding: Encoding, prefix: str) -> None:
    for secret in ("first", "second"):
        given = prefix + hmac_sign(secret, BODY, algorithm=algorithm, encoding=encoding)
        assert hmac_matches(SECRETS, BODY, given, algorithm=algorithm, encoding=encoding, prefix=prefix)
    forged = prefix + hmac_sign("third", BODY, algorithm=algorithm, encoding=encoding)
    assert not hmac_matches(SECRETS, BODY, forged, algorithm=algorithm, encoding=encoding, prefix=prefix)


def test_no_secret_and_an_empty_one_match_nothing() -> None:
    assert not hmac_matches((), BODY, "")
    assert not hmac_matches((SecretStr(""),), BODY, hmac_sign("", BODY))


def test_every_flipped_bit_of_the_body_is_refused() -> None:
    given = hmac_sign("first", BODY)
    assert hmac_matches(SECRETS, BODY, given)
    for place in range(len(BODY)):
        for bit in range(8):
            changed = bytearray(BODY)
            changed[place] ^= 1 << bit
            assert not hmac_matches(SECRETS, bytes(changed), given)


def test_every_flipped_bit_of_the_header_is_refused() -> None:
    header = "sha256=" + hmac_sign("first", BODY)
    assert hmac_matches(SECRETS, BODY, header, prefix="sha256=")
    for place, character in enumerate(header):
        for bit in range(8):
            changed = header[:place] + chr(ord(character) ^ 1 << bit) + header[place + 1 :]
            assert not hmac_matches(SECRETS, BODY, changed, prefix="sha256=")
    for cut in range(len(header)):
        assert not hmac_matches(SECRETS, BODY, header[:cut], prefix="sha256=")


ANY_TEXT = st.text(st.characters(), max_size=80) | st.text(st.sampled_from("\ud800é\x00\r\n=%\u017f0af"), max_size=80)


@given(ANY_TEXT, st.binary(max_size=40), st.sampled_from(["hex", "base64"]))
def test_garbage_is_refused_and_never_raises(header: str, body: bytes, encoding: Encoding) -> None:
    assert not hmac_matches(SECRETS, body, header, encoding=encoding)
    assert not hmac_matches(SECRETS, body, "sha256=" + header, encoding=encoding, prefix="sha256=")


@given(ANY_TEXT, ANY_TEXT)
def test_same_is_equality_for_any_text(a: str, b: str) -> None:
    assert same(a, a)
    assert same(a, b) is (a == b)
    assert same(a, a.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("seconds", "fresh"), [(0, True), (300, True), (-300, True), (300.001, False), (-300.001, False)]
)
def test_a_stamp_is_fresh_up_to_the_tolerance(seconds: float, fresh: bool) -> None:
    assert is_fresh(NOW + timedelta(seconds=seconds), NOW) is fresh


def test_the_tolerance_is_the_callers() -> None:
    assert is_fresh(NOW - timedelta(hours=1), NOW, timedelta(hours=1))


def test_oauth1_agrees_with_rfc_5849_section_1_2() -> None:
    header = oauth1_authorization(
        method="get",
        url="HTTP://photos.example.net:80/photos",
        query=(("file", "vacation.jpg"), ("size", "original")),
        consumer_key="dpf43f3p2l4k3l03",
        consumer_secret="kd94hf93k423kf44",
        token="nnch734d00sl2jdk",
        token_secret="pfkkdhi9sl3r4s00",
        nonce="chapoH",
        timestamp=137131202,
        version=None,
    )
    assert header == (
        'OAuth oauth_consumer_key="dpf43f3p2l4k3l03", oauth_nonce="chapoH", '
        'oauth_signature="MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D", oauth_signature_method="HMAC-SHA1", '
        'oauth_timestamp="137131202", oauth_token="nnch734d00sl2jdk"'
    )


def test_oauth1_agrees_with_the_token_request_of_rfc_5849_section_1_2() -> None:
    signature = oauth1_signature(
        method="POST",
        url="https://photos.example.net/token",
        parameters=(
            ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
            ("oauth_token", "hh5s93j4hdidpola"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "walatlh"),
            ("oauth_verifier", "hfdp7dh39dks9884"),
        ),
        consumer_secret="kd94hf93k423kf44",
        token_secret="hdhd0244k9j7ao03",
    )
    assert signature == "gKgrFCywp7rO0OXSjdot/IHF7IU="


def test_oauth1_agrees_with_the_example_of_x() -> None:
    """https://docs.x.com/fundamentals/authentication/oauth-1-0a/creating-a-signature"""
    header = oauth1_authorization(
        method="POST",
        url="https://api.twitter.com/1.1/statuses/update.json?include_entities=true",
        form=(("status", "Hello Ladies + Gentlemen, a signed OAuth request!"),),
        consumer_key="xvz1evFS4wEEPTGEFPHBog",
        consumer_secret="kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
        token="370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
        token_secret="LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
        nonce="kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg",
        timestamp=1318622958,
    )
    assert 'oauth_signature="hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D"' in header
    assert 'oauth_version="1.0"' in header


def test_a_port_of_its_own_is_signed() -> None:
    def signed(url: str) -> str:
        return oauth1_signature(method="GET", url=url, parameters=(), consumer_secret="s")

    assert signed("https://example.com:443/") == signed("https://EXAMPLE.com")
    assert signed("https://example.com:8443/") != signed("https://example.com/")
