"""The raw bytes of an envelope, and the event for what is not understood."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from omnichannel.channel.wire import Envelope
from omnichannel.kit.inbound import body_of, shape_error, unrecognized, well_formed
from omnichannel.kit.mail.mime import BytesReader

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)


def test_the_bytes_are_read_wherever_they_are_kept() -> None:
    assert body_of(Envelope(content=b"{}", received_at=NOW)) == b"{}"
    assert body_of(Envelope(blob=BytesReader(b"[]"), blob_id="ab", received_at=NOW)) == b"[]"


def test_the_key_is_the_kind_and_the_hash() -> None:
    one = unrecognized(account="a", at=NOW, what="body", reason="not JSON", content="x\ud83d")
    assert (one.account, one.occurred_at, one.what, one.reason, one.content) == (
        "a",
        NOW,
        "body",
        "not JSON",
        "x\ud83d",
    )
    assert one.dedupe == unrecognized(account="a", at=NOW, what="body", reason="another", content="x\ud83d").dedupe
    others = [
        unrecognized(account="a", at=NOW, what="item", reason="", content="x\ud83d"),
        unrecognized(account="a", at=NOW, what="body", reason="", content="y"),
        unrecognized(account="a", at=NOW, what="body", reason="", content="x\ud83d", digest="00"),
    ]
    assert len({one.dedupe, *(other.dedupe for other in others)}) == 4
    assert others[2].dedupe == "unrecognized:body:00"


NUMBERS: TypeAdapter[dict[str, int]] = TypeAdapter(dict[str, int])


def test_what_comes_along_is_taken_as_far_as_it_is_well_formed() -> None:
    assert well_formed(NUMBERS, [{"a": 1}, 5, {"a": "secret"}, {}]) == [{"a": 1}, {}]


def test_a_bad_shape_is_told_by_its_place_and_not_by_its_values() -> None:
    with pytest.raises(ValidationError) as caught:
        NUMBERS.validate_python({"a": "secret"})
    assert shape_error(caught.value) == "not of the known shape: a"
