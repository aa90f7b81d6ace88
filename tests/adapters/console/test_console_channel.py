"""The console keeps the contract, and shows what it is given."""

from omnichannel.adapters.console import ConsoleAccount
from omnichannel.adapters.console.channel import ConsoleChannel
from omnichannel.channel import Append, HttpResponse, Part, Receipt
from omnichannel.model.content import Location, Text
from omnichannel.testing.contract import ChannelContract
from omnichannel.testing.flows import drive


class TestConsole(ChannelContract):
    channel = ConsoleChannel(ConsoleAccount())
    fixtures = "fixtures"


def test_a_terminal_needs_no_settings() -> None:
    account = ConsoleAccount()
    assert (account.id, account.brand, account.adapter, account.channel) == ("console", "default", "console", "console")


def test_a_place_without_a_name_is_shown_all_the_same() -> None:
    channel = ConsoleChannel(ConsoleAccount(id="desk"))
    part = Part(key="p", to="ann", content=Location(latitude=1.5, longitude=-2))
    requests, receipt = drive(channel.send(part), [HttpResponse(200)])
    assert requests == [Append(stream="desk:ann", body={"key": "p", "text": "Location (1.50000, -2.00000)"})]
    assert receipt == Receipt(("0",), thread="ann")


def test_the_same_part_is_the_same_append() -> None:
    channel = ConsoleChannel(ConsoleAccount())
    part = Part(key="p", to="you", content=Text("Hello"))
    assert next(channel.send(part)) == next(channel.send(part))
