"""The outbox: decide, send, settle, and go on from whatever came of it. Every turn of it is a row first."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import Connection

from omnichannel.model.base import dump
from omnichannel.model.exceptions import StoreError
from omnichannel.model.message import Decision
from omnichannel.routing.plan import decide
from omnichannel.runtime.attempts import store_decision
from omnichannel.runtime.books import Books, Left
from omnichannel.runtime.continuing import Continuing
from omnichannel.runtime.health import HealthBoard
from omnichannel.runtime.lanes import Lane, LaneLost
from omnichannel.runtime.parts import begin
from omnichannel.runtime.policy import Advisor, content_of
from omnichannel.runtime.sending import Sender
from omnichannel.runtime.unsent import UNKNOWN, after_doubt, in_doubt, remaining, told
from omnichannel.stores import deciding, outbound, outgoing
from omnichannel.stores.deciding import Decided
from omnichannel.stores.deliveries import insert_all
from omnichannel.stores.notices import insert_references
from omnichannel.stores.outbound import Overtaken
from omnichannel.stores.outgoing import Outgoing

_log = logging.getLogger("omnichannel.sending")
_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)
MOST_DECISIONS = 50


@dataclass(frozen=True, slots=True)
class Outbox:
    """Brings deliveries on their way, one step after the other; `sender` does the parts."""

    books: Books
    advisor: Advisor
    board: HealthBoard
    continuing: Continuing
    sender: Sender

    async def work(self, delivery_id: str, lane: int, owner: str, fence: int, known: Outgoing | None = None) -> None:
        """Brings one delivery as far as it goes now; `known` is all about it, if it was just read. A failure of our
        own code parks it, loudly."""
        mine = Lane(lane, owner, fence)
        try:
            out = known or await self.books.store.read(lambda c: outgoing.load(c, delivery_id))
            while out is not None and mine.decisions + mine.overtaken < MOST_DECISIONS:
                try:
                    out = await self._round(out, mine)
                except Overtaken:
                    mine.overtaken += 1
                    out = await self.books.store.read(lambda c: outgoing.load(c, delivery_id))
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
        """Sets a delivery aside for a person, unless something has settled it by now."""
        out = await self.books.store.read(lambda c: outgoing.load(c, delivery_id))
        if out.delivery.due_at is None:
            return
        under_way = any(part.state in ("started", "unknown") for part in out.parts)
        with suppress(Overtaken):
            await self.books.set(out, state="unknown" if under_way else "failed", due_at=None, reason=why)

    async def _round(self, out: Outgoing, lane: Lane) -> Left:
        """One thing after another; what is left to do now, or None."""
        row, now = out.delivery, self.books.clock.now()
        if row.due_at is None or row.due_at > now:
            return None
        step = next((s for s in out.steps if s.n == row.step and s.state == "running"), None)
        if row.expires_at is not None and row.expires_at <= now and row.state in ("queued", "held"):
            return await self.books.set(out, state="expired", due_at=None, reason="it expired before it could be sent")
        if step is None:
            return await self._decide(out, lane)
        mine = [part for part in out.parts if part.step == step.n]
        for part in mine:
            if part.state in ("pending", "started", "unknown", "failed"):
                return await self.sender.part(out, step, part, lane)
        if step.deadline_at is not None and step.deadline_at <= now:
            await self.books.store.write(
                lambda c: outbound.end_step(c, row.id, step.n, "expired", "no success in time")
            )
            return await self.books.set(out, state="queued", due_at=now)
        return await self.books.set(out, due_at=step.deadline_at)

    async def _decide(self, out: Outgoing, lane: Lane) -> Left:
        lane.decisions += 1
        await self.board.reload()
        await self.advisor.book.reload()
        now = self.books.clock.now()
        request = self.advisor.request(out, remaining(content_of(out, self.advisor.policy), out))
        facts = self.advisor.facts(out)
        decision = decide(request, facts, now)
        data = dump(_DECISION, decision)
        if decision.steps and not decision.hold:
            begun = begin(out, decision.steps[0], request, facts, now)
            decided = deciding.begins(out.delivery, out.steps, decision, data, begun, self.books.ids)
            return outgoing.with_decision(out, decided)
        await store_decision(self.books.store, lane, Decided(out.delivery, decision, data, self.books.ids))
        return await self._nowhere(out, decision)

    async def _nowhere(self, out: Outgoing, decision: Decision) -> Left:
        """No channel now: wait for what passes, or say that there is none."""
        why = told(decision.refused)
        if any(one.reason == "expired" for one in decision.refused):
            return await self.books.set(out, state="expired", due_at=None, reason=why)
        again = None if decision.hold else after_doubt(out, decision.decided_at)
        waits = decision.hold or again is not None
        if in_doubt(out) and (waits or out.delivery.kind != "private"):
            return await self.books.set(out, state="unknown", due_at=None, reason=f"{UNKNOWN}; {why}")
        if waits:
            ends = [one.ends_at for one in decision.refused] + [again, decision.expires_at]
            # By the time of the decision: what has ended since then is to be looked at now, not never.
            later = [at for at in ends if at is not None and at > decision.decided_at]
            return await self.books.set(out, state="held", due_at=min(later, default=None), reason=why)
        if out.delivery.kind == "private":
            return await self._point(out, why)
        return await self.books.set(out, state="failed", due_at=None, reason=why)

    async def _point(self, out: Outgoing, why: str) -> Left:
        """Nothing private reaches this customer: the delivery goes to a person, and the customer is shown in public
        where to go on; its own words are never made public."""
        pointer = self.continuing.pointer(out.conversation, out.customer, out.delivery.id)
        now = self.books.clock.now()
        reason = f"no private way to this customer; {why}"

        def unit(connection: Connection) -> None:
            if pointer is not None:
                insert_references(connection, pointer.references)
                insert_all(connection, [pointer.delivery])
            values = {"state": "failed", "due_at": None, "reason": reason}
            outbound.set_delivery(connection, out.delivery, now, self.books.ids, **values)

        return await self.books.write(out, unit)
