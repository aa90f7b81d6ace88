"""Mastodon keeps the contract."""

from pydantic import SecretStr

from omnichannel.adapters.mastodon import MastodonAccount, MastodonChannel
from omnichannel.channel import Part
from omnichannel.model.content import Text
from omnichannel.testing.contract import ChannelContract

ACCOUNT = MastodonAccount(
    id="fedi", base_url="https://mastodon.example", username="desk", token=SecretStr("user-token")
)


class TestMastodon(ChannelContract):
    channel = MastodonChannel(ACCOUNT)
    fixtures = "fixtures"
    own_addresses = ("desk@mastodon.example",)

    def part(self, surface: str, text: str) -> Part:
        target = None if surface == "dm" else "1001"
        return Part(key="p", to="ann@social.example", content=Text(text), surface=surface, reply_to=target)
