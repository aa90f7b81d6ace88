"""Files by their URL, and digests as platforms write them."""

from __future__ import annotations

import pytest

from omnichannel.kit.files import file_at, hex_digest
from omnichannel.model.content import Media


def test_a_file_is_named_by_the_end_of_its_path_and_typed_by_its_suffix() -> None:
    url = "https://media.example/a/b.PNG?name=large"
    assert file_at(url, "image", "image/jpeg", id="7", alt="a cat") == Media(
        id="7", kind="image", name="b.PNG", type="image/png", ref=url, alt="a cat"
    )


@pytest.mark.parametrize("url", ["https://media.example/a/b", "https://media.example/a/b.xyz", "", "https://[bad"])
def test_a_suffix_that_says_nothing(url: str) -> None:
    found = file_at(url, "video", "video/mp4", ref="platform:7", alt="")
    assert (found.type, found.ref, found.alt) == ("video/mp4", "platform:7", None)


@pytest.mark.parametrize(
    ("written", "digest"),
    [
        (
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        ("", None),
        ("AAAA", None),
        ("e3b0c442", None),
        ("not base64!", None),
        ("é", None),
    ],
)
def test_a_digest_in_base64_as_hex(written: str, digest: str | None) -> None:
    assert hex_digest(written) == digest
