"""Webhooks as the platforms send them: of every adapter that takes any, signed by its simulator."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from omnichannel.channel import Account, Channel, Envelope
from omnichannel.registry import ADAPTERS, load_channel
from omnichannel.testing.clock import START
from omnichannel.testing.simulators.base import Simulator, WebhookRequest
from omnichannel.testing.world import World
from tests.scenarios.support import KNOWN, accounts, handle

URL = "https://desk.example/hooks/ours"
SAID = ("Where is my bag?", "Où est ma valise ? \U0001f9f3", '"quoted" \\ / <b> & +1 %41')
WITH_WEBHOOKS = sorted(
    one.channel
    for one in ADAPTERS.values()
    if one.channel in KNOWN and load_channel(one.name).webhook_secret is not None
)
"""The channels whose webhooks are verified."""


@dataclass(frozen=True)
class Platform:
    """A simulated platform with an account of ours, and what it sent us."""

    simulator: Simulator
    account: Account
    channel: Channel[Any]
    sent: tuple[Envelope, ...]

    def with_account(self, **changes: Any) -> Channel[Any]:
        """Our channel with an account that is set differently."""
        account = self.account.model_copy(update=changes)
        return type(self.channel)(account, (account,))


def platform(channel: str, seed: int, said: tuple[str, ...] = SAID) -> Platform:
    """What a platform sends when somebody says these things."""
    world = World(seed=seed)
    simulator = world.simulator(channel)
    account = simulator.adopt(accounts(channel)[0])
    simulator.connect(account.id, URL)
    customer = handle("Ann", channel)
    simulator.customer("Ann", customer)
    for text in said:
        simulator.says(customer, text)
    caught: list[WebhookRequest] = []

    async def post(request: WebhookRequest) -> int:
        caught.append(request)
        return 200

    with suppress(StopIteration):  # nothing in it waits, so that it also runs inside a loop
        simulator.deliver_due(post).send(None)
    made = load_channel(type(account).adapter)(account, (account,))
    assert len(caught) >= len(said)
    return Platform(simulator, account, made, tuple(map(envelope, caught)))


def envelope(request: WebhookRequest) -> Envelope:
    """The request as the web app hands it to an adapter."""
    return Envelope(
        method=request.method,
        url=request.url,
        query=dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True)),
        headers=dict(request.headers),
        content=request.body,
        received_at=START,
    )
