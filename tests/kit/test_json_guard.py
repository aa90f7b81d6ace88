"""What is refused before it is kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from omnichannel.kit.json_guard import bounded

VALUES = st.recursive(
    st.none() | st.integers() | st.text(st.sampled_from('[]{}"\\ aé'), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[{"\\', max_size=3), inner, max_size=3),
    max_leaves=40,
)


def depth(value: JsonValue) -> int:
    match value:
        case list():
            return 1 + max(map(depth, value), default=0)
        case dict():
            return 1 + max(map(depth, value.values()), default=0)
        case _:
            return 0


@given(VALUES, st.integers(0, 6), st.booleans())
def test_depth_is_counted_outside_strings(value: JsonValue, most: int, ascii_only: bool) -> None:
    content = json.dumps(value, ensure_ascii=ascii_only).encode()
    refused = bounded(content, max_bytes=100_000, max_depth=most)
    assert (refused is not None) is (depth(value) > most)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{}", None),
        (b"", None),
        (b"x" * 200, None),
        (b"x" * 201, "body is 201 bytes, more than 200"),
        (b'{"a": "\xff"}', "body is not UTF-8 at byte 7"),
        (b"\xc3\xa9", None),
        (b"[" * 64 + b"]" * 64, None),
        (b"[" * 65 + b"]" * 65, "body is nested more than 64 levels deep"),
        (b"[" * 65, "body is nested more than 64 levels deep"),
        (b"[]" * 100, None),
        (b'["' + b"[" * 80 + b'"]', None),
        (b'["\\"' + b"[" * 80 + b'"]', None),
        (b'["\\\\"' + b"[" * 80, "body is nested more than 64 levels deep"),
        (b'"' + b"[" * 80, None),
        (b'"' + b"[" * 80 + b"\\", None),
    ],
)
def test_reasons(content: bytes, reason: str | None) -> None:
    assert bounded(content, max_bytes=200) == reason


@given(st.binary(max_size=300))
def test_any_bytes_have_an_answer(content: bytes) -> None:
    assert bounded(content, max_bytes=1000, max_depth=2) is None or content
