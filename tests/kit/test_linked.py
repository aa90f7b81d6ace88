"""The length of a text in which a link is 23 characters."""

import pytest

from omnichannel.kit.text import measure, split

LONG = "https://example.com/" + "a" * 200


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("héllo", 5),
        ("行李在哪里", 5),
        ("https://a.co", 23),
        (LONG, 23),
        (f"see {LONG}, please", 4 + 23 + 8),
        ("see example.com now", 4 + 23 + 4),
        ("https://host.unheardof/" + "a" * 40, 63),
    ],
)
def test_length(text: str, length: int) -> None:
    assert measure(text, "linked") == length


def test_links_are_not_cut() -> None:
    parts = split(f"{'word ' * 95}{LONG} and {'more ' * 20}", 500, "linked")
    assert [measure(one, "linked") <= 500 for one in parts] == [True] * len(parts)
    assert sum(LONG in one for one in parts) == 1
