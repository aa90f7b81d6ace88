"""Cuts of https://www.unicode.org/reports/tr29/ by example, and that nothing is lost."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.kit.graphemes import graphemes

ODD = (
    "ab \n\r\u0301\u200d\ufe0f\u20e31#👩👧❤😀🏽🇫🇷\u1100\u1161\u11a8가각क्षत्\u093c\u0600\u00ad©\u0e33\U000e0067中ж\ud800"
)

ONE_CLUSTER = {
    "accent": "e\u0301",
    "several marks": "a\u0323\u0302\u0301",
    "mark on a space": " \u0301",
    "line end": "\r\n",
    "family": "👩\u200d👩\u200d👧\u200d👦",
    "skin tone": "👋🏽",
    "skin tone and joiner": "👩🏽\u200d🚀",
    "rainbow flag": "🏳\ufe0f\u200d🌈",
    "keycap": "1\ufe0f\u20e3",
    "flag": "🇫🇷",
    "tag flag": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "hangul jamo": "\u1112\u1161\u11ab",
    "hangul syllable and final": "가\u11a8",
    "hangul initials": "\u1100\u1100",
    "hangul finals": "\u11a8\u11a8",
    "spacing mark": "\u0915\u093f",
    "conjunct": "\u0915\u094d\u0937",
    "conjunct with joiner": "\u0915\u094d\u200d\u0937",
    "prepended sign": "\u06001",
    "thai vowel": "\u0e01\u0e33",
    "brahmi mark": "\U00011013\U00011038",
    "trademark emoji": "©\ufe0f",
}


@pytest.mark.parametrize("text", ONE_CLUSTER.values(), ids=ONE_CLUSTER)
def test_what_belongs_together_is_one(text: str) -> None:
    assert graphemes(text) == [text]
    assert graphemes(f"x{text}y")[0] == "x"
    assert graphemes(f"é{text}") == ["é", text]


@pytest.mark.parametrize(
    ("text", "clusters"),
    [
        ("", []),
        ("abc", ["a", "b", "c"]),
        ("a\r\nb", ["a", "\r\n", "b"]),
        ("\n\r", ["\n", "\r"]),
        ("🇫🇷🇩🇪", ["🇫🇷", "🇩🇪"]),
        ("🇫🇷🇩", ["🇫🇷", "🇩"]),
        ("각\u1161", ["각", "\u1161"]),
        ("가각", ["가", "각"]),
        ("\n\u0301", ["\n", "\u0301"]),
        ("a\u200d👩", ["a\u200d", "👩"]),
        ("中文。", ["中", "文", "。"]),
        ("\u0600\n", ["\u0600", "\n"]),
        ("é\u200b\u0301", ["é", "\u200b", "\u0301"]),
    ],
)
def test_where_it_is_cut(text: str, clusters: list[str]) -> None:
    assert graphemes(text) == clusters


@given(st.text(st.sampled_from(ODD), max_size=40) | st.text(max_size=40))
def test_joined_they_are_the_text_and_cutting_again_changes_nothing(text: str) -> None:
    clusters = graphemes(text)
    assert "".join(clusters) == text
    assert all(clusters)
    assert [again for cluster in clusters for again in graphemes(cluster)] == clusters


@given(st.text(st.sampled_from(ODD), min_size=1, max_size=40))
def test_no_cluster_begins_with_a_mark_of_the_one_before(text: str) -> None:
    clusters = graphemes(text)
    for before, after in pairwise(clusters):
        assert after[0] not in "\u0301\u200d\ufe0f\u20e3\u093c🏽\u0e33\U000e0067" or before[-1] in "\r\n\u00ad\ud800"
