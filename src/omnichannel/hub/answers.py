"""What a hub answers questions with: records that can also say it in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Generic, Self, TypeVar

from omnichannel.model.message import Decision as PlainDecision
from omnichannel.routing.explain import Explanation, decision_as_text
from omnichannel.withdrawal.reach import Reach

T = TypeVar("T")

__all__ = ["Decision", "Explanation", "Impact", "Page", "Reach"]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list; `next` is the cursor of the following part, None at the end."""

    items: Sequence[T]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(PlainDecision):
    """What would happen now: the steps, and for every channel not used why not."""

    @classmethod
    def of(cls, plain: PlainDecision) -> Self:
        """The same, with words."""
        return cls(**{one.name: getattr(plain, one.name) for one in fields(plain)})

    def as_text(self, language: str = "en", timezone: str = "UTC") -> str:
        """In English, French or German."""
        return decision_as_text(self, language, timezone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What a withdrawal would do, from one's own rows. Nothing was sent to find out."""

    channel: str
    brand: str
    reach: Reach
    open_conversations: int
    prices: Mapping[str, Decimal]
    currency: str = "USD"

    def as_text(self) -> str:
        """A small table."""
        reach = self.reach
        rows: list[tuple[str, str]] = [
            ("customers", f"{reach.customers:,}"),
            ("  moved already", f"{reach.moved:,}"),
            ("  reachable elsewhere", f"{reach.reachable_elsewhere:,}{_by(reach.by)}"),
            ("  told, not followed", f"{reach.told:,}"),
            ("  unreachable", f"{reach.unreachable:,}{_by(reach.reasons)}"),
            ("open conversations", f"{self.open_conversations:,}"),
            ("notices", f"{reach.notices:,}"),
            ("cost of notices", f"{reach.cost.normalize():f} {self.currency}" if self.prices else "no price is known"),
        ]
        width = max(len(name) for name, _ in rows)
        head = f"If {self.channel} goes ({self.brand}):"
        return "\n".join([head, *(f"  {name:<{width}}  {value}" for name, value in rows)])


def _by(counts: Mapping[str, int]) -> str:
    said = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda one: -one[1]))
    return f" ({said})" if said else ""
