"""Customers are told of a withdrawal in the words that a rule has for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omnichannel import ConfigurationError, Hub, Localized
from omnichannel.routing.rules import Rule
from omnichannel.runtime.policy import Policy
from omnichannel.testing.world import World
from tests.scenarios.support import HOUR, column, make_hub, person, running, schema, texts

FRENCH = Rule.model_validate(
    {"name": "french", "when": {"language": "fr"}, "then": {"notice": {"fr": "Adieu {channel} : {link}"}}}
)
ROUTES = Rule.model_validate({"name": "routes", "then": {"order": ["whatsapp"]}})
OWN = Localized({"en": "We leave {channel}: {link}"})


def hub(*rules: Rule) -> Hub:
    return make_hub("x", "whatsapp", policy=Policy(rules=rules))


async def test_whoever_writes_is_told_in_them(world: World) -> None:
    ann = person(world, "Ann", "x", language="en")
    zoe = person(world, "Zo\u00e9", "x", language="fr")
    async with running(world, hub(FRENCH, ROUTES)) as live:
        await live.withdraw("x", redirect_at=world.now(), targets=["whatsapp"], notice=OWN)
        await ann.on("x").says("Where is my bag, please? I have been waiting for it since this morning.")
        await zoe.on("x").says("Bonjour, o\u00f9 est ma valise ? Je l'attends depuis ce matin, merci.")
        assert [text.split(" ")[0] for text in (texts(ann, "x")[-1], texts(zoe, "x")[-1])] == ["We", "Adieu"]
        assert "https://wa.me/" in texts(zoe, "x")[-1]


async def test_whoever_is_silent_too(world: World) -> None:
    zoe = person(world, "Zo\u00e9", "x", language="fr")
    async with running(world, hub(FRENCH)) as live:
        await zoe.on("x").says("Bonjour, o\u00f9 est ma valise ? Je l'attends depuis ce matin, merci.")
        closing = await live.withdraw("x", redirect_at=world.now() + HOUR, targets=["whatsapp"], notice=OWN)
        await world.advance(2 * HOUR)
        assert await live.outreach(closing.id) == 1
        await world.settle()
        assert texts(zoe, "x")[-1].startswith("Adieu")


async def test_a_text_that_names_a_date_which_is_not_there_is_refused_and_never_sent(world: World) -> None:
    dated = Rule.model_validate({"name": "dated", "then": {"notice": {"en": "Until {closed_at:date}."}}})
    ann = person(world, "Ann", "x")
    async with world.run(hub(dated)) as live:
        with pytest.raises(ConfigurationError, match=r"rule 'dated': .* names closed_at"):
            await live.withdraw("x", redirect_at=world.now(), targets=["whatsapp"], notice=OWN)
        # The rule is newer than the withdrawal: its own words are said.
        policy = live.core.office.policy
        live.core.continuing.policy = live.core.office.policy = replace(policy, rules=())
        await live.withdraw("x", redirect_at=world.now(), targets=["whatsapp"], notice=OWN)
        live.core.continuing.policy = live.core.office.policy = policy
        await ann.on("x").says("Where is my bag?")
        assert texts(ann, "x")[-1].startswith("We leave")
        assert await column(live, schema.events.c.error, schema.events.c.state != "done") == []
