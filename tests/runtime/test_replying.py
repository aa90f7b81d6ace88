"""One token for a conversation and address, which is on disk as a hash before it is in any mail."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from omnichannel.channel.base import Channel
from omnichannel.continuation.replies import is_reply_token, token_digest
from omnichannel.runtime import replying
from omnichannel.runtime.replying import ReplyTokens
from omnichannel.stores.schema import reply_tokens
from omnichannel.stores.sql import SqlStore
from omnichannel.testing.clock import FakeClock
from omnichannel.testing.ids import SeededIds
from tests.adapters.smtp_imap.mails import channel
from tests.testing.pager import ACCOUNT, PagerChannel


def tokens_of(store: SqlStore) -> ReplyTokens:
    clock = FakeClock()
    return ReplyTokens(store, clock, SeededIds(1, clock))


async def digests(store: SqlStore) -> dict[str, tuple[str, str]]:
    rows = await store.read(lambda c: c.execute(select(reply_tokens)).all())
    return {row.digest: (row.conversation_id, row.address_id) for row in rows}


async def test_it_is_made_once_and_only_its_hash_is_kept() -> None:
    async with SqlStore("sqlite://", threads=False) as store:
        tokens = tokens_of(store)
        first = (await tokens.context(channel(), "cnv_1", "adr_1"))["reply_token"]
        assert is_reply_token(first)
        assert await tokens.context(channel(), "cnv_1", "adr_1") == {"reply_token": first}
        other = (await tokens.context(channel(), "cnv_1", "adr_2"))["reply_token"]
        assert await digests(store) == {
            token_digest(first): ("cnv_1", "adr_1"),
            token_digest(other): ("cnv_1", "adr_2"),
        }


async def test_a_process_that_starts_anew_makes_another_and_the_old_one_stays_good() -> None:
    async with SqlStore("sqlite://", threads=False) as store:
        before = tokens_of(store)
        after = ReplyTokens(store, before.clock, SeededIds(2, before.clock))
        made = [(await one.context(channel(), "cnv_1", "adr_1"))["reply_token"] for one in (before, after)]
        assert (await digests(store)).keys() == {token_digest(one) for one in made}
        assert len(set(made)) == 2


@pytest.mark.parametrize(
    ("where", "address"),
    [(PagerChannel(ACCOUNT), "adr_1"), (channel(plus=False), "adr_1"), (channel(), None)],
    ids=["a channel without", "an account without", "no address"],
)
async def test_where_nothing_comes_back_none_is_made(where: Channel[Any], address: str | None) -> None:
    async with SqlStore("sqlite://", threads=False) as store:
        assert await tokens_of(store).context(where, "cnv_1", address) == {}
        assert await digests(store) == {}


async def test_not_all_of_them_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replying, "MOST", 2)
    async with SqlStore("sqlite://", threads=False) as store:
        tokens = tokens_of(store)
        made = [await tokens.context(channel(), f"cnv_{n}", "adr_1") for n in range(3)]
        assert [await tokens.context(channel(), f"cnv_{n}", "adr_1") == made[n] for n in (2, 1, 0)] == [
            True,
            True,
            False,
        ]
