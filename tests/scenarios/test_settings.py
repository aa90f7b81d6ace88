"""What a settings file decides is what happens."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from omnichannel import Handlers, Hub, Localized
from omnichannel.cli.db import upgrade
from omnichannel.model.exceptions import ConfigurationError, StoreError
from omnichannel.stores.drivers import in_schema
from omnichannel.testing.world import World
from tests.postgres import Server
from tests.scenarios.support import HOUR, conversation_of, person, refusals, state_of, texts

ACCOUNTS = """
schema = 1
timezone = "UTC"

[accounts.x-main]
channel = "x"
consumer_secret = "env:A"
token = "env:B"

[accounts.care]
channel = "email"
address = "care@example.com"
smtp_url = "env:C"
imap_url = "env:D"
"""


def hub_of(tmp_path: Path, more: str) -> Hub:
    file = tmp_path / "omnichannel.toml"
    file.write_text(ACCOUNTS + more, "utf-8")
    return Hub.from_toml(file, handlers=Handlers(), work=False)


async def test_the_contracts_prices_go_before_the_published_ones_and_are_capped(tmp_path: Path) -> None:
    more = """
[price_cap]
amount = 0.10
currency = "EUR"
rates = { USD = 0.5 }

[[prices]]
channel = "x"
action = "send"
amount = 0.30
condition = "dm"

[[prices]]
channel = "x"
account = "x-main"
action = "reply"
amount = 0.40
"""
    world = World(seed=1)
    ann = person(world, "Ann", "x", "email")
    async with world.run(hub_of(tmp_path, more)) as live:
        await ann.on("x").says("Hello?")
        customer = await ann.record()
        decision = await live.plan(customer.id, "Your bag is here.")
        refused = {one.account: (one.reason, one.detail) for one in decision.refused}
        assert refused["x-main"] == ("over_price_cap", "0.3 USD, the cap is 0.1 EUR")
        preview = await live.preview_withdrawal("x", targets=["email"])
        assert preview.prices["dm"] == Decimal("0.4")


@pytest.mark.parametrize(("migrate", "opens"), [(None, False), ("auto", True)])
async def test_a_server_is_brought_up_to_date_only_where_that_is_asked_for(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrate: str | None, opens: bool
) -> None:
    """Its URL is in the environment, so what kind of store it is shows when the hub opens."""
    more = "" if migrate is None else f'migrate = "{migrate}"'
    (tmp_path / "o.toml").write_text(f'schema = 1\n[store]\nurl = "env:STORE"\n{more}', "utf-8")
    with postgres.database("template0") as url:
        monkeypatch.setenv("STORE", url)
        if opens:
            async with Hub.from_toml(tmp_path / "o.toml", work=False):
                pass
            return
        with pytest.raises(StoreError, match="run `omnichannel db upgrade`"):
            async with Hub.from_toml(tmp_path / "o.toml", work=False):
                pass
        upgrade(config=tmp_path / "o.toml")
        async with Hub.from_toml(tmp_path / "o.toml", work=False):
            pass


def test_a_schema_is_for_postgresql_alone() -> None:
    placed = in_schema("postgresql+psycopg://me:hush@db/desk?sslmode=require", "omnichannel")
    assert placed == "postgresql+psycopg://me:hush@db/desk?options=-csearch_path%3Domnichannel&sslmode=require"
    assert in_schema("sqlite://", None) == "sqlite://"
    with pytest.raises(ConfigurationError, match="SQLite has no schemas"):
        in_schema("sqlite:///desk.db", "omnichannel")


async def test_quiet_hours_are_by_the_brands_clock(tmp_path: Path) -> None:
    more = """
[brands.air]
languages = ["fr", "en"]
timezone = "Asia/Tokyo"

[quiet_hours]
start = 22:00:00
end = "08:00"
"""
    world = World(seed=1, start=datetime(2027, 1, 4, 14, tzinfo=UTC))  # 23:00 in Tokyo
    ann = person(world, "Ann", "x", language="")
    async with world.run(hub_of(tmp_path, more)) as live:
        await ann.on("x").says("12345")
        customer = await ann.record()
        said = Localized({"en": "Your bag is here.", "fr": "Votre bagage est ici."}, default="en")
        told = await live.send(customer.id, said, order=["x"])
        await world.settle()
        assert (await state_of(live, told.id), await refusals(live, told.id)) == (
            "held",
            {"x": "quiet_hours", "email": "no_address"},
        )
        answer = await live.reply((await conversation_of(live, ann)).id, said, agent="agent-1")
        await world.settle()
        assert await state_of(live, answer.id) != "held"
        await world.advance(9 * HOUR)
        assert texts(ann, "x") == ["Votre bagage est ici."] * 2


async def test_the_guard_knows_the_hosts_own_references(tmp_path: Path) -> None:
    world = World(seed=1)
    ann = person(world, "Ann", "x")
    more = """
[guard]
patterns = ["[A-Z]{2}-[0-9]{6}"]
"""
    async with world.run(hub_of(tmp_path, more)) as live:
        await ann.on("x").posts("Where is my bag?")
        place = await conversation_of(live, ann)
        for text in ("It is in Paris.", "It is in AB-123456."):
            await live.reply(place.id, text, agent="agent-1", visibility="public")
            await world.settle()
        public = [one.text for one in ann.on("x").seen() if one.surface != "dm"]
        assert len(public) == 1
        assert "It is in Paris." in public[0]


async def test_a_rule_for_outside_of_the_business_hours(tmp_path: Path) -> None:
    more = """
[business_hours]
timezone = "Europe/Paris"
mon = "09:00-12:00, 13:00-18:00"

[[rules]]
name = "nobody is there"
when = { business_hours = false }
then = { hold = true }
"""
    world = World(seed=1, start=datetime(2027, 1, 4, 8, 30, tzinfo=UTC))  # a Monday, 9:30 in Paris
    ann = person(world, "Ann", "x")
    async with world.run(hub_of(tmp_path, more)) as live:
        await ann.on("x").says("Hello?")
        customer = await ann.record()
        rules: list[str | None] = []
        for _ in range(3):  # 9:30, 11:30, 13:30
            rules.append((await live.plan(customer.id, "Hello!")).rule)
            await world.advance(2 * HOUR)
        await world.advance(3 * HOUR)  # 18:30
        assert [*rules, (await live.plan(customer.id, "Hello!")).rule] == [None, None, None, "nobody is there"]
        await world.advance(-world.now().hour * HOUR + 33 * HOUR)  # Tuesday is closed
        assert (await live.plan(customer.id, "Hello!")).rule == "nobody is there"
