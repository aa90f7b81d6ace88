"""`omnichannel demo --history FILE`: what customers and agents really said, on a channel that closes on the way."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from omnichannel.demo.behaviour import Crowd
from omnichannel.demo.cast import Record
from omnichannel.demo.corpus import History, Line, assumed, read
from omnichannel.demo.desk import Filing, at_rest
from omnichannel.demo.ledger import Problem, Totals, settle_up
from omnichannel.demo.platforms import CLOSING, PLATFORMS, targets_of
from omnichannel.demo.stage import Stage
from omnichannel.model.address import Address, Assurance
from omnichannel.model.exceptions import OmnichannelError

START = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
FACTOR = 200.0
REDIRECT_AT = 0.6
"""After this share of the lines X redirects, and closes after the last one."""
AT_ONCE = 64
LONGEST = 240.0
FACTOR_WITH_KILLS = 20.0
"""A hub that is started again takes seconds, and platforms give up after so many minutes of their own time."""
Say = Callable[[str], None]


@dataclass(slots=True)
class Replay:
    """One replay: the lines of each conversation in order, many conversations side by side."""

    stage: Stage
    history: History
    say: Say
    kills: int = 0
    record: Record = field(init=False)
    filing: Filing = field(init=False)
    _posts: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    _writing: defaultdict[tuple[str, str], anyio.Lock] = field(default_factory=lambda: defaultdict(anyio.Lock))
    _random: random.Random = field(init=False)
    _to_kill: int = 0

    def __post_init__(self) -> None:
        self.record = Record(self.stage)
        self.filing = Filing(self.stage)
        self._random = random.Random(self.stage.seed)  # noqa: S311 - repeatable, not secret

    async def play(self) -> None:
        """Everything, until it has come to rest."""
        for person in self.history.people.values():
            for channel, handle in person.handles.items():
                self.stage.simulators[channel].customer(person.name, handle)
        cut = int(len(self.history.lines) * REDIRECT_AT)
        before, after = self.history.lines[:cut], self.history.lines[cut:]
        first, second, last = (self.kills + 2) // 3, (self.kills + 1) // 3, self.kills // 3
        async with anyio.create_task_group() as group:
            group.start_soon(self.filing.watch)
            group.start_soon(self._kill, first)
            await self._speak(before, "before")
            await self._rest("the first part")
            await self._file_addresses()
            group.start_soon(self._kill, second)
            withdrawals = await self._redirect()
            group.start_soon(Crowd(self.record, list(self.history.people.values())).live)
            await self._speak(after, "after")
            queued = 0
            for withdrawal_id in withdrawals:
                queued += await self.stage.desk.outreach(withdrawal_id)
            self.say(f"Silent customers told besides: {queued}.")
            await self._rest("the notices and those who follow them")
            group.start_soon(self._kill, last)
            await self._close()
            await self._rest("the closing")
            group.cancel_scope.cancel()

    # -- speaking

    async def _speak(self, lines: list[Line], what: str) -> None:
        chains: dict[str, list[Line]] = defaultdict(list)
        for line in lines:
            chains[line.conversation].append(line)
        limit = anyio.CapacityLimiter(AT_ONCE)
        began = time.monotonic()
        async with anyio.create_task_group() as group:
            for chain in chains.values():
                await limit.acquire_on_behalf_of(chain[0].conversation)
                group.start_soon(self._chain, chain, limit)
        took = time.monotonic() - began
        self.say(f"{len(lines)} messages of the history {what} the redirect were said in {took:.1f} s.")

    async def _chain(self, chain: list[Line], limit: anyio.CapacityLimiter) -> None:
        try:
            for line in chain:
                if line.from_customer:
                    await self._customer(line)
                else:
                    await self._agent(line)
        finally:
            limit.release_on_behalf_of(chain[0].conversation)

    async def _customer(self, line: Line) -> None:
        """People write one message after the other, whatever conversations they are in: platforms keep no order
        between those under way."""
        person = self.history.people[line.brand, line.author]
        async with self._writing[line.brand, line.author]:
            if person.last is not None:
                with anyio.move_on_after(LONGEST):
                    await self.filing.conversation_of(*person.last)
            channel, text, surface = CLOSING, line.text, "mention" if person.public else None
            if person.moved and person.follows is not None and (not person.public or person.verified):
                channel, surface = person.follows, None
            elif person.public and f"@{line.brand}".casefold() not in text.casefold():
                text = f"@{line.brand} {text}"
            message_id = self.record.speak(person, channel, text, surface=surface)
            self._posts[line.conversation] = (person.brand.account(channel), message_id)

    async def _agent(self, line: Line) -> None:
        """The agent answers once the customer's message has been filed, wherever its conversation is by then."""
        if line.conversation not in self._posts:
            return
        account, message_id = self._posts[line.conversation]
        with anyio.move_on_after(LONGEST):
            place = await self.filing.conversation_of(account, message_id)
            try:
                await self.stage.desk.reply(place, line.text, agent=line.author, idempotency_key=f"history:{line.id}")
            except OmnichannelError as error:
                self.say(f"An agent could not answer: {error}")

    # -- the withdrawal

    async def _file_addresses(self) -> None:
        """A share of the customers has a mail address on file: the company knows it from elsewhere."""
        for person in self.history.people.values():
            if person.on_file is None:
                continue
            value = self.stage.simulators[CLOSING].value_of(person.handles[CLOSING], person.brand.account(CLOSING))
            try:
                found = await self.stage.desk.customer(
                    address=Address(channel=CLOSING, value=value), brand=person.brand.id
                )
            except LookupError:
                continue
            filed = Address(channel=person.on_file, value=person.handles[person.on_file], assurance=Assurance.VERIFIED)
            await self.stage.desk.add_address(found.id, filed)

    async def _redirect(self) -> list[str]:
        now = self.stage.clock.now()
        found: list[str] = []
        for brand in self.stage.brands:
            one = await self.stage.desk.withdraw(
                CLOSING,
                brand=brand.id,
                announced_at=now,
                redirect_at=now,
                closed_at=now + timedelta(days=28),
                targets=targets_of(brand),
                reason="price",
            )
            found.append(one.id)
        self.say(
            f"{PLATFORMS[CLOSING].label} is announced to close for {len(found)} brands, and redirects from now on."
        )
        return found

    async def _close(self) -> None:
        for one in list(self.stage.desk.core.book.current):
            await self.stage.desk.withdraw(
                CLOSING,
                brand=one.brand,
                announced_at=one.announced_at,
                redirect_at=one.redirect_at,
                closed_at=self.stage.clock.now(),
                targets=one.targets,
                reason="price",
            )
        self.stage.simulators[CLOSING].withdraw("410")
        self.say(f"{PLATFORMS[CLOSING].label} is closed.")

    # -- trouble

    async def _kill(self, times: int) -> None:
        """Kills the hub so often, at random moments from now on. Nothing is at rest before."""
        self._to_kill += times
        for _ in range(times):
            await anyio.sleep(self._random.uniform(0.5, 2.5))
            self.stage.kill_hub()
            await self.stage.start_hub()
            self._to_kill -= 1
            self.say(f"The hub was killed and started again ({self.stage.kills} of {self.kills}).")

    async def _rest(self, after: str) -> None:
        began, quiet = time.monotonic(), 0
        with anyio.move_on_after(LONGEST) as scope:
            while quiet < 8:
                rests = not self._to_kill and await at_rest(self.stage, self.record, answered=False)
                quiet = quiet + 1 if rests else 0
                await anyio.sleep(0.05)
        if scope.cancelled_caught:
            self.say(f"Still not at rest {LONGEST:.0f} s after {after}.")
        else:
            self.say(f"At rest {time.monotonic() - began:.1f} s after {after}.")


