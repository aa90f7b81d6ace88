"""Segments of SMS, at their edges."""

import pytest

from omnichannel.kit.sms import SmsSegments, is_gsm, is_toll_free, sender_kind, sms_link
from omnichannel.kit.text import measure, sms_segments


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "gsm7", 0, 1),
        ("a" * 160, "gsm7", 160, 1),
        ("a" * 161, "gsm7", 161, 2),
        ("a" * 306, "gsm7", 306, 2),
        ("a" * 307, "gsm7", 307, 3),
        ("€" * 80, "gsm7", 160, 1),
        ("€" * 81, "gsm7", 162, 2),
        ("€" * 76 * 2, "gsm7", 304, 2),
        ("€" * (76 * 2 + 1), "gsm7", 306, 3),
        ("a" * 152 + "€" + "a" * 8, "gsm7", 162, 2),
        ("ж" * 70, "ucs2", 70, 1),
        ("ж" * 71, "ucs2", 71, 2),
        ("ж" * 134, "ucs2", 134, 2),
        ("ж" * 135, "ucs2", 135, 3),
        ("😀" * 35, "ucs2", 70, 1),
        ("😀" * 36, "ucs2", 72, 2),
        ("😀" * 66, "ucs2", 132, 2),
        ("😀" * 67, "ucs2", 134, 3),
        ("ж" * 66 + "😀" + "ж" * 4, "ucs2", 72, 2),
        ("[]{}^~|\\€", "gsm7", 18, 1),
        ("[]{}^~|\\€ж", "ucs2", 10, 1),
        ("\u00c7 c", "gsm7", 3, 1),
        ("\u00e7", "ucs2", 1, 1),
        ("a`", "ucs2", 2, 1),
        ("a\tb", "ucs2", 3, 1),
        ("Ää Öö Üü ß @£$¥ ΔΦΓΛΩΠΨΣΘΞ", "gsm7", 26, 1),
    ],
)
def test_encoding_units_and_segments(text: str, encoding: str, units: int, segments: int) -> None:
    found = sms_segments(text)
    assert (found.encoding, found.units, found.segments) == (encoding, units, segments)
    assert measure(text, "septets") == units
    assert is_gsm(text) is (encoding == "gsm7")


def test_segments_are_values() -> None:
    assert sms_segments("hi") == SmsSegments("gsm7", 2, 1)


@pytest.mark.parametrize(
    ("sender", "kind"),
    [
        ("+14155550100", "number"),
        ("+447700900123", "number"),
        ("+0123456789", None),
        ("+12", None),
        ("12345", "short_code"),
        ("3630", "short_code"),
        ("KLM", "alphanumeric"),
        ("Air France", "alphanumeric"),
        ("A1", "alphanumeric"),
        ("ElevenChars", "alphanumeric"),
        ("TwelveChars!", None),
        ("TwelveCharss", None),
        ("0612345678", None),
        ("Zürich", None),
        ("", None),
    ],
)
def test_who_sends(sender: str, kind: str | None) -> None:
    assert sender_kind(sender) == kind


@pytest.mark.parametrize(
    ("number", "free"),
    [("+18005550100", True), ("+18885550100", True), ("+18015550100", False), ("+448005550100", False), ("800", False)],
)
def test_toll_free(number: str, free: bool) -> None:
    assert is_toll_free(number) == free


def test_a_link_for_android_and_for_iphone() -> None:
    assert sms_link("+14155550100", "Où & 1+1 #A2") == "sms:+14155550100?&body=O%C3%B9%20%26%201%2B1%20%23A2"
