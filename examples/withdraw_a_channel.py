"""An airline leaves X: rehearsed from the first plan to the day after, on simulated platforms, in a few seconds.

python withdraw_a_channel.py
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio

from omnichannel import Hub, Localized, Scope, Withdrawal
from omnichannel.testing import World

NOTICE = Localized(
    {
        "fr": "Nous quittons X le {closed_at:date}. Continuez ici :\n{links}",
        "en": "We leave X on {closed_at:date}. Go on here:\n{links}",
    }
)


async def leave_x(hub: Hub) -> Withdrawal:
    """What is run on the real hub, once, on the day the decision is taken."""
    print((await hub.preview_withdrawal("x", targets=["whatsapp", "email"])).as_text())  # sends nothing
    return await hub.withdraw(
        "x",
        scope=Scope(surface="dm"),
        announced_at=datetime(2027, 1, 4, tzinfo=UTC),
        redirect_at=datetime(2027, 1, 11, tzinfo=UTC),
        no_new_at=datetime(2027, 2, 1, tzinfo=UTC),
        closed_at=datetime(2027, 3, 1, tzinfo=UTC),
        targets=["whatsapp", "email"],
        notice=NOTICE,
        reason="price",
    )


async def rehearse() -> None:
    """The same, seen by four customers."""
    hub = Hub.from_toml(Path(__file__).with_name("omnichannel.toml"))
    world = World(seed=1, start=datetime(2027, 1, 3, 9, tzinfo=UTC))
    ann = world.customer("Ann", language="fr", x="@ann", whatsapp="+33612345678")
    ben = world.customer("Ben", x="@ben", email="ben@mail.example")
    cleo = world.customer("Cleo", x="@cleo")
    dan = world.customer("Dan", x="@dan")
    async with world.run(hub) as live:
        await ann.on("x").says("Bonjour, où est ma valise ?")
        await ben.on("x").says("Hello, can I change my seat?")
        await cleo.on("x").says("Is my flight on time?")
        await dan.on("x").says("Do you fly to Oslo?")
        leaving = await leave_x(live)

        await world.advance(timedelta(days=9))  # X is being left: whoever writes is answered, and told once
        await ann.on("x").says("Allô ?")
        await ben.on("x").says("Anyone?")
        await ann.on("x").follows_link("whatsapp")
        await ben.on("x").follows_link("email")
        for conversation in (await live.desk.list("support")).items:
            await live.reply(conversation.id, "Mia here, I am looking into it.", agent="mia")
        await world.settle()

        print(f"\n{await live.outreach(leaving.id)} silent customers are told too")
        await world.settle()

        await world.advance(timedelta(days=60))  # X is closed, for us and for good
        world.simulator("x").withdraw("403-plan")
        late = await live.send((await dan.record()).id, "We do fly to Oslo now.")
        await world.settle()

        for person in world.people:
            for channel in person.handles:
                print(f"\n{person.on(channel).shows()}")
        print(f"\n{(await live.reach(leaving.id)).as_text()}")
        print(f"\nTo Dan: {(await live.delivery(late.id)).state}\n{(await live.explain(late.id)).as_text()}")


if __name__ == "__main__":
    anyio.run(rehearse)
