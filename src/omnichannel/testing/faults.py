"""What goes wrong between us and a platform, drawn from a seed so that a run can be repeated."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias, get_args

FaultKind: TypeAlias = Literal[
    "timeout_before_write",
    "timeout_lost",
    "timeout_after_write",
    "rate_limited",
    "server_error",
    "truncated_json",
    "html_error",
    "slow",
    "duplicate_webhook",
    "reordered_webhooks",
]
"""`timeout_before_write`: no connection. `timeout_lost`: the request was written, and the platform never did it.
`timeout_after_write` and `truncated_json`: the platform did it, and its answer is lost or cut."""

FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
REQUEST_FAULTS: tuple[FaultKind, ...] = FAULT_KINDS[:8]


class SimulatedTimeout(Exception):
    """No answer came. `maybe_sent` says that the platform may have taken the request; `dns` that there is no host."""

    def __init__(self, why: str, *, maybe_sent: bool, dns: bool = False) -> None:
        super().__init__(why)
        self.maybe_sent = maybe_sent
        self.dns = dns


class FaultPlan:
    """How often which fault happens, between 0 and 1; the draws depend on the seed alone. `drawn` counts them.

    Raises `ValueError` for an unknown kind, a rate outside 0..1, or request faults that add up to more than 1.
    """

    def __init__(self, seed: int = 0, rates: Mapping[FaultKind, float] | None = None) -> None:
        self.seed = seed
        self.rates: Mapping[FaultKind, float] = dict(rates or {})
        self.drawn: Counter[FaultKind] = Counter()
        self._random = random.Random(f"faults:{seed}")  # noqa: S311 - repeatable, not secret
        for kind, rate in self.rates.items():
            if kind not in FAULT_KINDS:
                raise ValueError(f"unknown fault {kind!r}; there are: {', '.join(FAULT_KINDS)}")
            if not 0 <= rate <= 1:
                raise ValueError(f"the rate of {kind} is {rate}, not between 0 and 1")
        if sum(self.rates.get(kind, 0.0) for kind in REQUEST_FAULTS) > 1 + 1e-9:
            raise ValueError("the rates of the faults of a request add up to more than 1")

    def draw(self, kinds: Collection[FaultKind] = REQUEST_FAULTS) -> FaultKind | None:
        """At most one fault of these kinds, each with its own rate."""
        if not self.rates:
            return None
        point = self._random.random()
        for kind in kinds:
            rate = self.rates.get(kind, 0.0)
            if point < rate:
                self.drawn[kind] += 1
                return kind
            point -= rate
        return None

    def happens(self, kind: FaultKind) -> bool:
        """Whether this fault happens now."""
        return self.draw((kind,)) is not None

    def seconds(self, low: float, high: float) -> float:
        """A span for a delay, drawn like the faults."""
        return self._random.uniform(low, high)
