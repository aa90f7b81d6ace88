"""What the tests of withdrawal start from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from omnichannel.model.withdrawal import WHOLE, Phase, Scope, Withdrawal

DAY = timedelta(days=1)
START = datetime(2027, 1, 1, tzinfo=UTC)
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


FULL = Withdrawal(
    id="wdr_1",
    channel="x",
    announced_at=START,
    redirect_at=START + 10 * DAY,
    no_new_at=START + 20 * DAY,
    read_only_at=START + 30 * DAY,
    closed_at=START + 40 * DAY,
    reinstated_at=START + 50 * DAY,
)
"""All dates, ten days apart, from the first of January 2027."""


def in_phase(
    phase: Phase,
    *,
    id: str = "wdr_1",
    channel: str = "x",
    scope: Scope = WHOLE,
    account: str | None = None,
    brand: str = "default",
    targets: tuple[str, ...] = ("whatsapp", "email"),
) -> Withdrawal:
    """A withdrawal that has been in one phase for ten days at `NOON`."""
    at = NOON - 10 * DAY
    before = NOON - 20 * DAY
    return Withdrawal(
        id=id,
        channel=channel,
        scope=scope,
        account=account,
        brand=brand,
        targets=targets,
        announced_at=at if phase == "announced" else before,
        redirect_at=at if phase == "redirecting" else None,
        no_new_at=at if phase == "no_new" else None,
        read_only_at=at if phase == "read_only" else None,
        closed_at=at if phase == "closed" else before if phase == "reinstated" else None,
        reinstated_at=at if phase == "reinstated" else None,
    )
