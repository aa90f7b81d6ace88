"""An account is taken out of the settings: what still comes to its URL is answered and kept, and is never believed."""

from pathlib import Path

from sqlalchemy import select

from omnichannel.stores import schema
from omnichannel.testing.asgi import asgi_call, http_scope
from omnichannel.testing.world import World
from tests.scenarios.support import MINUTE, column, make_hub, person, rows


async def test_a_removed_account_is_answered_and_kept(tmp_path: Path, seed: int) -> None:
    world = World(seed=seed, store=f"sqlite:///{tmp_path}/desk.db")
    ann = person(world, "Ann", "whatsapp")
    async with world.run(make_hub("whatsapp", "x")) as live:
        await ann.on("whatsapp").says("one")
        assert await column(live, schema.accounts.c.id) == ["wa", "x-main"]
    async with world.run(make_hub("x")) as live:
        await ann.on("whatsapp").says("two")
        assert await column(live, schema.messages.c.text, schema.messages.c.direction == "in") == ["one"]
        c = schema.journal.c
        kept = await rows(live, select(c.content, c.state, c.error).where(c.endpoint == "tombstone:wa"))
        assert [one.state for one in kept] == ["parked"]
        assert b"two" in kept[0].content
        for method, path, status in (("GET", "wa", 200), ("POST", "wa", 200), ("POST", "never-there", 404)):
            scope = http_scope(method, f"https://desk.example/hooks/{path}", {}, b"{}")
            answered, _, _ = await asgi_call(live.asgi, {**scope, "root_path": "/hooks"}, b"{}")
            assert answered == status, (method, path)
    async with world.run(make_hub("whatsapp", "x")) as live:
        await world.advance(MINUTE)  # until the leases of the first process have run out
        await ann.on("whatsapp").says("three")
        # What nobody verified is not taken for Ann's now.
        said = await column(live, schema.messages.c.text, schema.messages.c.direction == "in")
        assert said == ["one", "three"]
