"""Drives an adapter's flow with canned answers: no runner, no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from omnichannel.channel.errors import Rejected
from omnichannel.channel.wire import Flow, Wire, WireAnswer
from omnichannel.model.outcome import Failure

T = TypeVar("T")


def drive(flow: Flow[T], answers: Sequence[WireAnswer | Failure] = ()) -> tuple[list[Wire], T | Failure]:
    """The requests that a flow makes when it is given these answers, and what it returns; a `Rejected` becomes its
    failure. A `Failure` among the answers is thrown into the flow, as the runner does for a request that was refused
    before it had an answer.

    Raises `AssertionError` where the flow wants more answers than there are, or does not use them all.
    """
    requests: list[Wire] = []
    waiting = list(answers)
    result = _run(flow, waiting, requests)
    if waiting:
        raise AssertionError(f"the flow ended after {len(requests)} requests; {len(waiting)} answers were not used")
    return requests, result


def _run(flow: Flow[T], waiting: list[WireAnswer | Failure], requests: list[Wire]) -> T | Failure:
    try:
        request = next(flow)
        while True:
            requests.append(request)
            if not waiting:
                flow.close()
                raise AssertionError(f"the flow wants an answer to request {len(requests)}: {request}")
            answer = waiting.pop(0)
            request = flow.throw(Rejected(answer)) if isinstance(answer, Failure) else flow.send(answer)
    except StopIteration as end:
        returned: T = end.value
        return returned
    except Rejected as refusal:
        return refusal.failure
