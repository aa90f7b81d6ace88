"""Words and files of a part."""

from __future__ import annotations

import pytest

from omnichannel.channel.errors import Rejected
from omnichannel.kit.parts import files_of, words_of
from omnichannel.model.content import Location, Media, Text
from omnichannel.model.message import Part

CAT = Media(kind="image", type="image/png", ref="blob:cat", caption="a cat")


def part(content: Text | Media | Location) -> Part:
    return Part(key="k", to="ann", content=content)


def test_words_and_files() -> None:
    assert (words_of(part(Text("hi", attachments=(CAT,))), "P"), files_of(part(Text("hi", attachments=(CAT,))))) == (
        "hi",
        (CAT,),
    )
    assert (words_of(part(CAT), "P"), files_of(part(CAT))) == ("a cat", (CAT,))


def test_what_is_neither_is_refused_by_its_name() -> None:
    place = part(Location(latitude=1, longitude=2))
    assert files_of(place) == ()
    with pytest.raises(Rejected) as caught:
        words_of(place, "P")
    assert caught.value.failure.code == "unsupported_content"
    assert "P has no location" in caught.value.failure.message
