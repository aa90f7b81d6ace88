"""JSON that may be anything."""

from __future__ import annotations

import pytest

from omnichannel.kit.shapes import at, is_list, is_object, member, reshaped, text_of, values_of, written


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


TREE = {"user": {"id": 7, "names": ["a", {"b": "c"}]}, "none": None, "zero": 0}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("user.id", 7),
        ("user.names.0", "a"),
        ("user.names.1.b", "c"),
        ("user.names.2", None),
        ("user.names.x", None),
        ("user.id.more", None),
        ("none.more", None),
        ("zero", 0),
    ],
)
def test_what_stands_at_a_path(path: str, found: object) -> None:
    assert at(TREE, path) == found


def test_an_object_in_another_shape() -> None:
    table = {"id": ("id_str", "user.id"), "start": ("zero", "user.id"), "lang": ("lang", "none")}
    assert reshaped(TREE, table) == {"id": 7, "start": 0}
    assert reshaped("no object", table) == {}


def test_the_same_value_is_the_same_text() -> None:
    assert written({"b": 1, "a": "é"}) == written({"a": "é", "b": 1}) == '{"a": "é", "b": 1}'
