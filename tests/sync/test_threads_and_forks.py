"""Any thread, any process, any fork: each answer is queued once, whoever asks how often."""

from __future__ import annotations

import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Thread

import anyio
import pytest

from omnichannel import Hub, StoreError
from omnichannel.sync import Client
from omnichannel.sync.opening import Opening
from tests.sync.given_desk import is_whole, keys, outcome, process, store_with_somebody_waiting

THREADS = 16
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")


def test_sixteen_threads_answer_at_once(store_url: str, seed: int) -> None:
    place = anyio.run(store_with_somebody_waiting, store_url, seed)
    client, start = Client(store=store_url), Barrier(THREADS)

    def work(number: int) -> list[str]:
        start.wait()  # so that the first of them opens the store while the others are there
        own = [client.reply(place, f"{number}", idempotency_key=f"own-{number}-{n}").id for n in range(4)]
        shared = client.reply(place, "all", idempotency_key="shared").id
        assert client.conversation(place).id == place
        assert client.delivery(own[-1]).state == "queued"
        return [*own, shared]

    with client, ThreadPoolExecutor(THREADS) as pool:
        made = list(pool.map(work, range(THREADS)))
    own = [one for each in made for one in each[:-1]]
    assert len(set(own)) == THREADS * 4
    assert len({each[-1] for each in made}) == 1
    assert len(keys(store_url)) == THREADS * 4 + 1
    assert is_whole(store_url)


async def test_a_key_holds_between_hub_client_and_another_process(store_url: str, seed: int) -> None:
    place = await store_with_somebody_waiting(store_url, seed)
    with Client(store=store_url) as client:
        async with Hub(store=store_url, work=False) as hub:
            first = await hub.reply(place, "It is in Oslo.", idempotency_key="a")
            assert client.reply(place, "It is in Rome.", idempotency_key="a") == first
            second = client.reply(place, "It is in Oslo.", idempotency_key="b")
            assert await hub.reply(place, "It is in Rome.", idempotency_key="b") == second
            assert outcome(process("answer", store_url, place, "a")) == [first.id]
            (third,) = outcome(process("answer", store_url, place, "c"))
            assert (await hub.reply(place, "It is in Rome.", idempotency_key="c")).id == third
    assert keys(store_url) == ["a", "b", "c"]


@forks
def test_a_fork_among_answering_threads(store_url: str, seed: int) -> None:
    place = anyio.run(store_with_somebody_waiting, store_url, seed)
    said = outcome(process("fork", store_url, place, "6"))
    assert said == ["child 0"] * 6 + ["ended"]
    found = [key for key in keys(store_url) if not key.startswith("thread")]
    assert found == [f"{name}-{number}" for name in ("after", "before", "child") for number in range(6)]
    assert is_whole(store_url)


@pytest.mark.faults
def test_killed_in_the_middle_of_answering(store_url: str, seed: int) -> None:
    draw = random.Random(seed)
    place = anyio.run(store_with_somebody_waiting, store_url, seed)
    taken: list[str] = []
    for begin in range(0, 60_000, 20_000):
        other = process("answer_for_ever", store_url, place, str(begin))
        assert other.stdout is not None
        taken += [other.stdout.readline().strip() for _ in range(draw.randrange(1, 40))]
        other.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        # It may have said more before it died.
        taken += [line.strip() for line in other.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]
    there = keys(store_url)
    assert set(taken) <= set(there)
    assert len(there) <= len(taken) + 3, "at most the one that was under way is there unsaid"
    with Client(store=store_url) as client:
        again = [client.reply(place, "Once more.", idempotency_key=key).id for key in there]
        assert len(set(again)) == len(there)
    assert keys(store_url) == there
    assert is_whole(store_url)


# ---------------------------------------------------------------- opening


def test_what_is_in_use_is_closed_after_its_use() -> None:
    said: list[str] = []
    opening = Opening(lambda: said.append("open"), lambda _: said.append("close"))
    entered, leave = Event(), Event()

    def use() -> None:
        with opening.use():
            entered.set()
            leave.wait(30)
            said.append("used")

    user = Thread(target=use)
    user.start()
    assert entered.wait(30)
    closer = Thread(target=opening.close)
    closer.start()
    leave.set()
    closer.join()
    user.join()
    assert said == ["open", "used", "close"]
    with opening.use():
        opening.close  # noqa: B018 - it is open again
    assert said == ["open", "used", "close", "open"]


def test_a_fork_does_not_wait_for_ever_for_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """What then goes along is neither used nor closed in the child."""
    monkeypatch.setattr("omnichannel.sync.opening.PATIENCE", 0.0)
    kept: list[object] = []
    monkeypatch.setattr("omnichannel.sync.opening._abandoned", kept)
    closed: list[object] = []
    opening: Opening[object] = Opening(object, closed.append)
    with opening.use() as first:
        opening.before_fork()
        opening.after_in_child()  # played in this process
        with opening.use() as second:
            assert second is not first
        assert kept == [first]
    assert closed == []


def test_what_does_not_open_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    client = Client(store=f"sqlite:///{folder / 'desk.db'}")
    with pytest.raises(StoreError, match="cannot open the store"):
        client.desk.list("support")
    folder.mkdir()
    assert client.desk.list("support").items == []
    client.close()
