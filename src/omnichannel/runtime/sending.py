"""The outbox: decide, send, settle, and go on from whatever came of it. Every turn of it is a row first."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from pydantic import TypeAdapter

from omnichannel.kit.degrade import fit
from omnichannel.model.base import dump
from omnichannel.model.content import Block, Text, load_block, text_of
from omnichannel.model.ids import IdSource
from omnichannel.model.message import Decision, Part, Receipt, Step
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.routing.facts import Door
from omnichannel.routing.plan import decide
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.doors import Doors
from omnichannel.runtime.health import HealthBoard
from omnichannel.runtime.policy import Advisor, content_of
from omnichannel.runtime.retry import RATE_LIMITED, RetryBudget, next_try
from omnichannel.runtime.runner import Runner
from omnichannel.stores import outbound, progress
from omnichannel.stores.base import Store
from omnichannel.stores.consents import record as record_consent
from omnichannel.stores.outbound import NewStep, Outgoing
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import AccountInfo

_log = logging.getLogger("omnichannel.sending")
_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)
_FAILURE: TypeAdapter[Failure] = TypeAdapter(Failure)
MOST_ROUNDS = 50
OVER_BUDGET = timedelta(minutes=1)
"""How much later a retry comes when an account has used up its retries: put off, never dropped."""


class LaneLost(Exception):
    """Another process works on this lane now: nothing may be sent from here."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The right to work on a lane."""

    number: int
    owner: str
    fence: int


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
    crash: Callable[[str], None] = lambda step: None
    _budgets: dict[str, RetryBudget] = field(default_factory=dict[str, RetryBudget])

    async def work(self, delivery_id: str, lane: int, owner: str, fence: int) -> None:
        """Brings one delivery as far as it goes now. A failure of our own code parks it, loudly."""
        mine = Lane(lane, owner, fence)
        try:
            for _ in range(MOST_ROUNDS):
                out = await self.store.read(lambda c: outbound.load(c, delivery_id))
                if not await self._round(out, mine):
                    return
            raise RuntimeError(f"delivery {delivery_id} does not come to rest")
        except LaneLost:
            _log.info("delivery %s: the lane went to another worker", delivery_id)

    async def _round(self, out: Outgoing, lane: Lane) -> bool:
        """One thing after another; False when there is nothing more to do now."""
        row, now = out.delivery, self.clock.now()
        if row.due_at is None or row.due_at > now:
            return False
        step = next((s for s in out.steps if s.n == row.step and s.state == "running"), None)
        if row.expires_at is not None and row.expires_at <= now and row.state in ("queued", "held"):
            return await self._set(out, state="expired", due_at=None, reason="it expired before it could be sent")
        if step is None:
            return await self._decide(out)
        mine = [part for part in out.parts if part.step == step.n]
        for part in mine:
            if part.state in ("pending", "started", "unknown", "failed"):
                return await self._part(out, step, part, lane)
        if step.deadline_at is not None and step.deadline_at <= now:
            await self.store.write(lambda c: outbound.end_step(c, row.id, step.n, "expired", "no success in time"))
            return await self._set(out, state="queued", due_at=now)
        return await self._set(out, due_at=step.deadline_at)

    async def _set(self, out: Outgoing, **values: Any) -> bool:
        now = self.clock.now()
        await self.store.write(lambda c: outbound.set_delivery(c, out.delivery, now, self.ids, **values))
        return values.get("due_at") is not None and values["due_at"] <= now

    # -- deciding

    async def _decide(self, out: Outgoing) -> bool:
        await self.board.reload()
        await self.advisor.book.reload()
        now = self.clock.now()
        content = _remaining(content_of(out), out)
        decision = decide(self.advisor.request(out, content), self.advisor.facts(out), now)
        data = dump(_DECISION, decision)
        if decision.steps and not decision.hold:
            begun = self._begin(out, decision.steps[0], content, now)
            values: Mapping[str, Any] = {"state": "queued", "due_at": now, "reason": None}
            await self.store.write(lambda c: outbound.decide(c, out.delivery.id, decision, data, begun, values))
            return True
        await self.store.write(lambda c: outbound.decide(c, out.delivery.id, decision, data, None, {}))
        return await self._nowhere(out, decision)

    def _begin(self, out: Outgoing, step: Step, content: Block, now: datetime) -> NewStep:
        door = cast(Door, self.advisor.door(step.account))
        parts = fit(content, door.surfaces[step.surface], media_url=self.advisor.policy.media_url).parts
        here = (out.conversation.account, out.conversation.surface) == (step.account, step.surface)
        if not here:
            step = replace(step, thread=None)
        found = (a for a in out.customer.addresses if (a.channel, a.value) == (step.channel, step.address))
        address = next(found, None)
        deadline = now + step.wait if step.wait is not None and step.success != "accepted" else None
        return NewStep(step, address.id if address else None, parts, deadline)

    async def _nowhere(self, out: Outgoing, decision: Decision) -> bool:
        """No channel now: wait for what passes, or say that there is none."""
        why = "; ".join(f"{refusal.channel}: {refusal.reason}" for refusal in decision.refused)
        if out.delivery.kind == "private" and not decision.hold:
            return await self._point(out, why)
        if any(attempt.state == "unknown" for attempt in out.attempts):
            return await self._set(out, state="unknown", due_at=None, reason=f"nobody knows whether it arrived; {why}")
        if decision.hold:
            ends = [one.ends_at for one in decision.refused if one.ends_at is not None]
            later = [at for at in ends if at > self.clock.now()]
            return await self._set(out, state="held", due_at=min(later, default=None), reason=why)
        state = "expired" if any(one.reason == "expired" for one in decision.refused) else "failed"
        return await self._set(out, state=state, due_at=None, reason=why)

    async def _point(self, out: Outgoing, why: str) -> bool:
        """Nothing private reaches this customer: the delivery goes to a person, its words are never made public."""
        return await self._set(out, state="failed", due_at=None, reason=f"no private way to this customer; {why}")

    # -- one part

    async def _part(self, out: Outgoing, step: AnyRow, part: AnyRow, lane: Lane) -> bool:
        now = self.clock.now()
        if part.state == "failed":
            failure = _load_failure(part.failure)
            return await self._after(out, step, part, failure)
        if part.state == "started":
            return await self._abandoned(out, step, part)
        if part.state == "unknown":
            if part.due_at is not None and part.due_at > now:
                return await self._set(out, state="unknown", due_at=part.due_at)
            return await self._never_settled(out, step, part)
        if part.due_at is not None and part.due_at > now:
            return await self._set(out, state="queued", due_at=part.due_at)
        return await self._send(out, step, part, lane)

    async def _abandoned(self, out: Outgoing, step: AnyRow, part: AnyRow) -> bool:
        """A process ended between "attempt started" and its settlement: the message may be out."""
        attempt = next(a for a in reversed(out.attempts) if a.part == part.key)
        failure = Failure(
            outcome=Outcome.RETRY,
            level=Level.ATTEMPT,
            code="interrupted",
            message="the process ended while the request was under way",
            certain=False,
        )
        return await self._uncertain(out, step, part, attempt.seq, failure)

    async def _never_settled(self, out: Outgoing, step: AnyRow, part: AnyRow) -> bool:
        """No echo and no status told what became of it: a service text is sent once more, the rest is for a person."""
        now = self.clock.now()
        again = out.delivery.purpose == "service" and out.delivery.kind != "code" and not part.resent
        if again and isinstance(load_block(part.content), Text):
            await self.store.write(lambda c: outbound.postpone(c, part.key, "pending", None, resent=True))
            return await self._set(out, state="queued", due_at=now)
        return await self._set(out, state="unknown", due_at=None, reason="nobody knows whether it arrived")

    async def _send(self, out: Outgoing, step: AnyRow, part: AnyRow, lane: Lane) -> bool:
        channel = self.doors.channels.get(step.account)
        if channel is None:
            gone = Failure(outcome=Outcome.INVALID, level=Level.ACCOUNT, code="not_configured", message=step.account)
            return await self._after(out, step, part, gone)
        attempt: list[int] = []

        async def started() -> None:
            seq = await self.store.write(
                lambda c: outbound.start_attempt(c, part, step, lane.number, lane.owner, lane.fence, self.clock.now())
            )
            if seq is None:
                raise LaneLost
            attempt.append(seq)
            self.crash("started")

        message = self._message(out, step, part)
        self.crash("before")
        result = await self.runner.run(channel, channel.send(message), pair=step.to, started=started)
        self.crash("answered")
        if not attempt:
            # A repeatable request, or one that was refused before it left: the attempt is written now.
            if isinstance(result, Failure) and result.code == RATE_LIMITED:
                return await self._later(out, part, result)
            await started()
        failure = result if isinstance(result, Failure) else None
        info = self.doors.infos[step.account]
        await self.board.called(step.account, step.channel, step.surface, info.brand, failure, {})
        if failure is None:
            return await self._accepted(out, step, part, attempt[0], cast(Receipt, result), info)
        return await self._failed(out, step, part, attempt[0], failure)

    def _message(self, out: Outgoing, step: AnyRow, part: AnyRow) -> Part:
        place = out.conversation
        here = (place.account, place.surface) == (step.account, step.surface)
        address = next((a for a in out.customer.addresses if a.id == step.address_id), None)
        return Part(
            key=part.key,
            to=step.to,
            content=load_block(part.content),
            surface=step.surface,
            aliases=address.aliases if address else {},
            thread=place.thread if here else None,
            reply_to=out.reply_to if place.account == step.account else None,
            context=out.context if here else {},
            language=place.language or out.customer.language,
            automatic=out.delivery.automatic,
            purpose=out.delivery.purpose,
        )

    async def _accepted(
        self, out: Outgoing, step: AnyRow, part: AnyRow, attempt: int, receipt: Receipt, info: AccountInfo
    ) -> bool:
        self._budget(step.account).succeeded()
        now = self.clock.now()
        visibility = info.visibility.get(step.surface, "private")
        sent = progress.Sent(receipt.ids or (part.key,), receipt.thread)
        await self.store.write(lambda c: progress.accept(c, part.key, attempt, sent, visibility, now, self.ids))
        self.crash("settled")
        return True

    # -- failures

    async def _failed(self, out: Outgoing, step: AnyRow, part: AnyRow, attempt: int, failure: Failure) -> bool:
        now = self.clock.now()
        if failure.outcome is Outcome.ALREADY_DONE:
            info = self.doors.infos[step.account]
            return await self._accepted(out, step, part, attempt, Receipt(()), info)
        if not failure.certain:
            return await self._uncertain(out, step, part, attempt, failure)
        again = next_try(part.tries + 1, failure, now, out.delivery.expires_at, self.random.random)
        if again is not None and not self._budget(step.account).spend(failure):
            again = max(again, now + OVER_BUDGET)
        state = "failed" if again is None else "pending"
        await self.store.write(lambda c: outbound.fail_attempt(c, part.key, attempt, failure, state, again, now))
        if again is not None:
            return await self._set(out, state="queued", due_at=again)
        return await self._after(out, step, part, failure)

    async def _later(self, out: Outgoing, part: AnyRow, failure: Failure) -> bool:
        """Our own limit said not yet: no attempt was made."""
        at = failure.not_before or self.clock.now()
        await self.store.write(lambda c: outbound.postpone(c, part.key, "pending", at))
        return await self._set(out, state="queued", due_at=at)

    async def _uncertain(self, out: Outgoing, step: AnyRow, part: AnyRow, attempt: int, failure: Failure) -> bool:
        """It may have arrived: held until something settles it, or its time has passed."""
        now = self.clock.now()
        surface = self.doors.channels[step.account].surface(step.surface)
        due = now + surface.settle_after if surface is not None else now
        await self.store.write(lambda c: outbound.fail_attempt(c, part.key, attempt, failure, "unknown", due, now))
        return await self._set(out, state="unknown", due_at=due, reason=failure.message)

    async def _after(self, out: Outgoing, step: AnyRow, part: AnyRow, failure: Failure) -> bool:
        """The step is over: remember what its failure says about the address, then decide again without it."""
        now = self.clock.now()
        row = out.delivery

        def unit(connection: Any) -> None:
            outbound.end_step(connection, row.id, step.n, "failed", failure.outcome)
            if failure.outcome is Outcome.UNREACHABLE and failure.level is Level.ADDRESS and step.address_id:
                outbound.mark_unreachable(connection, step.address_id, failure.code or "", now)
            if failure.outcome is Outcome.OPTED_OUT:
                record_consent(
                    connection,
                    info=self.doors.infos[step.account],
                    customer_id=out.customer.id,
                    address_id=step.address_id,
                    purpose=failure.purpose or "all",
                    granted=False,
                    source="platform",
                    text=failure.message,
                    at=now,
                )

        await self.store.write(unit)
        return await self._set(out, state="queued", due_at=now, reason=failure.message)

    def _budget(self, account: str) -> RetryBudget:
        return self._budgets.setdefault(account, RetryBudget(self.clock))


def _remaining(content: Block, out: Outgoing) -> Block:
    """What was not accepted yet: a fallback carries nothing twice. All of it where the last step was not successful
    in time although it was accepted."""
    last = max((step.n for step in out.steps), default=0)
    mine = [part for part in out.parts if part.step == last]
    rest = [part for part in mine if progress.RANK[part.state] == 0]
    if not mine or not rest or len(rest) == len(mine):
        return content
    blocks: Sequence[Block] = [load_block(part.content) for part in rest]
    texts = [text_of(block) for block in blocks if isinstance(block, Text)]
    attachments = [block for block in blocks if not isinstance(block, Text)]
    if len(attachments) == len(blocks) == 1:
        return blocks[0]
    ending = next((block for block in reversed(blocks) if isinstance(block, Text)), Text(""))
    media = [block for block in attachments if block.type_ == "media"]
    replies = ending.quick_replies
    return Text("\n".join(texts), quick_replies=replies, buttons=ending.buttons, attachments=cast(Any, media))


def _load_failure(data: Mapping[str, Any] | None) -> Failure:
    if data is None:
        return Failure(outcome=Outcome.INVALID, level=Level.MESSAGE, message="refused without a reason")
    return _FAILURE.validate_python(data)
