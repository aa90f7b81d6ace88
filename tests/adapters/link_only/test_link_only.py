"""Places to which we can only link."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from omnichannel.adapters.link_only import LinkOnlyAccount, LinkOnlyChannel
from omnichannel.adapters.link_only.surfaces import PLACES
from omnichannel.config import load
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.registry import PLACES as REGISTERED
from omnichannel.registry import channel_class_for, entry
from omnichannel.testing.contract import ChannelContract

SNAP = LinkOnlyAccount(id="snap", place="snapchat", username="desk_air")


class TestLinkOnly(ChannelContract):
    channel = channel_class_for(SNAP)(SNAP)
    fixtures = "fixtures"


class TestWithAReference(ChannelContract):
    """A place of one's own that takes a reference."""

    channel = LinkOnlyChannel(
        LinkOnlyAccount(id="forum", place="forum", url="https://forum.example/new?ref={ref}&text={text}")
    )
    fixtures = "fixtures/none"


def test_the_registry_knows_the_places_that_have_data() -> None:
    assert set(REGISTERED) == set(PLACES)
    assert all(one.see.startswith("https://") and one.why for one in PLACES.values())


@pytest.mark.parametrize(
    ("place", "username", "url"),
    [
        ("snapchat", "desk_air", "https://www.snapchat.com/add/desk_air"),
        ("mewe", "desk-air", "https://mewe.com/p/desk-air"),
        ("mewe", "é&", "https://mewe.com/p/%C3%A9%26"),
    ],
)
def test_known_places(place: str, username: str, url: str) -> None:
    account = LinkOnlyAccount(id="a", place=place, username=username)
    kind = channel_class_for(account)
    channel = kind(account)
    link = channel.link("A7K2", "Hello")
    assert (kind.channel, kind.adapter, kind.surfaces) == (place, "link_only", {})
    assert link is not None
    assert (link.url, link.carries) == (url, False)
    assert channel_class_for(account) is kind


def test_another_place_with_a_reference() -> None:
    account = LinkOnlyAccount(id="a", place="bereal", url="https://b.example/{username}?r={ref}&t={text}", username="d")
    channel = channel_class_for(account)(account)
    link = channel.link("#A7K2", "Hi & bye")
    assert link is not None
    assert (link.url, link.carries) == ("https://b.example/d?r=A7K2&t=Hi%20%26%20bye", True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"place": "snapchat"}, "needs our `username` there"),
        ({"place": "bereal"}, "not a known place (snapchat, mewe): say its `url`"),
        ({"place": "bereal", "url": "http://b.example"}, "begins with https://"),
        ({"place": "bereal", "url": "https://{ref}.example"}, "begins with https://"),
        ({"place": "bereal", "url": "https://b.example/{name}"}, "{name} is not filled in"),
        ({"place": "Be Real", "url": "https://b.example"}, "place"),
        ({"place": "snapchat", "username": "a/b"}, "username"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: Mapping[str, str], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        LinkOnlyAccount.model_validate({"id": "a", **wrong})
    assert said in str(refused.value)


def test_places_in_a_settings_file(tmp_path: Path) -> None:
    path = tmp_path / "omnichannel.toml"
    path.write_text(
        'schema = 1\n[accounts.snap]\nchannel = "snapchat"\nusername = "desk_air"\n\n'
        '[accounts.real]\nchannel = "bereal"\nadapter = "link_only"\nurl = "https://b.example/desk"\n'
    )
    snap, real = load(path).accounts
    assert [channel_class_for(one).channel for one in (snap, real)] == ["snapchat", "bereal"]
    path.write_text('schema = 1\n[accounts.snap]\nchannel = "snapchat"\n')
    with pytest.raises(ConfigurationError, match="username"):
        load(path)


def test_a_place_is_found_by_its_name() -> None:
    found = entry("snapchat")
    assert (found.name, found.channel, found.channel_field) == ("link_only", "snapchat", "place")
