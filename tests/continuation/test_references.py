"""References are made as a target can carry them, and found again in what people write."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from omnichannel.channel.capabilities import LinkCapacity
from omnichannel.continuation.references import digest, find_references, is_short, new_reference, normalise
from omnichannel.model.exceptions import ConfigurationError
from tests.continuation.given import draws

BITS = st.integers(0, 2**128 - 1)
SHORT = LinkCapacity(chars=11)
KNOWN = "#A7K2QX9P4M"


@pytest.mark.parametrize(
    ("capacity", "length", "prefix"),
    [
        (None, 27, "#"),
        (LinkCapacity(chars=500), 27, "#"),
        (LinkCapacity(chars=27), 27, "#"),
        (LinkCapacity(chars=26), 11, "#"),
        (LinkCapacity(chars=11), 11, "#"),
        (LinkCapacity(chars=64, alphabet="token"), 26, ""),
        (LinkCapacity(chars=25, alphabet="token"), 10, ""),
        (LinkCapacity(chars=26, alphabet="lower"), 26, ""),
        (LinkCapacity(chars=10, alphabet="lower"), 10, ""),
        (LinkCapacity(chars=16, alphabet="digits"), 16, ""),
        (LinkCapacity(chars=99, alphabet="digits"), 16, ""),
    ],
)
def test_a_reference_is_as_long_as_the_target_can_carry(
    capacity: LinkCapacity | None, length: int, prefix: str, seed: int
) -> None:
    random = draws(seed)
    for _ in range(200):
        reference = new_reference(random.getrandbits(128), capacity)
        assert len(reference) == length
        assert reference.startswith(prefix)
        assert is_short(reference) == (length < 26)
        canonical = normalise(reference)
        assert canonical is not None
        assert digest(reference) == digest(canonical)
        if capacity is not None and capacity.alphabet == "digits":
            assert reference.isdigit()
        if capacity is not None and capacity.alphabet == "lower":
            assert reference == reference.lower()


@pytest.mark.parametrize(
    "capacity",
    [
        LinkCapacity(chars=10),
        LinkCapacity(chars=9, alphabet="token"),
        LinkCapacity(chars=0, alphabet="lower"),
        LinkCapacity(chars=15, alphabet="digits"),
    ],
)
def test_too_little_room_is_refused(capacity: LinkCapacity) -> None:
    with pytest.raises(ConfigurationError, match="cannot carry a reference"):
        new_reference(1, capacity)


def test_references_hold_all_their_bits() -> None:
    assert new_reference(0) == "#" + "0" * 26
    assert new_reference(2**128 - 1) == "#7" + "Z" * 25
    assert len({new_reference(1 << bit) for bit in range(128)}) == 128


def test_short_references_differ_and_can_all_be_found(seed: int) -> None:
    random = draws(seed)
    made = {new_reference(random.getrandbits(128), SHORT) for _ in range(5000)}
    assert len(made) == 5000
    assert all(find_references(f"Hello {one}!") == (one[1:],) for one in made)


def misspell(text: str, random: Random) -> str:
    """What a keyboard, a font or a hurried customer makes of it."""
    like = {"0": "0oO", "1": "1iIlL"}
    return "".join(random.choice(like.get(letter, letter.upper() + letter.lower())) for letter in text)


@given(BITS, st.sampled_from(["{}", "Hi! ({}).", "«{}»", "ref:{}", "{}, thanks", "a\n{}\nb", "'{}'", "{}.Bye", "{}…"]))
def test_it_is_found_in_any_case_and_punctuation(bits: int, around: str) -> None:
    reference = new_reference(bits)
    assume(not reference[1:].isdigit())  # as good as impossible, and an order number
    random = draws(bits)
    found = find_references(around.format(misspell(reference, random)))
    assert found == (reference[1:],)
    assert digest(found[0]) == digest(reference) == digest(misspell(reference, random))


def test_full_width_hash_and_repeats() -> None:
    assert find_references("\uff03A7K2QX9P4M") == ("A7K2QX9P4M",)
    assert find_references(f"{KNOWN} {KNOWN.lower()} {KNOWN}") == ("A7K2QX9P4M",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A7K2QX9P4M",
        "#helloworld",
        "#HelloWorld",
        "#1234567890",
        "#ORDER12345",
        "#2027REPORT",
        "order #1234567 and #12345678901234567890123456",
        "#" + "A" * 26,
        "#A7K2QX9P4",
        "#A7K2QX9P4MX",
        "#A7K2QX9P4M-17",
        "#A7K2QX9P4M/edit",
        "#A7K2QX9P4U",
        "https://example.com/#A7K2QX9P4M",
        "https://example.com/page#A7K2QX9P4M",
        "https://example.com/?q=#A7K2QX9P4M",
        "&#A7K2QX9P4M;",
        "##A7K2QX9P4M",
        "word#A7K2QX9P4M",
        "#1234567890123456",
        "#9" + "A7K2Q" * 5,
        "Grüße! #Zusammenfassung #urlaub2027 #wirsindmehr",
    ],
)
def test_words_numbers_and_addresses_are_not_taken_for_one(text: str) -> None:
    assert find_references(text) == ()


def test_an_ordinary_conversation_holds_none(seed: int) -> None:
    random = draws(seed)
    words = ["order", "#12345", "hello", "refund?", "https://shop.example/o/77#top", "#thanks", "AF1234", "12/03"]
    text = " ".join(random.choice(words) for _ in range(20_000))
    assert find_references(text) == ()


def test_many_in_one_message_are_guesses(seed: int) -> None:
    random = draws(seed)
    text = " ".join(new_reference(random.getrandbits(128), SHORT) for _ in range(50))
    assert len(find_references(text)) == 5


def test_short_ones_are_found_however_they_are_typed(seed: int) -> None:
    random = draws(seed)
    for _ in range(3000):
        reference = new_reference(random.getrandbits(128), SHORT)
        assert find_references(misspell(reference, random)) == (reference[1:],)


def test_without_a_likely_run_the_first_is_taken() -> None:
    assert new_reference(0, SHORT) == "#0000000000"


@pytest.mark.parametrize("text", ["#" * 200_000, "#A" * 100_000, "#" + "A7" * 100_000, "#A7K2QX9P4M-" * 20_000])
def test_it_is_linear_in_the_text(text: str) -> None:
    assert len(find_references(text)) <= 5


@pytest.mark.parametrize(
    ("given_", "canonical"),
    [
        ("#a7k2qx9p4m", "A7K2QX9P4M"),
        (" A7K2-QX9P-4M ", "A7K2QX9P4M"),
        ("oiLa234567", "011A234567"),
        ("1234 5678 9012 3456", "1234567890123456"),
        ("A234567890123456", None),
        ("A7K2QX9P4U", None),
        ("8" + "0" * 25, None),
        ("", None),
        ("\ud800", None),
        ("é" * 10, None),
        ("A" * 10_000, None),
    ],
)
def test_normal_forms(given_: str, canonical: str | None) -> None:
    assert normalise(given_) == canonical


def test_only_the_hash_is_stored_and_nothing_else_has_it() -> None:
    assert digest(KNOWN) == digest("a7k2qx9p4m")
    assert len(digest(KNOWN)) == 64
    assert digest("no reference") != digest("none either")
    assert digest("\ud800") == digest("\ud800")
    assert not is_short("no reference")


@given(st.text(max_size=300))
def test_any_text_can_be_searched(text: str) -> None:
    for found in find_references(text):
        assert normalise(found) == found
