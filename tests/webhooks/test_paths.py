"""Endpoint ids and URLs, both ways."""

import pytest

from omnichannel.webhooks.paths import endpoint_of, path_of, tail_of, url_of


@pytest.mark.parametrize("endpoint", ["shop", "a", "x-main.2_b"])
@pytest.mark.parametrize(
    "public", ["https://desk.example/hooks", "https://desk.example/hooks/", "https://desk.example"]
)
def test_a_path_leads_back_to_its_endpoint(endpoint: str, public: str) -> None:
    assert endpoint_of(path_of(endpoint)) == endpoint
    assert url_of(public, path_of(endpoint)).endswith(f".example{'/hooks' * ('hooks' in public)}/{endpoint}")
    assert url_of(public, "/shop", "a=b&c").endswith("/shop?a=b&c")


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [("/shop", "shop"), ("/shop/", "shop"), ("/shop/x/y", "shop"), ("/", ""), ("", ""), ("shop", "")],
)
def test_the_first_segment_is_the_endpoint(path: str, endpoint: str) -> None:
    assert endpoint_of(path) == endpoint


def test_the_mount_point_itself_is_no_endpoint() -> None:
    assert tail_of({"path": "/hooks", "root_path": "/hooks"}) == ""


@pytest.mark.parametrize(
    ("raw", "path", "root", "tail"),
    [
        ("/hooks/shop", "/shop/", "", "/shop"),
        ("/hooks/shop?x=1", "/shop", "", "/shop"),
        ("/proxied/hooks/shop", "/shop/", "/proxied", "/shop"),
        ("/hooks/sh%2Fop/y", "/sh/op/y/", "", "/sh%2Fop/y"),
        ("/hooks/hooks", "/hooks/", "", "/hooks"),
        ("/hooks", "/", "", ""),
        ("/hooks/", "/", "", "/"),
        ("/%C3%A9t%C3%A9/shop", "/\u00e9t\u00e9/shop", "", "/%C3%A9t%C3%A9/shop"),
        ("/hooks/%ff", "/hooks/\ufffd", "/hooks", "/%ff"),
        ("/hooks/shop/", "/hooks/shop/", "/hooks", "/shop/"),
    ],
)
def test_what_a_framework_cuts_off_the_path_alone_is_found(raw: str, path: str, root: str, tail: str) -> None:
    assert tail_of({"path": path, "raw_path": raw.encode(), "root_path": root}) == tail
