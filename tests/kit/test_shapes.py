"""JSON that may be anything."""

from __future__ import annotations

import pytest

from omnichannel.kit.shapes import is_list, is_object, member, text_of, values_of


@pytest.mark.parametrize("value", [None, 1, "a", True])
def test_what_has_nothing_in_it(value: object) -> None:
    assert (is_object(value), is_list(value), member(value, "a"), values_of(value)) == (False, False, None, [])


def test_objects_and_lists() -> None:
    assert (is_object({}), is_list([])) == (True, True)
    assert (member({"a": 1}, "a"), member({"a": 1}, "b")) == (1, None)
    assert (values_of({"a": 1, "b": 2}), values_of([3])) == ([1, 2], [3])


@pytest.mark.parametrize(("value", "text"), [("a", "a"), (7, "7"), (True, None), (None, None), ([], None), (1.5, None)])
def test_texts_and_numbers_as_such(value: object, text: str | None) -> None:
    assert text_of(value) == text
