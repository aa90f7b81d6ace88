"""Whose a URL is, and what a link fills in."""

from __future__ import annotations

import pytest

from omnichannel.kit.urls import host_of, path_of, same_origin, whole_url, with_reference


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://api.example.com/2/x", True),
        ("https://api.example.com", True),
        ("http://api.example.com/2/x", False),
        ("https://api.example.com:444/", False),
        ("https://api.example.com.evil.example/", False),
        ("https://api.example.com@evil.example/", False),
        ("https://user@api.example.com/", False),
        ("//api.example.com/", False),
        ("https://[api.example.com/", False),
        ("", False),
    ],
)
def test_credentials_stay_at_home(url: str, same: bool) -> None:
    assert same_origin(url, "https://api.example.com") is same


@pytest.mark.parametrize(
    ("text", "ref", "filled"),
    [
        ("", "A7K2", "#A7K2"),
        ("Hello", "A7K2", "Hello #A7K2"),
        ("Hello", "#A7K2", "Hello #A7K2"),
        ("It is #A7K2, please", "A7K2", "It is #A7K2, please"),
        ("It is A7K2", "A7K2", "It is A7K2 #A7K2"),
    ],
)
def test_the_reference_is_in_the_text_once(text: str, ref: str, filled: str) -> None:
    assert with_reference(text, ref) == filled


def test_a_path_is_completed_by_the_base_and_a_url_is_not() -> None:
    assert whole_url("/2/x", "https://api.example.com/") == "https://api.example.com/2/x"
    assert whole_url("2/x", "https://api.example.com/v1") == "https://api.example.com/v1/2/x"
    assert whole_url("https://other.example/x", "https://api.example.com") == "https://other.example/x"


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://API.example.com:444/a/b?c", "api.example.com", "/a/b"),
        ("/a", "", "/a"),
        ("", "", ""),
        ("https://[bad/a", "", ""),
    ],
)
def test_the_parts_of_a_url(url: str, host: str, path: str) -> None:
    assert (host_of(url), path_of(url)) == (host, path)
