"""Length as X counts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.kit.text import measure
from omnichannel.kit.weighted import url_spans, weighted


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("a" * 280, 280),
        ("é", 1),
        ("e\u0301", 1),
        ("\u10ff", 1),
        ("\u1100", 2),
        ("\u2014", 1),
        ("\u2026", 2),
        ("你" * 140, 280),
        ("😷😷", 4),
        ("👨\u200d👩\u200d👧\u200d👦", 2),
        ("👩🏽\u200d🚀!", 3),
        ("🇫🇷", 2),
        ("1\ufe0f\u20e3", 2),
        ("©", 1),
        ("©\ufe0f", 2),
        ("https://example.com/" + "a" * 90, 23),
        ("http://t.co", 23),
        ("see https://example.com/a.", 4 + 23 + 1),
        ("(https://example.com/a_(b))", 1 + 23 + 1),
        ("https://example.com/a)))", 23 + 3),
        ("https://example.com:8080/a?b=c&d=e#f", 23),
        ("https://example.com?q=1!", 23 + 1),
        ("example.com", 23),
        ("klm.example.com/" + "x" * 40, 23),
        ("见example.com", 2 + 23),
        ("https://localhost/a", 19),
        ("user@example.com", 16),
        ("#example.com", 12),
        ("3.50 or 10.000", 14),
        ("version 1.2.beta", 8 + 23),
        ("foo.com.123", 23 + 4),
        ("file.unheardof", 23),
        ("file.unheardof/" + "x" * 40, 55),
        ("a.co b.co", 23 + 1 + 23),
        ("https://xn--exmple-cua.xn--p1ai", 23),
        ("https://bücher.de/ä", 23),
        ("😀 https://example.com 😀", 2 + 1 + 23 + 1 + 2),
    ],
)
def test_weighted_length(text: str, length: int) -> None:
    assert weighted(text) == length
    assert measure(text, "weighted") == length


def test_links_are_found_where_they_stand() -> None:
    text = "a https://example.com/x, b.de."
    assert [text[start:end] for start, end in url_spans(text)] == ["https://example.com/x", "b.de"]


@given(st.text(st.sampled_from("ab.:/ ?()@#-_1é中😀\u0301"), max_size=60))
def test_spans_are_ordered_and_within_the_text(text: str) -> None:
    place = 0
    for start, end in url_spans(text):
        assert place <= start < end <= len(text)
        place = end
