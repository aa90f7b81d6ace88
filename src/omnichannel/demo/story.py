"""The story of `omnichannel demo`: an airline with two brands leaves X, and its customers go on elsewhere."""

from __future__ import annotations

import json
import random
import time
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from omnichannel.demo.behaviour import Crowd
from omnichannel.demo.cast import Person, Record
from omnichannel.demo.desk import Agents, at_rest
from omnichannel.demo.ledger import Problem, Totals, settle_up
from omnichannel.demo.platforms import CLOSING, PLATFORMS, Brand, handles_of, targets_of
from omnichannel.demo.stage import Stage
from omnichannel.model.address import Address, Assurance

START = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
FACTOR = 300.0
BRANDS = (
    Brand(id="azurair", name="Azur Air", domain="azurair.example"),
    Brand(id="bluewing", name="Blue Wing", domain="bluewing.example"),
)
NAMES = {
    "azurair": ("Anaïs", "Bruno", "Chloé", "Denis", "Élise", "Farid", "Gaëlle", "Hugo", "Inès", "Jules"),
    "bluewing": ("Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Grace", "Hal", "Ivy", "Jack"),
}
FOLLOWS = ("whatsapp", "messenger", "email", "sms", "mastodon", None, "sms", None, "whatsapp", None)
"""Where the people of a brand go when they are told, in the order of their names; None: nowhere."""
QUESTIONS = {
    "fr": ("Bonjour, où est ma valise ?", "Toujours rien pour ma valise, pouvez-vous m'aider ?"),
    "en": ("Hello, where is my suitcase?", "Still nothing about my suitcase, can you help me please?"),
}
PATIENCE = 90.0
WIDTH = 110

Say = Callable[[str], None]


def cast(rng: random.Random) -> list[Person]:
    """Ten people a brand: most write by DM, some in public; some would follow a link, some have a second address on
    file, some have neither."""
    people: list[Person] = []
    for number, brand in enumerate(BRANDS):
        language = "fr" if brand.id == "azurair" else "en"
        for index, name in enumerate(NAMES[brand.id]):
            nick = f"{_plain(name)}{rng.randrange(100, 999)}"
            phone = f"+336{number}{index:02}{rng.randrange(10000, 99999)}"
            person = Person(
                name=name,
                brand=brand,
                language=language,
                handles=handles_of(nick, phone),
                follows=FOLLOWS[index],
                public=index in (4, 8, 9),
                on_file="email" if index == 5 else None,
            )
            people.append(person)
    return people


def _plain(name: str) -> str:
    """A name in the letters that every platform takes."""
    letters = unicodedata.normalize("NFKD", name.lower())
    return letters.encode("ascii", "ignore").decode()


