"""Sends one part, and goes on from whatever came of it: what was accepted, what failed, and what nobody knows."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection

from omnichannel.channel.base import Channel
from omnichannel.channel.capabilities import Capabilities
from omnichannel.model.content import Text, load_block
from omnichannel.model.message import Receipt
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.routing.checks import No, check
from omnichannel.routing.plan import option_of
from omnichannel.runtime.attempts import Attempt, surely
from omnichannel.runtime.books import Books, Left
from omnichannel.runtime.doors import Doors
from omnichannel.runtime.health import HealthBoard
from omnichannel.runtime.lanes import Lane, LaneLost
from omnichannel.runtime.parts import PartWriter
from omnichannel.runtime.policy import Advisor
from omnichannel.runtime.retry import RATE_LIMITED, RetryBudget, next_try
from omnichannel.runtime.runner import Runner
from omnichannel.runtime.unsent import (
    INTERRUPTED,
    UNKNOWN,
    doubts,
    ending,
    holds,
    is_keyed,
    key_is_over,
    load_failure,
    may_answer,
)
from omnichannel.stores import journal, outbound, outgoing, responses
from omnichannel.stores.acceptance import Accepted, Sent
from omnichannel.stores.outbound import Overtaken
from omnichannel.stores.outgoing import Outgoing
from omnichannel.stores.types import AnyRow

KEY_OVER = "it may have arrived, and the platform does not know its key any more"
OVER_BUDGET = timedelta(minutes=1)
"""How much later a retry comes when an account has used up its retries: put off, never dropped."""
CATCH_UP = timedelta(minutes=1)
"""How long after its start a process leaves what is unknown alone: platforms tell now what they could not before."""
READING = timedelta(seconds=1)
"""How long to wait for what a platform has told us and nobody has read yet."""


@dataclass(slots=True)
class Sender:
    """Sends parts. Holds nothing that is not in rows, except the retry budgets and when it began."""

    books: Books
    doors: Doors
    advisor: Advisor
    board: HealthBoard
    runner: Runner
    random: random.Random
    writer: PartWriter
    crash: Callable[[str], None] = lambda step: None
    _since: datetime = field(init=False)
    _budgets: dict[str, RetryBudget] = field(default_factory=dict[str, RetryBudget])

    def __post_init__(self) -> None:
        """Begins its first minute."""
        self._since = self.books.clock.now()

    async def part(self, out: Outgoing, step: AnyRow, part: AnyRow, lane: Lane) -> Left:
        """Does what is to be done about a part now. Raises `LaneLost`, `Overtaken` and `StoreError`."""
        now = self.books.clock.now()
        if part.state == "failed":
            return await self._told_later(out, step, part)
        if part.state == "started":
            return await self._abandoned(out, step, part)
        if part.state == "unknown":
            if part.due_at is not None and part.due_at > now:
                return await self.books.set(out, state="unknown", due_at=part.due_at)
            return await self._never_settled(out, step, part)
        if part.due_at is not None and part.due_at > now:
            return await self.books.set(out, state="queued", due_at=part.due_at)
        if part.response is not None:
            # Nobody took it in time, or is able to any more.
            return await self.books.write(out, lambda c: responses.take_back(c, part.response))
        surface = self.doors.surface(step.account, step.surface)
        if surface is not None and key_is_over(out, part, surface, now):
            return await self._key_over(out, part, surface)
        no = None if lane.decisions and not part.n else await self._refused_now(out, step, part)
        if no is not None:
            return await self._break_off(out, step, part, no)
        if may_answer(self.doors.infos.get(step.account), out, part):
            out = await self.books.decided(out, lane)
            row = out.delivery
            if await self.books.store.write(lambda c: lane.asked(c) and responses.offer(c, row, step, now)):
                return None
        return await self._send(out, step, part, lane)

    async def _refused_now(self, out: Outgoing, step: AnyRow, part: AnyRow) -> No | None:
        """What stands against this step by now: a channel may close between a decision and a retry."""
        await self.board.reload()
        await self.advisor.book.reload()
        request = self.advisor.request(out, load_block(part.content))
        facts = self.advisor.facts(out)
        option = option_of(step.account, step.surface, step.to, request, facts)
        if option is None:
            return No("no_address")
        return check(option, request, facts, self.books.clock.now())

    async def _break_off(self, out: Outgoing, step: AnyRow, part: AnyRow, no: No) -> Left:
        """The step ends before its next part, and what is left is decided about again."""
        now = self.books.clock.now()
        if no.reason == "rate_limited" and no.ends_at is not None:
            await self.books.store.write(lambda c: outbound.postpone(c, part, no.ends_at))
            return await self.books.set(out, state="queued", due_at=no.ends_at)
        await self.books.store.write(lambda c: outbound.end_step(c, out.delivery.id, step.n, "skipped", no.reason))
        why = f"{step.channel}: {no.reason} ({no.detail})"
        return await self.books.set(out, state="queued", due_at=now, reason=why)

    async def _told_later(self, out: Outgoing, step: AnyRow, part: AnyRow) -> Left:
        """A part failed after it had been accepted: it is tried again where that can help, else the step is over."""
        failure = load_failure(part.failure)
        now = self.books.clock.now()
        await self._learn(step, failure)
        again = next_try(part.tries, failure, now, out.delivery.expires_at, self.random.random)
        if again is None:
            return await self._after(out, step, part, failure)
        await self.books.store.write(lambda c: outbound.postpone(c, part, again))
        return await self.books.set(out, state="queued", due_at=again)

    async def _learn(self, step: AnyRow, failure: Failure | None) -> None:
        info = self.doors.infos.get(step.account)
        if info is not None:
            await self.board.called(step.account, step.channel, step.surface, info.brand, failure, {})

    async def _abandoned(self, out: Outgoing, step: AnyRow, part: AnyRow) -> Left:
        """A process ended between "attempt started" and its settlement: the message may be out."""
        attempt, now = next(a for a in reversed(out.attempts) if a.part == part.key), self.books.clock.now()
        if part.resent or not is_keyed(self.doors.surface(step.account, step.surface)):
            return await self._uncertain(out, step, part, attempt.seq, INTERRUPTED)
        failed = (part.key, attempt.seq, INTERRUPTED, "pending", None, now)
        return await self.books.write(out, lambda c: outbound.fail_attempt(c, *failed))

    async def _key_over(self, out: Outgoing, part: AnyRow, surface: Capabilities) -> Left:
        """The platform has forgotten the key under which the part may have arrived: held as what never had one."""
        due = self.books.clock.now() + surface.settle_after
        await self.books.store.write(lambda c: outbound.doubt(c, part, due))
        return await self.books.set(out, state="unknown", due_at=due, reason=KEY_OVER)

    async def _never_settled(self, out: Outgoing, step: AnyRow, part: AnyRow) -> Left:
        """No echo and no status told what became of it: a service text is sent once more, the rest is for a person."""
        now = self.books.clock.now()
        unheard = await self._unheard(step, part, now)
        if unheard is not None:
            return await self.books.set(out, state="unknown", due_at=unheard)
        again = out.delivery.purpose == "service" and out.delivery.kind != "code" and not part.resent
        if again and isinstance(load_block(part.content), Text):
            await self.books.store.write(lambda c: outbound.postpone(c, part, None, resent=True))
            return await self.books.set(out, state="queued", due_at=now)
        return await self.books.set(out, state="unknown", due_at=None, reason=UNKNOWN)

    async def _unheard(self, step: AnyRow, part: AnyRow, now: datetime) -> datetime | None:
        """When to look again, if the platform may have told us already what became of a part: this process has just
        begun, or there is something of it that nobody has read. A flood that never ends is waited for no longer than
        its answer was."""
        if now < self._since + CATCH_UP:
            return self._since + CATCH_UP
        info, surface = self.doors.infos.get(step.account), self.doors.surface(step.account, step.surface)
        if (
            info is None
            or surface is None
            or now >= max(part.due_at or self._since, self._since) + surface.settle_after
        ):
            return None
        waiting = await self.books.store.read(lambda c: journal.take(c, info.endpoint, 1))
        return now + READING if waiting else None

    async def _send(self, out: Outgoing, step: AnyRow, part: AnyRow, lane: Lane) -> Left:
        """The steps that no crash may reorder: what was decided and that the attempt begins are on disk, then the
        request leaves, then what came of it is written."""
        channel = self.doors.channels.get(step.account)
        if channel is None:
            gone = Failure(outcome=Outcome.INVALID, level=Level.ACCOUNT, code="not_configured", message=step.account)
            return await self._after(await self.books.decided(out, lane), step, part, gone)
        attempt = Attempt(self.books.store, self.books.clock, self.crash, lane, step, part, out.decided)
        result = await self._run(out, channel, attempt)
        self.crash("answered")
        if attempt.seq is None:
            # A repeatable request, or one that was refused before it left: the attempt is written now.
            if isinstance(result, Failure) and result.code == RATE_LIMITED:
                await attempt.opens()
                return await self._later(out, part, result)
            await attempt.starts(sent=True)
        failure = result if isinstance(result, Failure) else None
        await self._learn(step, failure)
        seq = cast(int, attempt.seq)
        if failure is None:
            return await self._accepted(out, step, part, seq, cast(Receipt, result))
        return await self._failed(out, step, part, seq, failure)

    async def _run(self, out: Outgoing, channel: Channel[Any], attempt: Attempt) -> Receipt | Failure:
        step = attempt.step
        ends = is_keyed(self.doors.surface(step.account, step.surface))
        given = {"started": attempt.starts, "opens": attempt.opens}
        try:
            message = await self.writer.part(channel, out, step, attempt.part)
            self.crash("before")
            flow = channel.send(message)
            return await self.runner.run(channel, flow, pair=step.to, keys_end=ends, **given)
        except (LaneLost, Overtaken):
            raise
        except Exception:
            await attempt.opens()  # whatever our own code does, what was decided can be explained later
            raise

    async def _accepted(self, out: Outgoing, step: AnyRow, part: AnyRow, attempt: int, receipt: Receipt) -> Left:
        self._budget(step.account).succeeded()
        visibility = self.doors.infos[step.account].visibility.get(step.surface, "private")
        sent = Sent(receipt.ids or (part.key,), receipt.thread)
        believed = bool(doubts(out, part))
        taken = Accepted(part.key, attempt, sent, visibility, self.books.clock.now(), self.books.ids, believed)
        left = await surely(self.books.clock, lambda: self.books.store.batch(outgoing.settle, (taken, out)))
        self.crash("settled")
        return left

    async def _failed(self, out: Outgoing, step: AnyRow, part: AnyRow, attempt: int, failure: Failure) -> Left:
        now = self.books.clock.now()
        if failure.outcome is Outcome.ALREADY_DONE:
            return await self._accepted(out, step, part, attempt, Receipt(()))
        if not failure.certain and (part.resent or not is_keyed(self.doors.surface(step.account, step.surface))):
            return await self._uncertain(out, step, part, attempt, failure)
        again = next_try(part.tries + 1, failure, now, out.delivery.expires_at, self.random.random)
        if again is None and not failure.certain:
            return await self._uncertain(out, step, part, attempt, failure)
        if again is not None and not self._budget(step.account).spend(failure):
            again = max(again, now + OVER_BUDGET)
        state = "failed" if again is None else "pending"
        await self._ended(part.key, attempt, failure, state, again, now)
        if again is not None:
            return await self.books.set(out, state="queued", due_at=again)
        return await self._after(out, step, part, failure)

    async def _ended(self, *what: Any) -> None:
        write = self.books.store.write
        if not await surely(self.books.clock, lambda: write(lambda c: outbound.fail_attempt(c, *what))):
            raise Overtaken

    async def _later(self, out: Outgoing, part: AnyRow, failure: Failure) -> Left:
        """Our own limit said not yet: no attempt was made."""
        at = failure.not_before or self.books.clock.now()
        await self.books.store.write(lambda c: outbound.postpone(c, part, at))
        return await self.books.set(out, state="queued", due_at=at)

    async def _uncertain(self, out: Outgoing, step: AnyRow, part: AnyRow, attempt: int, failure: Failure) -> Left:
        """It may have arrived: held until something settles it, or its time has passed."""
        now = self.books.clock.now()
        surface = self.doors.surface(step.account, step.surface)
        due = now + surface.settle_after if surface is not None else now
        await self._ended(part.key, attempt, failure, "unknown", due, now)
        return await self.books.set(out, state="unknown", due_at=due, reason=failure.message)

    async def _after(self, out: Outgoing, step: AnyRow, part: AnyRow, failure: Failure) -> Left:
        """The step is over: remember what its failure says about the address, then decide again without it."""
        now = self.books.clock.now()
        row = out.delivery
        no = await self._refused_now(out, step, part) if holds(failure) else None
        ended = ending(failure, no)

        def unit(connection: Connection) -> None:
            outbound.end_step(connection, row.id, step.n, ended, failure.outcome)
            outbound.note_address(connection, step, failure, row, now, self.books.ids)

        await self.books.store.write(unit)
        return await self.books.set(out, state="queued", due_at=now, reason=failure.message)

    def _budget(self, account: str) -> RetryBudget:
        return self._budgets.setdefault(account, RetryBudget(self.books.clock))
