"""Adapters are found by name, with hints; nothing is imported before it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType

import pytest

from omnichannel import registry
from omnichannel.adapters.console import ConsoleAccount
from omnichannel.adapters.console.channel import ConsoleChannel
from omnichannel.channel import (
    Account,
    Capabilities,
    Channel,
    ChannelEvent,
    Envelope,
    Flow,
    Lifecycle,
    Part,
    Receipt,
)
from omnichannel.model.exceptions import ConfigurationError, UnknownChannel
from omnichannel.registry import (
    ADAPTERS,
    AdapterEntry,
    account_type,
    channel_class_for,
    declared,
    described,
    ended,
    entries,
    entry,
    load_channel,
    nearest,
)


class TeletexAccount(Account):
    line: str = ""


class TeletexChannel(Channel[TeletexAccount]):
    adapter = "acme_teletex"
    channel = "teletex"
    surfaces = {"dm": Capabilities(text_limit=80)}  # noqa: RUF012 - as a third party would write it

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        return []

    def send(self, part: Part) -> Flow[Receipt]:
        yield from ()
        return Receipt(())


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("acme_teletex")
    vars(module).update(Channel=TeletexChannel, Account=TeletexAccount, number=3)
    monkeypatch.setitem(sys.modules, "acme_teletex", module)
    group = registry.ENTRY_POINT_GROUP
    points = EntryPoints(
        (
            EntryPoint("acme_teletex", "acme_teletex:Channel", group),
            EntryPoint("console", "acme_teletex:Channel", group),
            EntryPoint("acme_number", "acme_teletex:number", group),
            EntryPoint("acme_gone", "acme_nowhere:Channel", group),
            EntryPoint("acme_typo", "acme_teletex:Chanel", group),
        )
    )

    def entry_points(*, group: str) -> EntryPoints:
        return points.select(group=group)

    monkeypatch.setattr(registry, "entry_points", entry_points)


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_every_adapter_of_ours_loads_as_it_is_listed(name: str) -> None:
    found, one = load_channel(name), ADAPTERS[name]
    assert (found.adapter, found.channel) == (one.name, one.channel) == (name, one.channel)
    assert account_type(name) is found.account_type
    assert (found.account_type.adapter, found.account_type.channel) == (name, one.channel)


def test_an_adapter_is_found_by_its_channel_too() -> None:
    assert entry("email") is ADAPTERS["smtp_imap"]
    assert load_channel("console") is ConsoleChannel
    assert account_type("console") is ConsoleAccount
    assert list(entries()) == sorted(entries())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("whatsap", "no channel or adapter 'whatsap'; did you mean 'whatsapp'?"),
        ("E-Mail", "no channel or adapter 'E-Mail'; did you mean 'email'?"),
        (
            "carrier pigeon",
            "no channel or adapter 'carrier pigeon'; there are: console, link_only, mastodon, messenger, smtp_imap, "
            "twilio_sms, whatsapp, x",
        ),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, said: str) -> None:
    with pytest.raises(UnknownChannel) as caught:
        load_channel(name)
    assert str(caught.value) == said


def test_a_channel_of_several_adapters_asks_which(monkeypatch: pytest.MonkeyPatch) -> None:
    other = AdapterEntry(name="postmark", channel="email", target="nowhere:P")
    monkeypatch.setattr(registry, "ADAPTERS", {**ADAPTERS, "postmark": other})
    with pytest.raises(UnknownChannel, match="channel 'email' is reached by several adapters: say which of"):
        load_channel("email")


@pytest.mark.usefixtures("third_party")
def test_a_third_partys_channel_is_found_and_never_replaces_ours() -> None:
    assert load_channel("acme_teletex") is TeletexChannel
    assert account_type("acme_teletex") is TeletexAccount
    assert load_channel("console") is ConsoleChannel
    assert entries()["acme_teletex"].builtin is False
    assert entries()["acme_teletex"].summary == "From another package"


@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("acme_number", "adapter 'acme_number': acme_teletex:number is not a Channel class"),
        ("acme_gone", "adapter 'acme_gone' needs 'acme_nowhere': install it"),
        ("acme_typo", "adapter 'acme_typo': module 'acme_teletex' has no attribute 'Chanel'"),
    ],
)
def test_a_third_partys_mistake_is_said(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_channel(name)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("target", "extra", "said"),
    [
        (
            "not_installed_library:C",
            "email",
            "adapter 'fax' needs 'not_installed_library': pip install 'omnichannel[email]'",
        ),
        ("omnichannel.adapters.fax.channel:C", None, "adapter 'fax' is not part of this version (No module named"),
        (
            "omnichannel.model.ids:UUID_DIGITS",
            None,
            "adapter 'fax': omnichannel.model.ids:UUID_DIGITS is not a Channel",
        ),
    ],
)
def test_what_is_missing_is_said_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, target: str, extra: str | None, said: str
) -> None:
    fax = AdapterEntry(name="fax", channel="fax", target=target, account=target, extra=extra)
    monkeypatch.setattr(registry, "ADAPTERS", {**ADAPTERS, "fax": fax})
    with pytest.raises(ConfigurationError) as caught:
        load_channel("fax")
    assert str(caught.value).startswith(said)
    with pytest.raises(ConfigurationError):
        account_type("fax")


def test_an_account_leads_to_its_channel() -> None:
    assert channel_class_for(ConsoleAccount()) is ConsoleChannel
    assert channel_class_for(TeletexAccount(id="t")) is TeletexChannel
    assert declared(Account) is None
    for name in ADAPTERS:
        kind = account_type(name)
        assert channel_class_for(kind.model_construct(id="a")) is load_channel(name)


def test_an_account_that_no_channel_was_defined_for_is_found_by_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain(Account):
        pass

    with pytest.raises(ConfigurationError, match="account 'p' is a Plain, which no adapter has"):
        channel_class_for(Plain(id="p"))
    monkeypatch.setattr(Plain, "__module__", "omnichannel.adapters.console.account")
    assert channel_class_for(Plain(id="p")) is ConsoleChannel
    monkeypatch.setattr(Plain, "adapter", "whatsapp")
    assert channel_class_for(Plain(id="p")).adapter == "whatsapp"


def test_nearest() -> None:
    assert nearest("Tokn", ["token", "id"]) == "token"
    assert nearest("zzz", ["token"]) is None


# ---------------------------------------------------------------- names that are in a class, places, tombstones


def test_a_third_partys_channel_goes_by_the_name_in_its_class(third_party: None) -> None:
    assert entries()["acme_teletex"].channel == ""
    found = entry("teletex")
    assert (found.name, found.channel) == ("acme_teletex", "teletex")
    assert entry("acme_teletex") == found
    assert described(ADAPTERS["x"]) is ADAPTERS["x"]


@pytest.mark.parametrize("name", ["acme_gone", "acme_number", "acme_typo"])
def test_one_that_cannot_be_loaded_goes_by_its_adapters_name(third_party: None, name: str) -> None:
    assert described(entries()[name]).channel == name


def test_a_list_of_adapters_loads_none(third_party: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def loads(*args: object) -> object:
        raise AssertionError("an adapter was imported")

    monkeypatch.setattr(registry, "import_module", loads)
    assert "acme_teletex" in entries()
    assert entry("whatsapp").channel == "whatsapp"
    assert entry("snapchat").name == "link_only"


def test_a_channel_that_is_gone_says_when() -> None:
    with pytest.raises(UnknownChannel, match=r"'google_business_messages' is gone: it ended on 2024-07-31 \(https://"):
        entry("google_business_messages")


def test_an_end_in_words() -> None:
    assert ended(Lifecycle()) == "it has ended"
    life = Lifecycle(sunset_at=date(2027, 1, 4), successor="v2", see="https://example.com")
    assert ended(life) == "it ended on 2027-01-04, and v2 follows it (https://example.com)"