async def play(*, seed: int, database: Path | None, say: Say) -> tuple[Totals, list[Problem]]:
    """Plays the story; gives its totals and every problem."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    people = cast(rng)
    with TemporaryDirectory(prefix="omnichannel-demo-") as folder:
        stage = Stage(
            brands=list(BRANDS),
            folder=Path(folder),
            database=database or Path(folder) / "demo.db",
            start=START,
            factor=FACTOR,
            seed=seed,
        )
        say(_starting())
        began = time.monotonic()
        async with stage:
            return await _acts(stage, people, say, began)


def _starting() -> str:
    served = [one.label for one in PLATFORMS.values() if one.by_http]
    platforms = f"{', '.join(served[:-1])} and {served[-1]}"
    return f"Starting: {platforms} on ports of their own, two mailboxes, a mail relay, and the hub in its process."


async def _acts(stage: Stage, people: list[Person], say: Say, began: float) -> tuple[Totals, list[Problem]]:
    record = Record(stage)
    for person in people:
        for channel, handle in person.handles.items():
            stage.simulators[channel].customer(person.name, handle, language=person.language)
    async with anyio.create_task_group() as group:
        group.start_soon(Agents(stage.desk).live)
        crowd = Crowd(record, people)
        await _open(stage, record, people, say)
        wdr = await _leave(stage, say)
        group.start_soon(crowd.live)
        await _write_again(stage, record, people, say)
        await _tell_the_silent(stage, record, wdr, say)
        await _close(stage, record, people, say)
        group.cancel_scope.cancel()
    totals, problems = await settle_up(stage.desk, record, CLOSING, time.monotonic() - began)
    return totals, problems


async def _open(stage: Stage, record: Record, people: list[Person], say: Say) -> None:
    say("1. An ordinary morning: twenty customers write to two brands on X, most by DM, some in public.")
    for person in people:
        text = QUESTIONS[person.language][0]
        record.speak(person, CLOSING, text, surface="mention" if person.public else None)
    await _rest(stage, record)
    say(f"   {people[0].name} on X asks: {QUESTIONS['fr'][0]}")
    for seen in record.phone(people[0], CLOSING)[-1:]:
        say(f"   {people[0].brand.name} answers on X: {seen.text}")
    for person in people:
        if person.on_file is not None:
            customer = await stage.desk.customer(address=_address(stage, person), brand=person.brand.id)
            value = person.handles[person.on_file]
            known = Address(channel=person.on_file, value=value, assurance=Assurance.VERIFIED)
            await stage.desk.add_address(customer.id, known)


def _address(stage: Stage, person: Person) -> Address:
    value = stage.simulators[CLOSING].value_of(person.handles[CLOSING], person.brand.account(CLOSING))
    return Address(channel=CLOSING, value=value)


async def _leave(stage: Stage, say: Say) -> dict[str, str]:
    say("2. X will close. Before anything is sent: who would be touched?")
    found: dict[str, str] = {}
    for brand in BRANDS:
        impact = await stage.desk.preview_withdrawal(CLOSING, brand=brand.id, targets=targets_of(brand))
        reach = impact.reach
        say(
            f"   {brand.name}: {reach.customers} customers on X, {reach.reachable_elsewhere} with another address, "
            f"{impact.open_conversations} open conversations; notices would cost {reach.cost.normalize():f} USD."
        )
        now = stage.clock.now()
        withdrawal = await stage.desk.withdraw(
            CLOSING,
            brand=brand.id,
            announced_at=now,
            redirect_at=now,
            closed_at=now + timedelta(days=28),
            targets=targets_of(brand),
            reason="price",
        )
        found[brand.id] = withdrawal.id
    say("   Announced: whoever writes is answered, and told once where to go on.")
    return found


async def _write_again(stage: Stage, record: Record, people: list[Person], say: Say) -> None:
    say("3. Half of them write again. Each gets the notice with a link of their own; some follow it.")
    for person in people[::2]:
        record.speak(person, CLOSING, QUESTIONS[person.language][1], surface="mention" if person.public else None)
    await _rest(stage, record)
    notice = next((seen.text for seen in reversed(record.phone(people[0], CLOSING)) if seen.links), "")
    lines = "\n".join(f"      {_short(line)}" for line in notice.splitlines())
    say(f"   {people[0].name} on {PLATFORMS[CLOSING].label} sees:\n{lines}")


def _short(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


async def _tell_the_silent(stage: Stage, record: Record, withdrawals: dict[str, str], say: Say) -> None:
    queued = 0
    for withdrawal_id in withdrawals.values():
        queued += await stage.desk.outreach(withdrawal_id)
    say(f"4. The silent ones are told too: {queued} notices more, none to anyone twice.")
    await _rest(stage, record)


async def _close(stage: Stage, record: Record, people: list[Person], say: Say) -> None:
    say("5. X closes. The platform answers 403 from now on; the hub does not even try.")
    for brand in BRANDS:
        known = next(w for w in stage.desk.core.book.current if w.brand == brand.id)
        await stage.desk.withdraw(
            CLOSING,
            brand=brand.id,
            announced_at=known.announced_at,
            redirect_at=known.redirect_at,
            closed_at=stage.clock.now(),
            targets=known.targets,
            reason="price",
        )
    stage.simulators[CLOSING].withdraw("403-plan")
    for person in [one for one in people if one.moved]:
        record.speak(person, person.follows or "", QUESTIONS[person.language][1])
    await _rest(stage, record)
    for channel, platform in PLATFORMS.items():
        here = [person for person in people if person.moved and person.follows == channel]
        for one in here[:1]:
            say(f"   {platform.label}: {len(here)} went on here. {one.name} asks: {QUESTIONS[one.language][1]}")
            say(f"      {one.brand.name} answers: {record.phone(one, channel)[-1].text}")


async def _rest(stage: Stage, record: Record) -> None:
    """Until everything that was set off has come to rest: twice in a row, since platforms answer with webhooks."""
    quiet = 0
    with anyio.move_on_after(PATIENCE):
        while quiet < 6:
            quiet = quiet + 1 if await at_rest(stage, record) else 0
            await anyio.sleep(0.05)


def as_json(totals: Totals) -> str:
    """The one object that `--json` ends with."""
    return json.dumps(totals.as_dict())
