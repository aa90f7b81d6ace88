"""Outgoing webhooks of a simulated platform: queued with a due time, retried, doubled and reordered."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

import anyio

from omnichannel.model.base import NOTHING
from omnichannel.testing.faults import FaultPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """A call of ours by the platform. Header names are lower-case."""

    method: str = "POST"
    url: str
    headers: Mapping[str, str] = NOTHING
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class PendingWebhook:
    """A webhook that waits for its time; `tries` were made already."""

    due_at: datetime
    account_id: str
    request: WebhookRequest
    tries: int = 0


Post: TypeAlias = Callable[[WebhookRequest], Awaitable[int]]
"""Makes the call and gives the status; 0 where nobody answered."""


AT_ONCE = 32
"""Webhooks that a platform has under way to us at a time."""


class WebhookQueue:
    """Webhooks by due time. `given_up` holds those that the platform stopped trying; `delayed` is how long what happens
    from now on stays behind at the platform."""

    def __init__(self, now: Callable[[], datetime], retry_waits: tuple[timedelta, ...]) -> None:
        self.faults = FaultPlan()
        self.given_up: list[PendingWebhook] = []
        self.delivered = 0
        self.delayed = timedelta(0)
        self.side_by_side = False
        self.under_way = 0
        self._now = now
        self._retry_waits = retry_waits
        self._heap: list[tuple[datetime, int, PendingWebhook]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap) + self.under_way

    def put(self, pending: PendingWebhook) -> None:
        """Queues one; the fault plan may double it or hold it back behind later ones."""
        if self.delayed:
            pending = replace(pending, due_at=pending.due_at + self.delayed)
        if self.faults.happens("reordered_webhooks"):
            pending = replace(pending, due_at=pending.due_at + timedelta(seconds=self.faults.seconds(1, 30)))
        self._push(pending)
        if self.faults.happens("duplicate_webhook"):
            self._push(replace(pending, due_at=pending.due_at + timedelta(seconds=self.faults.seconds(0, 60))))

    def _push(self, pending: PendingWebhook) -> None:
        self._count += 1
        heapq.heappush(self._heap, (pending.due_at, self._count, pending))

    def next_due(self) -> datetime | None:
        """When the next one is due, or None."""
        return self._heap[0][0] if self._heap else None

    async def deliver_due(self, post: Post, stamp: Callable[[PendingWebhook], WebhookRequest]) -> int:
        """Delivers all that are due, those included that become due meanwhile; gives the number of calls made.

        One after the other, so that a run can be repeated; with `side_by_side` many at once and in no order, as
        platforms do.
        """
        calls = 0
        while due := self._take_due():
            calls += len(due)
            if not self.side_by_side:
                for pending in due:
                    await self._deliver(pending, post, stamp)
                continue
            limit = anyio.Semaphore(AT_ONCE)
            async with anyio.create_task_group() as group:
                for pending in due:
                    await limit.acquire()
                    group.start_soon(self._deliver_beside, pending, post, stamp, limit)
        return calls

    def _take_due(self) -> list[PendingWebhook]:
        """The webhooks that are due: the next one, or, side by side, all of them."""
        due: list[PendingWebhook] = []
        while self._heap and self._heap[0][0] <= self._now() and (self.side_by_side or not due):
            due.append(heapq.heappop(self._heap)[2])
        self.under_way = len(due)
        return due

    async def _deliver_beside(
        self,
        pending: PendingWebhook,
        post: Post,
        stamp: Callable[[PendingWebhook], WebhookRequest],
        limit: anyio.Semaphore,
    ) -> None:
        try:
            await self._deliver(pending, post, stamp)
        finally:
            limit.release()

    async def _deliver(
        self, pending: PendingWebhook, post: Post, stamp: Callable[[PendingWebhook], WebhookRequest]
    ) -> None:
        status = await post(stamp(pending))
        self.under_way -= 1
        if 200 <= status < 300:
            self.delivered += 1
        elif pending.tries < len(self._retry_waits):
            due_at = self._now() + self._retry_waits[pending.tries]
            self._push(replace(pending, due_at=due_at, tries=pending.tries + 1))
        else:
            self.given_up.append(pending)
