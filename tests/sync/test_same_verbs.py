"""Both faces have the same verbs: by name, by parameter, by what they say, and by the rows that they leave."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from omnichannel import Address, Hub, NotFound, OmnichannelError, RefusedContent, Scope, VersionConflict
from omnichannel.hub.desk import Desk as HubDesk
from omnichannel.hub.operating import Operating
from omnichannel.stores.schema import metadata
from omnichannel.sync import Client, Desk
from omnichannel.testing.clock import START
from omnichannel.testing.world import World
from tests.scenarios.support import accounts, conversation_of, make_hub, person

HUB_ONLY = {
    "core": "the parts of an open hub",
    "is_open": "a client is opened by its first call",
    "on_message": "handlers run in a worker",
    "serve": "runs a worker",
    "wait": "would keep a thread for as long as a platform takes: read `delivery` again, or the events",
}
CLIENT_ONLY = {
    "close": "a hub is closed by `async with`",
    "ports": "for webhooks without a loop",
    "run": "how the client's desk runs its verbs",
}
OTHER_PARAMETERS = {
    "from_toml": "no handlers and no workers",
    "replica": "no workers",
}
MORE_PARAMETERS = {"reply": {"connection"}}
OTHER_RESULT = {
    "events": "an iterator that ends with the log instead of one that follows it",
    "from_toml": "of its own kind",
    "replica": "of its own kind",
}


OURS = {one.__module__ for one in (Hub, Operating, Client, HubDesk, Desk)}
"""Where verbs stand; handlers are registered on a hub alone."""


def verbs(of: type) -> dict[str, Any]:
    found = {name: getattr(one, name) for one in of.__mro__ for name in vars(one) if one.__module__ in OURS}
    return {name: inspect.getattr_static(of, name) for name in found if not name.startswith("_")}


def test_every_verb_of_the_hub_is_a_verb_of_the_client() -> None:
    hub, client = set(verbs(Hub)) | {"on_message"}, set(verbs(Client))
    assert hub - client == set(HUB_ONLY)
    assert client - hub == set(CLIENT_ONLY)
    assert set(verbs(HubDesk)) - {"hub"} == set(verbs(Desk)) - {"client"}


BOTH = sorted(set(verbs(Hub)) & set(verbs(Client)))
PAIRS = [*((Hub, Client, name) for name in BOTH), *((HubDesk, Desk, n) for n in verbs(Desk) if n != "client")]


@pytest.mark.parametrize(("hub", "client", "name"), PAIRS, ids=lambda one: one if isinstance(one, str) else "")
def test_a_verb_has_the_same_parameters_result_and_promises(hub: type, client: type, name: str) -> None:
    theirs, ours = inspect.signature(getattr(hub, name)), inspect.signature(getattr(client, name))
    if name not in OTHER_PARAMETERS:
        more = MORE_PARAMETERS.get(name, set())
        assert more <= set(ours.parameters)
        assert list(theirs.parameters.values()) == [one for one in ours.parameters.values() if one.name not in more]
    if name not in OTHER_RESULT:
        assert theirs.return_annotation == ours.return_annotation
        said, repeated = inspect.getdoc(getattr(hub, name)), inspect.getdoc(getattr(client, name))
        assert said
        assert repeated
        assert repeated.startswith(said)


def test_only_what_differs_is_listed_as_different() -> None:
    def parameters(of: type, name: str) -> list[Any]:
        return list(inspect.signature(getattr(of, name)).parameters.values())

    assert all(parameters(Hub, name) != parameters(Client, name) for name in (*OTHER_PARAMETERS, *MORE_PARAMETERS))


# ---------------------------------------------------------------- rows

Do = Callable[..., Awaitable[Any]]


async def story(world: World, live: Hub, do: Do) -> list[Any]:
    """Every verb that writes, some of them with mistakes; gives what each said. `do` calls a verb by its name."""
    ann, ben = person(world, "Ann", "x", "whatsapp"), person(world, "Ben", "whatsapp")
    await ann.on("x").says("Where is my bag?")
    await ben.on("whatsapp").says("Hello")
    place, other = await conversation_of(live, ann), await conversation_of(live, ben)
    said: list[Any] = []

    async def tell(name: str, *args: Any, **kwargs: Any) -> Any:
        try:
            answer = await do(name, *args, **kwargs)
        except OmnichannelError as error:
            answer = (type(error), str(error))
        said.append((name, answer))
        await world.settle()
        return answer

    await tell("update", place.id, external_id="ticket-1", metadata={"flight": "AZ 1"})
    await tell("desk.claim", place.id, agent="mia", for_=timedelta(minutes=5))
    await tell("desk.note", place.id, "She is nice.", agent="mia")
    found = await tell("conversation", external_id="ticket-1")
    await tell("reply", found.id, "It is in Oslo.", agent="mia", idempotency_key="1", if_version=found.version)
    sent = await tell("reply", found.id, "It is in Rome.", idempotency_key="1")
    await tell("reply", found.id, "late", if_version=1)
    await tell("reply", found.id, " ")
    await tell("reply", "cnv_none", "nobody")
    await tell("send", place.customer_id, "Your gate is K41.", purpose="alert", order=["x"], metadata={"gate": "K41"})
    await tell("send", "cus_none", "nobody")
    await tell("link_customer", place.customer_id, external_id="crm-1")
    await tell("add_address", place.customer_id, Address(channel="email", value="ann@mail.example"))
    await tell("customer", external_id="crm-1")
    await tell("customer", address=Address(channel="email", value="ann@mail.example"))
    await tell("customer")
    await tell("can_reply", place.id, "Hello again")
    await tell("plan", place.customer_id, "Hello again", purpose="marketing")
    await tell("preview_withdrawal", "x", targets=["whatsapp"])
    gone = await tell("withdraw", "x", closed_at=world.now() + timedelta(days=9), targets=["whatsapp"])
    await tell("withdraw", "x", closed_at=world.now() + timedelta(days=8), scope=Scope(surface="dm"))
    await tell("withdraw", "x", targets=["x"])
    await tell("outreach", gone.id)
    await tell("reach", gone.id)
    await tell("continue_elsewhere", place.id, ["whatsapp"])
    await tell("reinstate", gone.id, canary=0.5)
    async with world.fail("whatsapp", "402"):
        await tell("reply", other.id, "One moment.")
    await tell("lint")
    await tell("release", "wa")
    await tell("release", "nobody")
    await tell("desk.resolve", other.id, agent="mia")
    await tell("delivery", sent.id)
    await tell("explain", sent.id)
    await tell("history", place.customer_id, limit=3)
    await tell("desk.list", "support", limit=1)
    return said


def _method(of: object, name: str) -> Any:
    for part in name.split("."):
        of = getattr(of, part)
    return of


async def _rows(live: Hub) -> dict[str, list[tuple[Any, ...]]]:
    def unit(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
        return {t.name: [tuple(row) for row in connection.execute(select(t))] for t in metadata.sorted_tables}

    return await live.core.store.read(unit)


async def test_the_same_calls_leave_the_same_rows_and_give_the_same_answers(seed: int) -> None:
    hub = make_hub("x", "whatsapp")
    world = World(seed=seed)
    async with world.run(hub) as live:

        async def by_hub(name: str, *args: Any, **kwargs: Any) -> Any:
            return await _method(live, name)(*args, **kwargs)

        expected = await story(world, live, by_hub)
        rows = await _rows(live)
    again = World(seed=seed)
    async with again.run(hub) as live:
        client = again.client(Client(accounts("x", "whatsapp")))

        async def by_client(name: str, *args: Any, **kwargs: Any) -> Any:
            return _method(client, name)(*args, **kwargs)

        found = await story(again, live, by_client)
        assert found == expected
        assert await _rows(live) == rows
        told = [event.seq for event in client.events()]
        assert told == [row[0] for row in rows["omni_log"]]
        assert [event.seq for event in client.events(after=told[2])] == told[3:]
        kinds = {event.type for event in client.events(types=["message.received"])}
        assert kinds == {"message.received"}
    asked = {name for name, _ in expected}
    assert hub.losses(START.date()) == Client(accounts("x", "whatsapp")).losses(START.date())
    left = set(BOTH) - asked - {"events", "from_toml", "losses", "replica"}
    assert left == set(), "verbs that the story does not tell of"
    assert {"desk." + name for name in verbs(Desk) if name != "client"} <= asked
    mistakes: set[Any] = {answer[0] for _, answer in expected if isinstance(answer, tuple)}
    assert {NotFound, VersionConflict, RefusedContent} <= mistakes
