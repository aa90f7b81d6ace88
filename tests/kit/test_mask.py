"""Card numbers are hidden, personal data is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.kit.mask import mask_cards, mentions_personal, safe_pattern

ANN = ("+33612345678", "ann@example.org", "@ann")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("4111111111111111", "************1111"),
        ("my card: 4111 1111 1111 1111, thanks", "my card: **** **** **** 1111, thanks"),
        ("5555-5555-5555-4444", "****-****-****-4444"),
        ("3782 822463 10005", "**** ****** *0005"),
        ("6304000000000000000", "***************0000"),
        ("4222222222222", "*********2222"),
        ("4111 1111 1111 1111 1227 123", "**** **** **** 1111 1227 123"),
        ("nr 12 4111 1111 1111 1111", "nr 12 **** **** **** 1111"),
        ("4111111111111111 5555555555554444", "************1111 ************4444"),
        ("4111\u00a01111\u00a01111\u00a01111", "****\u00a0****\u00a0****\u00a01111"),
        ("4111  1111\u20131111 1111", "****  ****\u2013**** 1111"),
        ("\u0664" + "\u0661" * 15, "*" * 12 + "\u0661" * 4),
    ],
)
def test_card_numbers_are_masked(text: str, masked: str) -> None:
    assert mask_cards(text) == masked
    assert mask_cards(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",
        "0000 0000 0000 0000",
        "411111111111",
        "41111111111111110000111122223333",
        "+33 6 12 34 56 78",
        "4111, 1111, 1111, 1111",
        "no digits",
        "",
    ],
)
def test_other_numbers_are_not(text: str) -> None:
    assert mask_cards(text) == text


@given(st.text(st.sampled_from("0123456789 -4411x\u00a0"), max_size=60))
def test_masking_changes_digits_only_and_is_final(text: str) -> None:
    masked = mask_cards(text)
    assert len(masked) == len(text)
    assert all(
        after == before or (after == "*" and before.isdecimal()) for before, after in zip(text, masked, strict=True)
    )


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("Thank you for flying with us.", []),
        ("Your bag 12345678901 left on 01/12/2025 10:30, 2025-12-01 10:30 or 01.12.2025 at gate 12.", []),
        ("write to jo.e+x@mail.example", ["email"]),
        ("Call 06.99.99.99.99", ["phone"]),
        ("call (415) 555-0132", ["phone"]),
        ("call +31 20 123 4567", ["phone"]),
        ("call 0031 20 123 4567", ["phone"]),
        ("we have 06 12 34 56 78 on file", ["phone", "known"]),
        ("we have +33 (0)6-12-34-56-78", ["phone", "known"]),
        ("and 33612345678 too", ["known"]),
        ("is it Ann@Example.org?", ["email", "known"]),
        ("is it \uff41nn@example.org?", ["email", "known"]),
        ("is it ann\u200b@example.org?", ["email", "known"]),
        ("hello @ANN!", ["known"]),
        ("hello @anna and x@ann", []),
        ("card 4111 1111 1111 1111", ["card"]),
        ("\uff14111 1111 1111 1111", ["card"]),
        ("ref AF123456", [r"pattern AF\d{6}"]),
        ("ref af123456", []),
    ],
)
def test_what_a_public_text_may_not_say(text: str, reasons: list[str]) -> None:
    assert mentions_personal(text, ANN, [safe_pattern(r"AF\d{6}")]) == reasons


def test_our_own_addresses_may_be_said() -> None:
    text = "Call 01 23 45 67 89 or +33 1 23 45 67 89, or mail CARE@example.com."
    assert mentions_personal(text) == ["email", "phone"]
    assert mentions_personal(text, allowed=["+33123456789", "care@example.com", " "]) == []


def test_what_is_too_short_to_mean_a_person_is_not_looked_for() -> None:
    assert mentions_personal("al is here, number 12345", ["al", "", "12345x"]) == []


@given(st.text(max_size=80), st.lists(st.text(max_size=12), max_size=3))
def test_any_text_has_an_answer(text: str, known: list[str]) -> None:
    assert set(mentions_personal(text, known)) <= {"email", "phone", "card", "known"}
