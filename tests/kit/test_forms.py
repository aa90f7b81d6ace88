"""Forms, read strictly."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.kit.forms import MOST_FIELDS, form_fields, form_pairs


@pytest.mark.parametrize(
    ("body", "pairs"),
    [
        (b"", []),
        (b"a=1", [(b"a", b"1")]),
        (b"a=&b=", [(b"a", b""), (b"b", b"")]),
        (b"a=1&a=2&a=1", [(b"a", b"1"), (b"a", b"2"), (b"a", b"1")]),
        (b"a+b=c+d", [(b"a b", b"c d")]),
        (b"a=%2B%3D%26", [(b"a", b"+=&")]),
        (b"a=%E9&b=%zz", [(b"a", b"\xe9"), (b"b", b"%zz")]),
        (b"=1", [(b"", b"1")]),
        (b"a", None),
        (b"a=1&", None),
        (b"&a=1", None),
        (b"a=1=2", None),
        (b"a=1 2", None),
        (b'{"a": 1}', None),
    ],
)
def test_pairs(body: bytes, pairs: list[tuple[bytes, bytes]] | None) -> None:
    assert form_pairs(body) == pairs


def test_there_is_an_end() -> None:
    assert form_pairs(b"&".join([b"a=1"] * MOST_FIELDS)) is not None
    assert form_pairs(b"&".join([b"a=1"] * (MOST_FIELDS + 1))) is None
    assert form_pairs(b"a=1&b=2&c=3", most=2) is None


@given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=30)), max_size=9))
def test_what_is_written_is_read(pairs: list[tuple[str, str]]) -> None:
    assert form_pairs(urlencode(pairs).encode()) == [(name.encode(), value.encode()) for name, value in pairs]


@given(st.binary(max_size=200))
def test_nothing_raises(body: bytes) -> None:
    pairs = form_pairs(body)
    if pairs is not None:
        form_fields(pairs)


def test_text() -> None:
    pairs = [(b"a", b"d\xc3\xa9j\xc3\xa0"), (b"a", b"second"), (b"b", b"d\xe9"), (b"c", b"x\0y")]
    assert form_fields(pairs) == {"a": "déjà", "b": "d\ufffd", "c": "xy"}
