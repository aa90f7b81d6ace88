"""A cautious guess: right where it says something, silent where it cannot know."""

import pytest

from omnichannel.kit.language import guess


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello, where is my bag?", "en"),
        ("Bonjour, où est ma valise ?", "fr"),
        ("Hallo, wo ist mein Koffer?", "de"),
        ("¿Dónde está mi maleta, por favor?", "es"),
        ("Ciao, dove è la mia valigia?", "it"),
        ("Hallo, waar is mijn koffer?", "nl"),
        ("Olá, onde está a minha mala?", "pt"),
        ("I\u2019m here, it's late", "en"),
    ],
)
def test_a_short_message_is_enough(text: str, language: str) -> None:
    assert guess(text) == language


@pytest.mark.parametrize("text", ["", "OK", "12345", "Lufthansa LH123", "der the", "valise"])
def test_it_says_nothing_rather_than_something_wrong(text: str) -> None:
    assert guess(text) is None


@pytest.mark.parametrize("text", ["#29FEG0DER2MIT4DAS9", "#2UND4NICHT6ICH", "ref_der_und_ist"])
def test_a_reference_is_no_language(text: str) -> None:
    assert guess(text) is None


def test_only_the_beginning_is_read() -> None:
    assert guess("x" * 500 + " der die das und") is None
