"""Killed at any moment under load: what was acknowledged is there, once."""

from __future__ import annotations

import hmac
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import anyio
import httpx
import pytest
from sqlalchemy import Connection, text

from omnichannel.stores import drivers
from tests.faults.zygote import PHONE_NUMBER_ID, SECRET

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="starts desks by forking"),
]
CLIENTS = 16
CUSTOMERS = 40


def body(number: int) -> bytes:
    """A text of one of a few customers, as the platform sends it."""
    digits = f"3361234{number % CUSTOMERS:04}"
    message = {
        "from": digits,
        "id": f"wamid.{number}",
        "timestamp": str(1_800_000_000 + number),
        "type": "text",
        "text": {"body": f"message {number}"},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": PHONE_NUMBER_ID},
        "contacts": [{"profile": {"name": "Ann"}, "wa_id": digits}],
        "messages": [message],
    }
    entry = [{"id": "1", "changes": [{"value": value, "field": "messages"}]}]
    return json.dumps({"object": "whatsapp_business_account", "entry": entry}).encode()


class Platform:
    """Sends each message until it is acknowledged, as the real one does, and remembers which ones were."""

    def __init__(self) -> None:
        self.sent = 0
        self.waiting: list[int] = []
        self.acknowledged: list[int] = []
        self.refused: list[int] = []

    def next(self) -> int:
        """What was not acknowledged comes again, among new ones."""
        if self.waiting and self.sent % 2:
            self.sent += 1
            return self.waiting.pop(0)
        self.sent += 1
        return self.sent

    async def talk(self, port: int) -> None:
        """Talks to a desk until that dies."""
        here = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30)
        async with here as client, anyio.create_task_group() as tasks:
            for _ in range(CLIENTS):
                tasks.start_soon(self._one, client)

    async def _one(self, client: httpx.AsyncClient) -> None:
        while True:
            number = self.next()
            content = body(number)
            signature = hmac.new(SECRET.encode(), content, "sha256").hexdigest()
            headers = {"x-hub-signature-256": f"sha256={signature}", "content-type": "application/json"}
            try:
                answer = await client.post("/wa", content=content, headers=headers)
            except httpx.TransportError:
                self.waiting.append(number)
                return
            if answer.status_code == 200:
                self.acknowledged.append(number)
            else:
                self.refused.append(answer.status_code)
                self.waiting.append(number)


class Desks:
    """A desk that is started again after each death."""

    def __init__(self, zygote: Popen[str]) -> None:
        self.zygote = zygote

    def start(self) -> tuple[int, int]:
        """A new one: its process and its port."""
        assert self.zygote.stdin is not None
        self.zygote.stdin.write("go\n")
        self.zygote.stdin.flush()
        _, pid, port = self._hear("ready")
        return int(pid), int(port)

    def end(self, pid: int, how: signal.Signals) -> None:
        """Ends it, and waits until it has."""
        os.kill(pid, how)
        self._hear("ended")

    def _hear(self, what: str) -> list[str]:
        assert self.zygote.stdout is not None
        words = self.zygote.stdout.readline().split()
        assert words, "the desk could not be started"
        assert words[0] == what, words
        return words


@contextmanager
def desks(url: str) -> Generator[Desks]:
    command = [sys.executable, "-m", "tests.faults.zygote", url]
    root = Path(__file__).parent.parent.parent
    zygote = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True, cwd=root)  # noqa: S603 - our own code
    try:
        yield Desks(zygote)
    finally:
        zygote.communicate()
    assert zygote.returncode == 0


@contextmanager
def looking(url: str) -> Generator[Connection]:
    """A connection beside the desks'."""
    engine = drivers.open_engine(url, memory=False, writes=False, durable=False)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def drained(connection: Connection) -> bool:
    """Whether everything is parsed and handled."""
    query = (
        "SELECT (SELECT count(*) FROM omni_journal WHERE state = 'new')"
        " + (SELECT count(*) FROM omni_events WHERE state = 'new')"
    )
    with connection.begin():
        return connection.execute(text(query)).scalar() == 0


QUERIES = {
    "messages": "SELECT platform_id FROM omni_messages",
    "events": "SELECT key FROM omni_events WHERE state = 'done'",
    "undone": "SELECT seq FROM omni_journal WHERE state <> 'done'",
    "order": "SELECT m.id FROM omni_messages m JOIN omni_conversations c ON c.id = m.conversation_id"
    " WHERE m.customer_id <> c.customer_id",
    "people": "SELECT value FROM omni_addresses",
}


def survive(url: str, kills: int, seed: int, *, beside: int = 0) -> tuple[Platform, dict[str, list[str]]]:
    """Kills a desk so often, while so many others go on, and lets the last one finish; gives who said what was kept and
    what is in the store."""
    draw, platform = random.Random(seed), Platform()

    async def run(others: list[int]) -> None:
        async with anyio.create_task_group() as lasting:
            for port in others:
                lasting.start_soon(platform.talk, port)
            for _ in range(kills):
                pid, port = await anyio.to_thread.run_sync(running.start)
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(platform.talk, port)
                    await anyio.sleep(draw.uniform(0.01, 0.4))
                    await anyio.to_thread.run_sync(running.end, pid, signal.SIGKILL)
            lasting.cancel_scope.cancel()

    with desks(url) as running, ExitStack() as stack:
        others = [stack.enter_context(desks(url)) for _ in range(beside)]
        started = [one.start() for one in others]
        anyio.run(run, [port for _, port in started])
        for one, (pid, _) in zip(others, started, strict=True):
            one.end(pid, signal.SIGTERM)
        pid, _ = running.start()
        until = time.monotonic() + 120
        with looking(url) as connection:
            while not drained(connection):
                assert time.monotonic() < until, "the last desk does not come to an end"
                time.sleep(0.05)
        running.end(pid, signal.SIGTERM)
    queries = QUERIES | ({"integrity": "PRAGMA integrity_check"} if drivers.is_sqlite(url) else {})
    with looking(url) as connection:
        found = {name: connection.execute(text(query)).all() for name, query in queries.items()}
    return platform, {name: [str(row[0]) for row in rows] for name, rows in found.items()}


def check(platform: Platform, kept: dict[str, list[str]]) -> None:
    assert kept.get("integrity", ["ok"]) == ["ok"]
    assert platform.refused == []
    assert platform.acknowledged, "nothing was acknowledged: the test shows nothing"
    missing = {f"wamid.{number}" for number in platform.acknowledged} - set(kept["messages"])
    assert missing == set()
    assert len(kept["messages"]) == len(set(kept["messages"]))
    assert sorted(kept["events"]) == sorted(kept["messages"])
    assert kept["undone"] == kept["order"] == []
    assert len(kept["people"]) == len(set(kept["people"])) <= CUSTOMERS


def kills_of(request: pytest.FixtureRequest) -> int:
    return 50 if "faults" in (request.config.option.markexpr or "") else 5


def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice(
    store_url: str, seed: int, request: pytest.FixtureRequest
) -> None:
    check(*survive(store_url, kills_of(request), seed))


def test_one_of_two_on_one_server_is_killed(postgres_url: str, seed: int, request: pytest.FixtureRequest) -> None:
    """The other one goes on meanwhile, and takes over what the dead one had leased."""
    check(*survive(postgres_url, kills_of(request) // 2, seed, beside=1))


@pytest.mark.long
def test_five_hundred_times(tmp_path: Path, seed: int) -> None:
    check(*survive(f"sqlite:///{tmp_path / 'desk.db'}", 500, seed))
