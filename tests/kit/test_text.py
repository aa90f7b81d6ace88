"""Split and shorten: within the limit, no grapheme cut, no word lost."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.channel.capabilities import TextUnit
from omnichannel.kit.text import SMALLEST_LIMIT, graphemes, measure, shorten, split

UNITS: tuple[TextUnit, ...] = get_args(TextUnit)
WORDS = st.sampled_from(
    [
        "bag",
        "lost",
        "Où",
        "été",
        "e\u0301a",
        "中文",
        "👩\u200d👧",
        "👋🏽",
        "🇫🇷",
        "क्षि",
        "€5",
        "[x]",
        "a.co",
        "ok.",
        "Hm…",
        "去吧。",
        "각",
    ]
)
SPACES = st.sampled_from([" ", " ", " ", "\n", "\n\n", "\r\n", "  ", "\u00a0", "\t"])
TEXTS = st.lists(st.tuples(WORDS, SPACES), max_size=60).map(lambda pairs: "".join(a + b for a, b in pairs))
ANY = st.text(st.sampled_from("ab. \n\r\u0301\u200d\ufe0f👩😀🏽🇫🇷\u1100\u1161क्ष€[中。ж\ud800"), max_size=120)


@pytest.mark.parametrize(
    ("text", "unit", "length"),
    [
        ("e\u0301👋🏽", "chars", 4),
        ("e\u0301👋🏽", "utf16", 6),
        ("e\u0301👋🏽", "bytes", 11),
        ("abc", "bytes", 3),
        ("\ud800", "bytes", 3),
        ("\ud800", "utf16", 1),
        ("a[€", "septets", 5),
        ("e\u0301👋🏽", "weighted", 3),
    ],
)
def test_measure(text: str, unit: TextUnit, length: int) -> None:
    assert measure(text, unit) == length


@given(ANY, st.integers(SMALLEST_LIMIT, 60), st.sampled_from(UNITS))
def test_parts_are_within_the_limit_and_hold_everything(text: str, limit: int, unit: TextUnit) -> None:
    parts = split(text, limit, unit)
    assert parts
    assert all(measure(part, unit) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
    if measure(text, unit) <= limit:
        assert parts == (text,)


@given(TEXTS, st.integers(30, 80), st.sampled_from(UNITS))
def test_words_that_fit_are_never_cut(text: str, limit: int, unit: TextUnit) -> None:
    assert " ".join(split(text, limit, unit)).split() == text.split()


@given(ANY, st.integers(60, 90), st.sampled_from(UNITS))
def test_no_grapheme_that_fits_is_cut(text: str, limit: int, unit: TextUnit) -> None:
    clusters = [one for one in graphemes(text) if not one.isspace()]
    if all(measure(one, unit) <= limit for one in clusters):
        parts = split(text, limit, unit)
        assert [one for part in parts for one in graphemes(part) if not one.isspace()] == clusters


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("", 10, ("",)),
        ("          ", 5, ("",)),
        ("one two", 7, ("one two",)),
        ("one two", 6, ("one", "two")),
        ("  one two", 8, ("one two",)),
        ("one two three", 7, ("one two", "three")),
        ("a paragraph\n\nand a line", 16, ("a paragraph", "and a line")),
        ("a first line\nand a next", 16, ("a first line", "and a next")),
        ("Say it. Then go on", 13, ("Say it.", "Then go on")),
        ('He said "Go." Then left', 18, ('He said "Go."', "Then left")),
        ("x. a b c d e f g h", 10, ("x. a b c d", "e f g h")),
        ("abcdefghij", 4, ("abcd", "efgh", "ij")),
        ("a bcdefghij", 6, ("a", "bcdefg", "hij")),
        ("行李在哪里。请告诉我吧", 8, ("行李在哪里。", "请告诉我吧")),
        ("行李在哪里请告诉我吧", 8, ("行李在哪里请告诉", "我吧")),
    ],
)
def test_where_text_is_cut(text: str, limit: int, parts: tuple[str, ...]) -> None:
    assert split(text, limit, "chars") == parts


def test_a_grapheme_is_cut_only_if_it_alone_is_too_long() -> None:
    zalgo = "e" + "\u0301" * 9
    assert split(f"a {zalgo}", 10, "chars") == ("a", zalgo)
    assert split(zalgo, 6, "chars") == ("e" + "\u0301" * 5, "\u0301" * 4)


def test_a_space_that_carries_a_mark_is_not_dropped() -> None:
    assert split("abcd \u0301efgh", 6, "chars") == ("abcd", " \u0301efgh")
    assert split("abcdef \u0301gh", 6, "chars") == ("abcdef", " \u0301gh")


def test_a_link_is_one_piece_where_it_weighs_what_it_says() -> None:
    link = "https://example.com/" + "a/" * 40
    assert split(f"word {link} word", 28, "weighted") == (f"word {link}", "word")
    assert split(f"{'x' * 10} {link}", 25, "weighted") == ("x" * 10, link)


def test_a_cut_that_makes_a_link_of_half_a_word_is_made_shorter() -> None:
    parts = split("x" * 11 + "@aaa.co", 12, "weighted")
    assert all(measure(part, "weighted") <= 12 for part in parts)
    assert "".join(parts) == "x" * 11 + "@aaa.co"


def test_gsm_and_other_parts_are_each_measured_by_their_own_alphabet() -> None:
    text = "a" * 150 + " " + "ж" * 100
    assert split(text, 160, "septets") == ("a" * 150, "ж" * 100)


@pytest.mark.parametrize("unit", UNITS)
def test_too_small_a_limit_is_the_callers_mistake(unit: TextUnit) -> None:
    with pytest.raises(ValueError, match="at least 4"):
        split("text", SMALLEST_LIMIT - 1, unit)


@given(ANY, st.integers(-1, 60), st.sampled_from(UNITS))
def test_shortened_text_is_within_the_limit_and_a_beginning(text: str, limit: int, unit: TextUnit) -> None:
    short = shorten(text, limit, unit)
    assert measure(short, unit) <= max(limit, 0)
    if short != text:
        assert text.startswith(short.removesuffix("…").removesuffix("...").rstrip()) or short == ""


@pytest.mark.parametrize(
    ("text", "limit", "unit", "short"),
    [
        ("one two three", 13, "chars", "one two three"),
        ("one two three", 10, "chars", "one two…"),
        ("one two three", 8, "chars", "one two…"),
        ("one twoandmoreandmore", 12, "chars", "one twoandm…"),
        ("onetwothree", 6, "chars", "onetw…"),
        ("onetwothree", 4, "chars", "onet"),
        ("onetwothree", 3, "chars", "one"),
        ("onetwothree", 0, "chars", ""),
        ("e\u0301e", 1, "chars", ""),
        ("one two three", 11, "septets", "one two..."),
        ("один два три", 10, "septets", "один..."),
        ("👩\u200d👧👩\u200d👧👩\u200d👧", 8, "chars", "👩\u200d👧👩\u200d👧…"),
    ],
)
def test_where_text_is_shortened(text: str, limit: int, unit: TextUnit, short: str) -> None:
    assert shorten(text, limit, unit) == short
