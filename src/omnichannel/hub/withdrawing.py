"""Withdrawing a channel: who it touches, what it would cost, and where everyone ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from omnichannel.channel.base import Channel
from omnichannel.hub.answers import Impact
from omnichannel.hub.core import Core
from omnichannel.model.content import Localized, as_content, text_of
from omnichannel.model.exceptions import ConfigurationError, NotFound
from omnichannel.model.withdrawal import Scope, Withdrawal
from omnichannel.routing.consent import consent_for
from omnichannel.routing.health import Released
from omnichannel.routing.prices import price
from omnichannel.runtime.continuing import references_in
from omnichannel.stores import consents, records, withdrawals
from omnichannel.stores.directory import owners_of
from omnichannel.stores.notices import insert_notices, insert_references
from omnichannel.stores.schema import addresses
from omnichannel.withdrawal.notices import check_notice
from omnichannel.withdrawal.phases import dates_of, phase_at, validate
from omnichannel.withdrawal.phases import reinstate as reinstated
from omnichannel.withdrawal.reach import Place, Reach, Standing, classify_customer, reach


async def withdraw(core: Core, given: Withdrawal, by: str) -> Withdrawal:
    """Keeps a withdrawal; the same scope again changes the one there is."""
    _check(core, given)
    now = core.ports.clock.now()
    fresh = core.ids.new("wdr")

    def unit(connection: Connection) -> Withdrawal:
        same = [one for one in withdrawals.active(connection) if _scope(one) == _scope(given)]
        if not same:
            new = replace(given, id=given.id or fresh)
        else:
            moved = dates_of(same[0]) != dates_of(given)
            new = replace(given, id=same[0].id, period=same[0].period + moved)
        withdrawals.save(connection, new, by, "changed" if same else "announced", now, core.ids)
        return new

    kept = await core.store.write(unit)
    await core.book.reload(now=True)
    core.ports.engine.kick()
    return replace(kept, phase=phase_at(kept, now))


async def release(core: Core, account: str, by: str) -> None:
    """An operator says that an account works."""
    info = core.doors.infos.get(account)
    if info is None:
        raise NotFound(f"there is no account {account!r}; there are: {', '.join(core.doors.infos)}")
    await core.board.reload()
    await core.board.learn(account, Released(), info.brand, by=by)
    core.ports.engine.kick()


def _scope(one: Withdrawal) -> tuple[object, ...]:
    return (one.channel, one.account, one.brand, one.scope)


def _check(core: Core, given: Withdrawal) -> None:
    validate(given)
    known = core.doors.names(given.brand)
    if given.channel in given.targets:
        raise ConfigurationError(f"{given.channel} cannot be the place to go when {given.channel} goes away")
    if given.account is not None and given.account not in core.doors.channels:
        there = ", ".join(core.doors.channels)
        raise ConfigurationError(f"there is no account {given.account!r} to withdraw; there are: {there}")
    if given.notice is not None:
        check_notice(given, set(core.policy.allowed_hosts))
        _check_name(core, given, given.notice)
    missing = [target for target in given.targets if target not in known]
    if given.targets and len(missing) == len(given.targets):
        raise ConfigurationError(
            f"none of the targets ({', '.join(missing)}) is configured for brand {given.brand}: nobody could go there"
        )


def _check_name(core: Core, given: Withdrawal, notice: Localized) -> None:
    words = (text_of(as_content(one)) for one in notice.by_language.values())
    if not core.policy.name_of(given.brand) and any("{brand}" in text for text in words):
        raise ConfigurationError(f"the notice says {{brand}}, and brand {given.brand!r} has no name: give it one")


async def reinstate(core: Core, withdrawal_id: str, canary: float) -> Withdrawal:
    """Undoes a withdrawal."""
    now = core.ports.clock.now()

    def unit(connection: Connection) -> Withdrawal:
        new = reinstated(withdrawals.get(connection, withdrawal_id), now, canary)
        validate(new)
        withdrawals.save(connection, new, "api", "reinstated", now, core.ids)
        return new

    kept = await core.store.write(unit)
    await core.book.reload(now=True)
    core.ports.engine.kick()
    return replace(kept, phase=phase_at(kept, now))


async def copy_configured(core: Core, configured: Sequence[Withdrawal]) -> None:
    """Copies withdrawals of the configuration that the store does not have. A difference later is shown by `lint`,
    never acted on silently."""
    now = core.ports.clock.now()

    def unit(connection: Connection) -> None:
        known = {one.id for one in withdrawals.active(connection)}
        for one in configured:
            if one.id not in known:
                validate(one)
                withdrawals.save(connection, one, "configuration", "announced", now, core.ids)

    if configured:
        await core.store.write(unit)
        await core.book.reload(now=True)


async def preview(core: Core, channel: str, brand: str, targets: Sequence[str], scope: Scope) -> Impact:
    """What a withdrawal would do."""
    imagined = Withdrawal(id="", channel=channel, brand=brand, targets=tuple(targets), scope=scope)
    return await _impact(core, imagined, told=False)


async def outcome(core: Core, withdrawal_id: str) -> Impact:
    """What a withdrawal has done."""
    one = await core.store.read(lambda c: withdrawals.get(c, withdrawal_id))
    return await _impact(core, one, told=True)


async def standings_of(core: Core, one: Withdrawal) -> list[tuple[str, Place]]:
    """Where a withdrawal has left each customer."""
    standings = await core.store.read(lambda c: _standings(c, core, one, {}, told=True))
    return [
        (
            each.customer_id,
            classify_customer(moved=each.moved, reachable_elsewhere=bool(each.elsewhere), told=each.told),
        )
        for each in standings
    ]


async def outreach(core: Core, withdrawal_id: str, limit: int | None) -> int:
    """Queues the notice for silent customers of open conversations; gives for how many."""
    one = await core.store.read(lambda c: withdrawals.get(c, withdrawal_id))
    silent = await core.store.read(lambda c: withdrawals.silent_on(c, one, limit))
    made = [core.continuing.make_notice(one, place, place.customer_id, place.language, None) for place in silent]
    queued = await core.store.write(lambda c: insert_notices(c, made))
    core.ports.engine.kick()
    return queued


async def _impact(core: Core, one: Withdrawal, *, told: bool) -> Impact:
    prices = _notice_prices(core, one)

    def unit(connection: Connection) -> tuple[Reach, int]:
        standings = _standings(connection, core, one, prices, told=told)
        return reach(standings), withdrawals.open_on(connection, one)

    found, open_there = await core.store.read(unit)
    return Impact(channel=one.channel, brand=one.brand, reach=found, open_conversations=open_there, prices=prices)


def _notice_prices(core: Core, one: Withdrawal) -> dict[str, Decimal]:
    """What a notice costs on each surface: an answer with a link in it."""
    channel: Channel[Any] | None = next(iter(core.doors.of_channel(one.channel, one.brand)), None)
    if channel is None:
        return {}
    now = core.ports.clock.now()
    known = {name: price(channel.prices, "reply", None, now, True, conditions={name}) for name in channel.surfaces}
    return {name: amount for name, amount in known.items() if amount is not None}


def _standings(
    connection: Connection, core: Core, one: Withdrawal, prices: Mapping[str, Decimal], *, told: bool
) -> list[Standing]:
    people = withdrawals.people_on(connection, one.brand, one.channel, one.account)
    owners = owners_of(connection, people)
    persons = {person: owners.get(person, person) for person in people}
    customers = records.customers_of(connection, persons.values())
    moved = withdrawals.moved_people(connection, one.id) if told else set[str]()
    had = withdrawals.told_people(connection, one.id) if told else set[str]()
    moved = {owners_of(connection, moved).get(person, person) for person in moved}
    had = {owners_of(connection, had).get(person, person) for person in had}
    gone = _unreachable(connection, one.brand)
    left = [c for c in core.doors.of_channel(one.channel, one.brand) if one.account not in (None, c.account.id)]
    wanted = [name for name in core.doors.names(one.brand) if name != one.channel or left]
    surfaces = withdrawals.surfaces_of(connection, one)
    standings: list[Standing] = []
    for person in set(persons.values()):
        customer = customers[person]
        agreed = consents.of(connection, one.brand, person)
        elsewhere = [
            address.channel
            for address in customer.addresses
            if address.channel in wanted
            and address.id not in gone
            and consent_for(agreed, one.brand, "service", address.channel) != "revoked"
        ]
        notices = int(person in had) if told else 1
        standings.append(
            Standing(
                customer_id=person,
                moved=person in moved,
                elsewhere=tuple(dict.fromkeys(elsewhere)),
                told=person in had,
                reason="" if elsewhere else "no other address",
                notices=notices,
                cost=prices.get(surfaces.get(person, ""), Decimal(0)) * notices,
            )
        )
    return standings


def _unreachable(connection: Connection, brand: str) -> set[str]:
    query = select(addresses.c.id).where(addresses.c.brand == brand, addresses.c.unreachable_at.isnot(None))
    return set(connection.execute(query).scalars())


async def continue_elsewhere(core: Core, conversation_id: str, to: Sequence[str]) -> Mapping[str, str]:
    """Links for one conversation."""
    place = await core.store.read(lambda c: records.find_conversation(c, conversation_id))
    links = core.continuing.links(place, place.customer_id, to, public=place.visibility == "public", withdrawal=None)
    await core.store.write(lambda c: insert_references(c, references_in(links)))
    return {link.target: link.url for link in links}
