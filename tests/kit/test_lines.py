"""Places, cards and forms as lines."""

from __future__ import annotations

import pytest

from omnichannel.kit.lines import answer_lines, card_line, place_lines


def test_a_place_is_what_it_is_called_and_its_point() -> None:
    assert place_lines(48.85, -2.5, "Desk", None, "Rue 1") == "Desk\nRue 1\ngeo:48.85,-2.5"
    assert place_lines(0, 0) == "geo:0,0"


def test_a_card_is_what_there_is_of_it() -> None:
    assert card_line("Ann", ["+33 1", None], [None, "ann@example.org"]) == "Ann +33 1 ann@example.org"
    assert card_line(None, [], []) == ""


@pytest.mark.parametrize(
    ("answers", "lines"),
    [
        ('{"flow_token": "x", "size": 5, "colour": "red"}', "size: 5\ncolour: red"),
        ('{"flow_token": "x"}', ""),
        ("[1]", ""),
        ("{", ""),
        ("", ""),
    ],
)
def test_a_form_is_a_line_for_each_answer(answers: str, lines: str) -> None:
    assert answer_lines(answers, without=("flow_token",)) == lines
