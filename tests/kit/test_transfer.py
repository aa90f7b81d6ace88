"""Transfer encodings, decoded in any slices."""

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.kit.transfer import TransferEncoding, decode, decode_all, decoder, transfer_encoding


def slices(data: bytes, sizes: list[int]) -> list[bytes]:
    out, at = list[bytes](), 0
    for size in sizes:
        out.append(data[at : at + size])
        at += size
    return [*out, data[at:]]


def uuencoded(data: bytes) -> bytes:
    lines = (binascii.b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45))
    return b"begin 644 name\n" + b"".join(lines) + b"`\nend\n"


@given(st.binary(max_size=500), st.lists(st.integers(0, 40), max_size=30))
def test_every_encoding_in_any_slices(data: bytes, sizes: list[int]) -> None:
    forms: dict[TransferEncoding, bytes] = {
        "identity": data,
        "base64": base64.encodebytes(data).replace(b"\n", b"\r\n"),
        "quoted-printable": quopri.encodestring(data.replace(b"\n", b"=0A"), quotetabs=True),
        "uuencode": uuencoded(data),
    }
    for encoding, coded in forms.items():
        expected = data if encoding != "quoted-printable" else quopri.decodestring(coded)
        assert b"".join(decode(slices(coded, sizes), encoding)) == expected, encoding


@given(st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "uuencode"]))
def test_garbage_never_raises(data: bytes, encoding: TransferEncoding) -> None:
    decode_all(data, encoding)
    decode_all(b"begin 644 x\n" + data, encoding)


@pytest.mark.parametrize(
    ("coded", "encoding", "expected"),
    [
        (b"T8O5\n!!IGVzdA==\n-- \nA list footer", "base64", b"O\xc3\xb9 est"),
        (b"QUI", "base64", b"AB"),
        (b"Q", "base64", b""),
        (b"a=\r\nb=3", "quoted-printable", b"ab=3"),
        (b"x" * 9_000 + b"=3", "quoted-printable", b"x" * 9_000 + b"=3"),
        (b"no beginning\n" + binascii.b2a_uu(b"x"), "uuencode", b""),
        (b"begin 644 x\n" + binascii.b2a_uu(b"abc")[:-1] + b"garbage\nend\n", "uuencode", b"abc"),
        (b"begin 644 x\nM\xff\xff\nend", "uuencode", b""),
        (b"begin 644 x\n\nend\nafter\n", "uuencode", b""),
    ],
)
def test_what_mailers_do(coded: bytes, encoding: TransferEncoding, expected: bytes) -> None:
    assert decode_all(coded, encoding) == expected


def test_an_endless_line_is_not_collected() -> None:
    one = decoder("quoted-printable")
    out = b"".join(one.feed(b"=41" * 3_000) for _ in range(10)) + one.finish()
    assert out == b"A" * 30_000
    plain = decoder("quoted-printable")
    assert plain.feed(b"y" * 10_000) == b"y" * 10_000
    lines = decoder("uuencode")
    assert lines.feed(b"z" * 10_000) == b""


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("BASE64", "base64"),
        (" quoted-printable ; x", "quoted-printable"),
        ("x-uue", "uuencode"),
        ("8bit", "identity"),
        ("", "identity"),
    ],
)
def test_names(raw: str, name: TransferEncoding) -> None:
    assert transfer_encoding(raw) == name
