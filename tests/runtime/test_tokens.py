"""Tokens: one refresh at a time, on disk before use, and of two processes the second takes the first one's."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from omnichannel.channel import Channel, Token
from omnichannel.model.exceptions import StoreError
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.tokens import StoredToken, TokenVault, refreshes
from omnichannel.testing.clock import START, FakeClock
from tests.runtime.fakes import MemoryRows, PlainChannel, RefreshingChannel, plain, settled

OLD = Token(value="old", refresh="r1")
NEW = Token(value="new", refresh="r2")
THEIRS = Token(value="theirs", refresh="r3")
REFUSED = Failure(outcome=Outcome.INVALID, level=Level.MESSAGE, code="invalid_grant", refresh=True)


class Refreshing:
    """A platform's token endpoint: each refresh token works once."""

    def __init__(self, *answers: Token | Failure) -> None:
        self.answers = list(answers)
        self.used: list[Token | None] = []
        self.go_on = anyio.Event()
        self.go_on.set()

    async def __call__(self, channel: Channel[Any], token: Token | None) -> Token | Failure:
        self.used.append(token)
        await self.go_on.wait()
        return self.answers.pop(0)


@pytest.fixture
def channel() -> PlainChannel:
    return plain(RefreshingChannel)


def test_only_channels_that_say_so_have_tokens(channel: PlainChannel) -> None:
    assert (refreshes(channel), refreshes(plain())) == (True, False)


async def test_a_channel_without_refresh_costs_no_look_at_the_rows() -> None:
    vault = TokenVault(MemoryRows(StoredToken(OLD, 1)), FakeClock())
    assert await vault.current(plain(), Refreshing()) is None


async def test_the_row_is_read_once_until_somebody_connects_anew(channel: PlainChannel) -> None:
    rows = MemoryRows(StoredToken(OLD, 1))
    vault = TokenVault(rows, FakeClock())
    assert await vault.current(channel, Refreshing()) == OLD
    rows.stored = StoredToken(THEIRS, 2)
    assert await vault.current(channel, Refreshing()) == OLD
    vault.forget("plain-main")
    assert await vault.current(channel, Refreshing()) == THEIRS


async def test_no_token_yet_is_no_failure(channel: PlainChannel) -> None:
    vault = TokenVault(MemoryRows(), FakeClock())
    assert await vault.current(channel, Refreshing()) is None
    assert await vault.refreshed(channel, None, Refreshing(NEW)) == NEW
    assert await vault.current(channel, Refreshing()) == NEW


@pytest.mark.parametrize(("seconds", "refreshed"), [(61, False), (60, True), (1, True), (-5, True)])
async def test_a_token_is_refreshed_a_minute_before_it_expires(
    channel: PlainChannel, seconds: int, refreshed: bool
) -> None:
    old = replace(OLD, expires_at=START + timedelta(seconds=seconds))
    vault = TokenVault(MemoryRows(StoredToken(old, 1)), FakeClock())
    assert await vault.current(channel, Refreshing(NEW)) == (NEW if refreshed else old)


@pytest.mark.parametrize(("seconds", "usable"), [(30, True), (0, False)])
async def test_a_refresh_that_fails_early_leaves_the_token_that_still_works(
    channel: PlainChannel, seconds: int, usable: bool
) -> None:
    old = replace(OLD, expires_at=START + timedelta(seconds=seconds))
    vault = TokenVault(MemoryRows(StoredToken(old, 1)), FakeClock())
    found = await vault.current(channel, Refreshing(REFUSED))
    assert found == old if usable else isinstance(found, Failure)


async def test_a_hundred_tasks_refresh_once(channel: PlainChannel) -> None:
    rows = MemoryRows(StoredToken(OLD, 1))
    vault = TokenVault(rows, FakeClock())
    platform = Refreshing(NEW)
    platform.go_on = anyio.Event()
    found: list[Token | Failure] = []

    async def one() -> None:
        found.append(await vault.refreshed(channel, OLD, platform))

    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(one)
        await settled()
        platform.go_on.set()
    assert (found, platform.used, rows.saved) == ([NEW] * 100, [OLD], [NEW])


async def test_it_is_on_disk_before_it_is_used(channel: PlainChannel) -> None:
    rows = MemoryRows(StoredToken(OLD, 1))

    def full() -> None:
        raise StoreError("disk full")

    rows.before_save = full
    vault = TokenVault(rows, FakeClock())
    with pytest.raises(StoreError):
        await vault.refreshed(channel, OLD, Refreshing(NEW))
    rows.before_save = lambda: None
    assert await vault.current(channel, Refreshing()) == OLD


async def test_the_process_whose_commit_came_second_takes_the_others_token(channel: PlainChannel) -> None:
    rows = MemoryRows(StoredToken(OLD, 1))
    rows.before_save = lambda: setattr(rows, "stored", StoredToken(THEIRS, 2))
    vault = TokenVault(rows, FakeClock())
    assert await vault.refreshed(channel, OLD, Refreshing(NEW)) == THEIRS
    assert await vault.current(channel, Refreshing()) == THEIRS


async def test_a_refresh_token_that_another_process_used_up_is_no_failure(channel: PlainChannel) -> None:
    rows = MemoryRows(StoredToken(OLD, 1))

    async def too_late(channel: Channel[Any], token: Token | None) -> Token | Failure:
        rows.stored = StoredToken(THEIRS, 2)
        return REFUSED

    assert await TokenVault(rows, FakeClock()).refreshed(channel, OLD, too_late) == THEIRS


async def test_another_process_was_faster_so_nothing_is_refreshed(channel: PlainChannel) -> None:
    platform = Refreshing()
    vault = TokenVault(MemoryRows(StoredToken(THEIRS, 2)), FakeClock())
    assert await vault.refreshed(channel, OLD, platform) == THEIRS
    assert platform.used == []


async def test_a_refusal_reaches_as_far_as_the_account(channel: PlainChannel) -> None:
    found = await TokenVault(MemoryRows(StoredToken(OLD, 1)), FakeClock()).refreshed(channel, OLD, Refreshing(REFUSED))
    assert isinstance(found, Failure)
    assert (found.level, found.certain, found.refresh, found.code) == (Level.ACCOUNT, True, False, "invalid_grant")


async def test_a_row_that_vanished_is_said(channel: PlainChannel) -> None:
    rows = MemoryRows(StoredToken(OLD, 1))
    rows.before_save = lambda: setattr(rows, "stored", None)
    found = await TokenVault(rows, FakeClock()).refreshed(channel, OLD, Refreshing(NEW))
    assert isinstance(found, Failure)
    assert (found.outcome, found.code) == (Outcome.RETRY, "token_not_kept")


def test_tokens_do_not_print_themselves() -> None:
    assert "old" not in repr(StoredToken(OLD, 1))
    assert "r1" not in repr(StoredToken(OLD, 1))
