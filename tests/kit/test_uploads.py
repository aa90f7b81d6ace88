"""Files in slices, and looking until the platform is done with one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from omnichannel.channel.errors import Rejected
from omnichannel.channel.wire import Flow
from omnichannel.kit.uploads import Progress, slices, wait_for
from omnichannel.model.content import Media
from omnichannel.model.outcome import Failure, Outcome
from omnichannel.testing.flows import drive

SECOND = timedelta(seconds=1)
READY, WORKING, FAILED = Progress("ready", SECOND), Progress("working", 3 * SECOND), Progress("failed", SECOND)


def video(size: int | None) -> Media:
    return Media(kind="video", type="video/mp4", ref="blob:v", size=size)


@pytest.mark.parametrize(
    ("size", "cuts"), [(1, [(0, 1)]), (4, [(0, 4)]), (5, [(0, 4), (4, 1)]), (8, [(0, 4), (4, 4)]), (0, [])]
)
def test_a_file_in_slices(size: int, cuts: list[tuple[int, int]]) -> None:
    found = list(slices(video(size), 4, 2, "media"))
    assert [(one.offset, one.length) for one in found] == cuts
    assert {one.name for one in found} <= {"media"}


@pytest.mark.parametrize("size", [None, 9])
def test_too_many_slices_are_refused_before_the_first(size: int | None) -> None:
    with pytest.raises(Rejected) as caught:
        slices(video(size), 4, 2, "media")
    assert caught.value.failure.code == "unknown_size"


def looks(*found: Progress) -> tuple[list[Progress], Flow[None]]:
    rest: Iterator[Progress] = iter(found[1:])
    seen: list[Progress] = []

    def look() -> Flow[Progress]:
        yield from ()
        seen.append(next(rest))
        return seen[-1]

    return seen, wait_for("media 7", found[0], look, 2)


@pytest.mark.parametrize("found", [(READY,), (WORKING, READY), (WORKING, WORKING, READY)])
def test_it_is_looked_until_the_file_is_ready(found: tuple[Progress, ...]) -> None:
    seen, flow = looks(*found)
    assert drive(flow) == ([], None)
    assert len(seen) == len(found) - 1


@pytest.mark.parametrize("found", [(FAILED,), (WORKING, WORKING, FAILED)])
def test_a_file_that_could_not_be_processed_is_refused(found: tuple[Progress, ...]) -> None:
    _, failure = drive(looks(*found)[1])
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.code) == (Outcome.INVALID, "media_failed")


def test_what_takes_longer_is_tried_again() -> None:
    _, failure = drive(looks(WORKING, WORKING, WORKING)[1])
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.code, failure.retry_after) == (Outcome.RETRY, "media_pending", 3 * SECOND)