async def replay(
    path: Path, *, seed: int, database: Path | None, say: Say, kills: int = 0, factor: float | None = None
) -> tuple[Totals, list[Problem]]:
    """Replays a file; gives the totals and every problem. Raises `ConfigurationError` for a file that is none."""
    factor = factor or (FACTOR_WITH_KILLS if kills else FACTOR)
    history = read(path, seed)
    say(
        f"{history.conversations:,} conversations, {history.customers:,} customers, "
        f"{sum(line.from_customer for line in history.lines):,} distinct customer messages, "
        f"{len(history.brands)} brands. Odd: {history.without_time} times missing, {history.backwards} running "
        f"backwards, {history.repeated} messages that stand twice. File order is the order of arrival."
    )
    say(f"Assumed (seed {seed}): {assumed()}.")
    say(f"One platform clock, {factor:.0f} times as fast, with all limits on.")
    with TemporaryDirectory(prefix="omnichannel-demo-") as folder:
        stage = Stage(
            brands=list(history.brands.values()),
            folder=Path(folder),
            database=database or Path(folder) / "demo.db",
            start=START,
            factor=factor,
            seed=seed,
            catch_up=bool(kills),
        )
        began = time.monotonic()
        async with stage:
            one = Replay(stage, history, say, kills)
            await one.play()
            return await settle_up(stage.desk, one.record, CLOSING, time.monotonic() - began)
