"""The outbox: decide, send, settle, and go on from whatever came of it. Every turn of it is a row first."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeAlias, cast

from pydantic import TypeAdapter
from sqlalchemy import Connection

from omnichannel.channel.base import Channel
from omnichannel.channel.capabilities import Capabilities
from omnichannel.model.base import dump
from omnichannel.model.content import Text, load_block
from omnichannel.model.exceptions import StoreError
from omnichannel.model.ids import IdSource
from omnichannel.model.message import Decision, Receipt
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.routing.checks import No, check
from omnichannel.routing.plan import decide, option_of
from omnichannel.runtime.attempts import Attempt, store_decision, surely
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.continuing import Continuing
from omnichannel.runtime.doors import Doors
from omnichannel.runtime.health import HealthBoard
from omnichannel.runtime.lanes import Lane, LaneLost
from omnichannel.runtime.parts import PartWriter, begin
from omnichannel.runtime.policy import Advisor, content_of
from omnichannel.runtime.replying import ReplyTokens
from omnichannel.runtime.retry import RATE_LIMITED, RetryBudget, next_try
from omnichannel.runtime.runner import Runner
from omnichannel.runtime.unsent import (
    INTERRUPTED,
    after_doubt,
    doubts,
    ending,
    holds,
    in_doubt,
    is_keyed,
    key_is_over,
    load_failure,
    may_answer,
    remaining,
    told,
)
from omnichannel.stores import deciding, outbound, outgoing, responses
from omnichannel.stores.acceptance import Accepted, Sent
from omnichannel.stores.base import Store
from omnichannel.stores.deciding import Decided
from omnichannel.stores.deliveries import insert_all
from omnichannel.stores.notices import insert_references
from omnichannel.stores.outbound import Overtaken
from omnichannel.stores.outgoing import Outgoing
from omnichannel.stores.types import AnyRow

_log = logging.getLogger("omnichannel.sending")
_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)
UNKNOWN = "nobody knows whether it arrived"
KEY_OVER = "it may have arrived, and the platform does not know its key any more"
MOST_DECISIONS = 50
Left: TypeAlias = Outgoing | None
"""The delivery as it is after something was done about it, if there is something more to do at once."""
OVER_BUDGET = timedelta(minutes=1)
"""How much later a retry comes when an account has used up its retries: put off, never dropped."""


@dataclass(slots=True)
class Outbox:
    """Brings deliveries on their way. Holds nothing that is not in rows, except the retry budgets."""

    store: Store
    clock: Clock
    ids: IdSource
    doors: Doors
    advisor: Advisor
    board: HealthBoard
    runner: Runner
    random: random.Random
    continuing: Continuing
    crash: Callable[[str], None] = lambda step: None
    _budgets: dict[str, RetryBudget] = field(default_factory=dict[str, RetryBudget])
    writer: PartWriter = field(init=False)

    def __post_init__(self) -> None:
        self.writer = PartWriter(self.advisor, ReplyTokens(self.store, self.clock, self.ids))

    async def work(self, delivery_id: str, lane: int, owner: str, fence: int, known: Outgoing | None = None) -> None:
        """Brings one delivery as far as it goes now; `known` is all about it, if it was just read. A failure of our
        own code parks it, loudly."""
        mine = Lane(lane, owner, fence)
        try:
            out = known or await self.store.read(lambda c: outgoing.load(c, delivery_id))
            while out is not None and mine.decisions + mine.overtaken < MOST_DECISIONS:
                try:
                    out = await self._round(out, mine)
                except Overtaken:
                    mine.overtaken += 1
                    out = await self.store.read(lambda c: outgoing.load(c, delivery_id))
            if out is not None:
                raise RuntimeError("it does not come to rest")
        except LaneLost:
            _log.info("delivery %s: the lane went to another worker", delivery_id)
        except StoreError:
            raise
        except Exception as error:
            _log.exception("delivery %s is parked", delivery_id)
            await self._park(delivery_id, f"our own code failed: {type(error).__name__}: {error}")

    async def _park(self, delivery_id: str, why: str) -> None:
        """Sets a delivery aside for a person."""
        out = await self.store.read(lambda c: outgoing.load(c, delivery_id))
        under_way = any(part.state in ("started", "unknown") for part in out.parts)
        await self._set(out, state="unknown" if under_way else "failed", due_at=None, reason=why)

    async def _round(self, out: Outgoing, lane: Lane) -> Left:
        """One thing after another; what is left to do now, or None."""
        row, now = out.delivery, self.clock.now()
        if row.due_at is None or row.due_at > now:
            return None
        step = next((s for s in out.steps if s.n == row.step and s.state == "running"), None)
        if row.expires_at is not None and row.expires_at <= now and row.state in ("queued", "held"):
            return await self._set(out, state="expired", due_at=None, reason="it expired before it could be sent")
        if step is None:
            return await self._decide(out, lane)
        mine = [part for part in out.parts if part.step == step.n]
        for part in mine:
            if part.state in ("pending", "started", "unknown", "failed"):
                return await self._part(out, step, part, lane)
        if step.deadline_at is not None and step.deadline_at <= now:
            await self.store.write(lambda c: outbound.end_step(c, row.id, step.n, "expired", "no success in time"))
            return await self._set(out, state="queued", due_at=now)
        return await self._set(out, due_at=step.deadline_at)

    async def _set(self, out: Outgoing, **values: Any) -> Left:
        now = self.clock.now()
        return await self._write(out, lambda c: outbound.set_delivery(c, out.delivery, now, self.ids, **values))

    async def _write(self, out: Outgoing, unit: Callable[[Connection], None]) -> Left:
        """Commits a change, and gives the delivery as it is then if there is something to do about it at once."""
        now = self.clock.now()

        def change(connection: Connection) -> Left:
            unit(connection)
            return outgoing.again(connection, out, now)

        return await self.store.write(change)

    # -- deciding

    async def _decide(self, out: Outgoing, lane: Lane) -> Left:
        lane.decisions += 1
        await self.board.reload()
        await self.advisor.book.reload()
        now = self.clock.now()
        request = self.advisor.request(out, remaining(content_of(out, self.advisor.policy), out))
        facts = self.advisor.facts(out)
        decision = decide(request, facts, now)
        data = dump(_DECISION, decision)
        if decision.steps and not decision.hold:
            begun = begin(out, decision.steps[0], request, facts, now)
            decided = deciding.begins(out.delivery, out.steps, decision, data, begun, self.ids)
            return outgoing.with_decision(out, decided)
        await store_decision(self.store, lane, Decided(out.delivery, decision, data, self.ids))
        return await self._nowhere(out, decision)

    async def _nowhere(self, out: Outgoing, decision: Decision) -> Left:
        """No channel now: wait for what passes, or say that there is none."""
        why = told(decision.refused)
        if any(one.reason == "expired" for one in decision.refused):
            return await self._set(out, state="expired", due_at=None, reason=why)
        again = None if decision.hold else after_doubt(out, decision.decided_at)
        waits = decision.hold or again is not None
        if in_doubt(out) and (waits or out.delivery.kind != "private"):
            return await self._set(out, state="unknown", due_at=None, reason=f"{UNKNOWN}; {why}")
        if waits:
            ends = [one.ends_at for one in decision.refused] + [again, decision.expires_at]
            # By the time of the decision: what has ended since then is to be looked at now, not never.
            later = [at for at in ends if at is not None and at > decision.decided_at]
            return await self._set(out, state="held", due_at=min(later, default=None), reason=why)
        if out.delivery.kind == "private":
            return await self._point(out, why)
        return await self._set(out, state="failed", due_at=None, reason=why)

    async def _point(self, out: Outgoing, why: str) -> Left:
        """Nothing private reaches this customer: the delivery goes to a person, and the customer is shown in public
        where to go on; its own words are never made public."""
        pointer = self.continuing.pointer(out.conversation, out.customer, out.delivery.id)
        now = self.clock.now()
        reason = f"no private way to this customer; {why}"

        def unit(connection: Connection) -> None:
            if pointer is not None:
                insert_references(connection, pointer.references)
                insert_all(connection, [pointer.delivery])
            values = {"state": "failed", "due_at": None, "reason": reason}
            outbound.set_delivery(connection, out.delivery, now, self.ids, **values)

        return await self._write(out, unit)

    # -- one part

    async def _part(self, out: Outgoing, step: AnyRow, part: AnyRow, lane: Lane) -> Left:
        now = self.clock.now()
        if part.state == "failed":
            return await self._told_later(out, step, part)
        if part.state == "started":
            return await self._abandoned(out, step, part)
        if part.state == "unknown":
            if part.due_at is not None and part.due_at > now:
                return await self._set(out, state="unknown", due_at=part.due_at)
            return await self._never_settled(out, step, part)
        if part.due_at is not None and part.due_at > now:
            return await self._set(out, state="queued", due_at=part.due_at)
        if part.response is not None:
            # Nobody took it in time, or is able to any more.
            return await self._write(out, lambda c: responses.take_back(c, part.response))
        surface = self.doors.surface(step.account, step.surface)
        if surface is not None and key_is_over(out, part, surface, now):
            return await self._key_over(out, part, surface)
        no = None if lane.decisions and not part.n else await self._refused_now(out, step, part)
        if no is not None:
            return await self._break_off(out, step, part, no)
        if may_answer(self.doors.infos.get(step.account), out, part):
            out = await self._stored(out, lane)
            row = out.delivery
            if await self.store.write(lambda c: lane.asked(c) and responses.offer(c, row, step, now)):
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
        return check(option, request, facts, self.clock.now())

    async def _break_off(self, out: Outgoing, step: AnyRow, part: AnyRow, no: No) -> Left:
        """The step ends before its next part, and what is left is decided about again."""
        now = self.clock.now()
        if no.reason == "rate_limited" and no.ends_at is not None:
            await self.store.write(lambda c: outbound.postpone(c, part, no.ends_at))
            return await self._set(out, state="queued", due_at=no.ends_at)
        await self.store.write(lambda c: outbound.end_step(c, out.delivery.id, step.n, "skipped", no.reason))
        why = f"{step.channel}: {no.reason} ({no.detail})"
        return await self._set(out, state="queued", due_at=now, reason=why)

    async def _told_later(self, out: Outgoing, step: AnyRow, part: AnyRow) -> Left:
        """A part failed after it had been accepted: it is tried again where that can help, else the step is over."""
        failure = load_failure(part.failure)
        now = self.clock.now()
        await self._learn(step, failure)
        again = next_try(part.tries, failure, now, out.delivery.expires_at, self.random.random)
        if again is None:
            return await self._after(out, step, part, failure)
        await self.store.write(lambda c: outbound.postpone(c, part, again))
        return await self._set(out, state="queued", due_at=again)

    async def _learn(self, step: AnyRow, failure: Failure | None) -> None:
        info = self.doors.infos.get(step.account)
        if info is not None:
            await self.board.called(step.account, step.channel, step.surface, info.brand, failure, {})

    async def _abandoned(self, out: Outgoing, step: AnyRow, part: AnyRow) -> Left:
        """A process ended between "attempt started" and its settlement: the message may be out."""
        attempt, now = next(a for a in reversed(out.attempts) if a.part == part.key), self.clock.now()
        if part.resent or not is_keyed(self.doors.surface(step.account, step.surface)):
            return await self._uncertain(out, step, part, attempt.seq, INTERRUPTED)
        failed = (part.key, attempt.seq, INTERRUPTED, "pending", None, now)
        return await self._write(out, lambda c: outbound.fail_attempt(c, *failed))

    async def _key_over(self, out: Outgoing, part: AnyRow, surface: Capabilities) -> Left:
        """The platform has forgotten the key under which the part may have arrived: held as what never had one."""
        due = self.clock.now() + surface.settle_after
        await self.store.write(lambda c: outbound.doubt(c, part, due))
        return await self._set(out, state="unknown", due_at=due, reason=KEY_OVER)

    async def _never_settled(self, out: Outgoing, step: AnyRow, part: AnyRow) -> Left:
        """No echo and no status told what became of it: a service text is sent once more, the rest is for a person."""
        now = self.clock.now()
        again = out.delivery.purpose == "service" and out.delivery.kind != "code" and not part.resent
        if again and isinstance(load_block(part.content), Text):
            await self.store.write(lambda c: outbound.postpone(c, part, None, resent=True))
            return await self._set(out, state="queued", due_at=now)
        return await self._set(out, state="unknown", due_at=None, reason=UNKNOWN)

    async def _send(self, out: Outgoing, step: AnyRow, part: AnyRow, lane: Lane) -> Left:
        """The steps that no crash may reorder: what was decided and that the attempt begins are on disk, then the
        request leaves, then what came of it is written."""
        channel = self.doors.channels.get(step.account)
        if channel is None:
            gone = Failure(outcome=Outcome.INVALID, level=Level.ACCOUNT, code="not_configured", message=step.account)
            return await self._after(await self._stored(out, lane), step, part, gone)
        attempt = Attempt(self.store, self.clock, self.crash, lane, step, part, out.decided)
        result = await self._run(out, channel, attempt)
        self.crash("answered")
        if attempt.seq is None:
            # A repeatable request, or one that was refused before it left: the attempt is written now.
            if isinstance(result, Failure) and result.code == RATE_LIMITED:
                await attempt.opens()
                return await self._later(out, part, result)
            await attempt.starts()
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
        except LaneLost:
            raise
        except Exception:
            await attempt.opens()  # whatever our own code does, what was decided can be explained later
            raise

    async def _stored(self, out: Outgoing, lane: Lane) -> Outgoing:
        """The delivery with what was decided about it on disk."""
        if out.decided is not None:
            await store_decision(self.store, lane, out.decided)
        return replace(out, decided=None)

    async def _accepted(self, out: Outgoing, step: AnyRow, part: AnyRow, attempt: int, receipt: Receipt) -> Left:
        self._budget(step.account).succeeded()
        visibility = self.doors.infos[step.account].visibility.get(step.surface, "private")
        sent = Sent(receipt.ids or (part.key,), receipt.thread)
        believed = bool(doubts(out, part))
        taken = Accepted(part.key, attempt, sent, visibility, self.clock.now(), self.ids, believed)
        left = await surely(self.clock, lambda: self.store.batch(outgoing.settle, (taken, out)))
        self.crash("settled")
        return left

    # -- failures

    async def _failed(self, out: Outgoing, step: AnyRow, part: AnyRow, attempt: int, failure: Failure) -> Left:
        now = self.clock.now()
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
            return await self._set(out, state="queued", due_at=again)
        return await self._after(out, step, part, failure)

    async def _ended(self, *what: Any) -> None:
        await surely(self.clock, lambda: self.store.write(lambda c: outbound.fail_attempt(c, *what)))

    async def _later(self, out: Outgoing, part: AnyRow, failure: Failure) -> Left:
        """Our own limit said not yet: no attempt was made."""
        at = failure.not_before or self.clock.now()
        await self.store.write(lambda c: outbound.postpone(c, part, at))
        return await self._set(out, state="queued", due_at=at)

    async def _uncertain(self, out: Outgoing, step: AnyRow, part: AnyRow, attempt: int, failure: Failure) -> Left:
        """It may have arrived: held until something settles it, or its time has passed."""
        now = self.clock.now()
        surface = self.doors.surface(step.account, step.surface)
        due = now + surface.settle_after if surface is not None else now
        await self._ended(part.key, attempt, failure, "unknown", due, now)
        return await self._set(out, state="unknown", due_at=due, reason=failure.message)

    async def _after(self, out: Outgoing, step: AnyRow, part: AnyRow, failure: Failure) -> Left:
        """The step is over: remember what its failure says about the address, then decide again without it."""
        now = self.clock.now()
        row = out.delivery
        no = await self._refused_now(out, step, part) if holds(failure) else None
        ended = ending(failure, no)

        def unit(connection: Connection) -> None:
            outbound.end_step(connection, row.id, step.n, ended, failure.outcome)
            outbound.note_address(connection, step, failure, row, now, self.ids)

        await self.store.write(unit)
        return await self._set(out, state="queued", due_at=now, reason=failure.message)

    def _budget(self, account: str) -> RetryBudget:
        return self._budgets.setdefault(account, RetryBudget(self.clock))
