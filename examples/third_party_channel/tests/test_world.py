"""A customer leaves X for a pager, and takes the conversation along."""

from acme_pager import PagerAccount
from pager_service import PagerService

from omnichannel import Hub
from omnichannel.adapters.x import XAccount
from omnichannel.testing import World

HUB = Hub(
    [
        XAccount.model_validate({"id": "x-main", "consumer_secret": "env:X_SECRET", "token": "env:X_TOKEN"}),
        PagerAccount.model_validate({"id": "pager", "secret": "env:PAGER_SECRET", "token": "env:PAGER_TOKEN"}),
    ]
)


async def test_a_conversation_moves_to_the_pager() -> None:
    world = World(seed=1)
    world.simulators["acme_pager"] = PagerService(now=world.now, seed=1)
    ann = world.customer("Ann", x="@ann", pager="7")
    async with world.run(HUB) as live:
        await ann.on("x").says("Where is my bag?")
        before = (await live.desk.list("support")).items[0]
        links = await live.continue_elsewhere(before.id, ["pager"])
        world.simulator("pager").opens("7", links["pager"])
        await world.settle()
        await live.reply(before.id, "On the next flight.", agent="mia")
        await world.settle()
        assert (await live.conversation(before.id)).channel == "pager"
        assert await ann.on("pager").sees("next flight")
