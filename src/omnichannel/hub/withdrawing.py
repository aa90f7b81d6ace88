"""Withdrawing a channel: who it touches, what it would cost, and where everyone ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from omnichannel.channel.base import Channel
from omnichannel.hub.answers import Impact
from omnichannel.hub.office import Office, Verb, read, refresh, write
from omnichannel.model.content import Localized, as_content, text_of
from omnichannel.model.exceptions import ChannelWithdrawn, ConfigurationError, NotFound
from omnichannel.model.withdrawal import Scope, Withdrawal
from omnichannel.routing.consent import consent_for
from omnichannel.routing.health import Released
from omnichannel.routing.notices import check_rule_notices, rules_about
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
from omnichannel.withdrawal.scopes import Question, governing


def withdraw(office: Office, given: Withdrawal, by: str) -> Verb[Withdrawal]:
    """Keeps a withdrawal; the same scope again changes the one there is."""
    _check(office, given)
    now = office.clock.now()
    fresh = office.ids.new("wdr")

    def unit(connection: Connection) -> Withdrawal:
        same = [one for one in withdrawals.active(connection) if _scope(one) == _scope(given)]
        if not same:
            new = replace(given, id=given.id or fresh)
        else:
            moved = dates_of(same[0]) != dates_of(given)
            new = replace(given, id=same[0].id, period=same[0].period + moved)
        withdrawals.save(connection, new, by, "changed" if same else "announced", now, office.ids)
        return new

    kept = yield from write(unit)
    yield from refresh(office)
    return replace(kept, phase=phase_at(kept, now))


def release(office: Office, account: str, by: str) -> Verb[None]:
    """An operator says that an account works."""
    info = office.doors.infos.get(account)
    if info is None:
        raise NotFound(f"there is no account {account!r}; there are: {', '.join(office.doors.infos)}")
    yield from refresh(office)
    unit = office.board.fold(account, Released(), info.brand, by=by)
    if unit is not None:
        yield from write(unit)


def _scope(one: Withdrawal) -> tuple[object, ...]:
    return (one.channel, one.account, one.brand, one.scope)


def _check(office: Office, given: Withdrawal) -> None:
    validate(given)
    known = office.doors.names(given.brand)
    if given.channel in given.targets:
        raise ConfigurationError(f"{given.channel} cannot be the place to go when {given.channel} goes away")
    if given.account is not None and given.account not in office.doors.channels:
        there = ", ".join(office.doors.channels)
        raise ConfigurationError(f"there is no account {given.account!r} to withdraw; there are: {there}")
    if given.notice is not None:
        check_notice(given, set(office.policy.allowed_hosts))
        _check_name(office, given, given.notice)
    check_rule_notices(office.policy.rules, given, set(office.policy.allowed_hosts))
    for _, said in rules_about(office.policy.rules, given):
        if said.notice is not None:
            _check_name(office, said, said.notice)
    missing = [target for target in given.targets if target not in known]
    if given.targets and len(missing) == len(given.targets):
        raise ConfigurationError(
            f"none of the targets ({', '.join(missing)}) is configured for brand {given.brand}: nobody could go there"
        )


def _check_name(office: Office, given: Withdrawal, notice: Localized) -> None:
    words = (text_of(as_content(one)) for one in notice.by_language.values())
    if not office.policy.name_of(given.brand) and any("{brand}" in text for text in words):
        raise ConfigurationError(f"the notice says {{brand}}, and brand {given.brand!r} has no name: give it one")


def reinstate(office: Office, withdrawal_id: str, canary: float) -> Verb[Withdrawal]:
    """Undoes a withdrawal."""
    now = office.clock.now()

    def unit(connection: Connection) -> Withdrawal:
        new = reinstated(withdrawals.get(connection, withdrawal_id), now, canary)
        validate(new)
        withdrawals.save(connection, new, "api", "reinstated", now, office.ids)
        return new

    kept = yield from write(unit)
    yield from refresh(office)
    return replace(kept, phase=phase_at(kept, now))


def copy_configured(office: Office, configured: Sequence[Withdrawal]) -> Verb[None]:
    """Copies withdrawals of the configuration that the store does not have. A difference later is shown by `lint`,
    never acted on silently."""
    now = office.clock.now()

    def unit(connection: Connection) -> None:
        known = {one.id for one in withdrawals.active(connection)}
        for one in configured:
            if one.id not in known:
                validate(one)
                withdrawals.save(connection, one, "configuration", "announced", now, office.ids)

    there = yield from read(lambda c: {one.id for one in withdrawals.active(c)})
    if any(one.id not in there for one in configured):
        yield from write(unit)
    yield from refresh(office)


def preview(office: Office, channel: str, brand: str, targets: Sequence[str], scope: Scope) -> Verb[Impact]:
    """What a withdrawal would do."""
    imagined = Withdrawal(id="", channel=channel, brand=brand, targets=tuple(targets), scope=scope)
    return (yield from _impact(office, imagined, told=False))


def outcome(office: Office, withdrawal_id: str) -> Verb[Impact]:
    """What a withdrawal has done."""
    one = yield from read(lambda c: withdrawals.get(c, withdrawal_id))
    return (yield from _impact(office, one, told=True))


def standings_of(office: Office, one: Withdrawal) -> Verb[list[tuple[str, Place]]]:
    """Where a withdrawal has left each customer."""
    standings = yield from read(lambda c: _standings(c, office, one, {}, told=True))
    return [
        (
            each.customer_id,
            classify_customer(moved=each.moved, reachable_elsewhere=bool(each.elsewhere), told=each.told),
        )
        for each in standings
    ]


def outreach(office: Office, withdrawal_id: str, limit: int | None) -> Verb[int]:
    """Queues the notice for silent customers of open conversations; gives for how many."""
    yield from refresh(office)
    one = yield from read(lambda c: withdrawals.get(c, withdrawal_id))
    silent = yield from read(lambda c: withdrawals.silent_on(c, one, limit))
    people = yield from read(lambda c: records.customers_of(c, {place.customer_id for place in silent}))
    made = [office.continuing.make_notice(one, place, people[place.customer_id], None) for place in silent]
    return (yield from write(lambda c: insert_notices(c, made)))


def _impact(office: Office, one: Withdrawal, *, told: bool) -> Verb[Impact]:
    prices = _notice_prices(office, one)

    def unit(connection: Connection) -> tuple[Reach, int]:
        standings = _standings(connection, office, one, prices, told=told)
        return reach(standings), withdrawals.open_on(connection, one)

    found, open_there = yield from read(unit)
    return Impact(channel=one.channel, brand=one.brand, reach=found, open_conversations=open_there, prices=prices)


def _notice_prices(office: Office, one: Withdrawal) -> dict[str, Decimal]:
    """What a notice costs on each surface: an answer with a link in it."""
    channel: Channel[Any] | None = next(iter(office.doors.of_channel(one.channel, one.brand)), None)
    door = office.advisor.door(channel.account.id) if channel is not None else None
    if channel is None or door is None:
        return {}
    now = office.clock.now()
    known = {name: price(door.prices, "reply", None, now, True, conditions={name}) for name in channel.surfaces}
    return {name: amount for name, amount in known.items() if amount is not None}


def _standings(
    connection: Connection, office: Office, one: Withdrawal, prices: Mapping[str, Decimal], *, told: bool
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
    left = [c for c in office.doors.of_channel(one.channel, one.brand) if one.account not in (None, c.account.id)]
    wanted = [name for name in office.doors.names(one.brand) if name != one.channel or left]
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


def continue_elsewhere(office: Office, conversation_id: str, to: Sequence[str]) -> Verb[Mapping[str, str]]:
    """Links for one conversation."""
    yield from refresh(office)
    place = yield from read(lambda c: records.find_conversation(c, conversation_id))
    links = office.continuing.links(place, place.customer_id, to, public=place.visibility == "public", withdrawal=None)
    if not links:
        _refuse_closed(office, place.brand, to)
    yield from write(lambda c: insert_references(c, references_in(links)))
    return {link.target: link.url for link in links}


def _refuse_closed(office: Office, brand: str, to: Sequence[str]) -> None:
    """Nothing else was asked for than channels that have closed: here no fallback can run, so the caller is told."""
    now = office.clock.now()
    for name in to:
        found = governing(office.book.current, Question(channel=name, brand=brand, direction="in"), now)
        if found is not None and found[1] == "closed":
            raise ChannelWithdrawn(name, since=found[0].closed_at, replacement=tuple(found[0].targets))
