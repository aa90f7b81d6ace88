"""Card numbers that customers send are shown to nobody; the bytes as they came stay in the journal."""

from urllib.parse import unquote_to_bytes

import pytest
from sqlalchemy import String, select, table
from sqlalchemy import column as column_

from omnichannel import Handlers, Turn
from omnichannel.model.exceptions import ChannelWithdrawn
from omnichannel.stores import schema
from omnichannel.testing.world import World
from tests.scenarios.support import CHANNELS, column, conversation_of, make_hub, person, rows

CARD = "4111 1111 1111 1111"
MASKED = "**** **** **** 1111"


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_card_number_is_masked_before_it_is_shown(
    world: World, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    handlers, seen = Handlers(), list[str]()

    @handlers.on_message
    async def look(turn: Turn) -> None:
        seen.append(turn.message.text)

    ann = person(world, "Ann", channel)
    async with world.run(make_hub(channel, handlers=handlers)) as live:
        await ann.on(channel).says(f"Take it from {CARD}, please. My booking is 1234567.")
        customer = await ann.record()
        shown = [one.text for one in (await live.history(customer.id)).items]
        for said in (*seen, *shown):
            assert MASKED in said
            assert CARD not in said
            assert "1234567" in said
        assert not [one for one in await column(live, schema.messages.c.full_text) if one and CARD in one]
        views = await rows(live, select(table("omni_v1_messages", column_("text", String))))
        assert not [row for row in views if CARD in str(row)]
        raw = b"".join(await column(live, schema.journal.c.content))
        assert CARD.encode() in unquote_to_bytes(raw.replace(b"+", b" "))  # a form is escaped
    assert CARD not in caplog.text


async def test_links_to_nothing_but_closed_channels_are_refused(world: World) -> None:
    ann = person(world, "Ann", "x", "whatsapp")
    async with world.run(make_hub("x", "whatsapp", "email")) as live:
        await ann.on("x").says("Hello?")
        place = await conversation_of(live, ann)
        await live.withdraw("whatsapp", closed_at=world.now(), targets=["email"])
        with pytest.raises(ChannelWithdrawn, match="whatsapp is withdrawn since") as refused:
            await live.continue_elsewhere(place.id, to=["whatsapp"])
        assert (refused.value.since, refused.value.replacement) == (world.now(), ("email",))
        assert list(await live.continue_elsewhere(place.id, to=["whatsapp", "email"])) == ["email"]
