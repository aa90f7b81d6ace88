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
