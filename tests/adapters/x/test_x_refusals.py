"""Every no of simulated X is understood by our channel, and nothing arrives that was refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from omnichannel.channel import (
    Failure,
    Level,
    MessageDeleted,
    MessageEchoed,
    Outcome,
    Part,
    Receipt,
)
from omnichannel.model.content import Text
from omnichannel.testing.faults import FaultPlan
from omnichannel.testing.simulators.base import WithdrawalMode
from omnichannel.testing.simulators.x_state import weighted
from tests.adapters.x.desk import (
    START,
    Desk,
    ann_of,
    desk_with_ann,
    failed,
    received,
    sent,
)

Act = Callable[[Desk], object]
REFUSALS: list[tuple[str, Act, str, Outcome, Level]] = [
    ("blocked", lambda d: d.sim.blocks("@ann_k"), "dm", Outcome.UNREACHABLE, Level.ADDRESS),
    ("closed", lambda d: d.sim.closes_dms("@ann_k"), "dm", Outcome.UNREACHABLE, Level.ADDRESS),
    ("suspended", lambda d: d.sim.suspend("x-main"), "dm", Outcome.SUSPENDED, Level.ACCOUNT),
    ("locked", lambda d: d.sim.lock("x-main"), "mention", Outcome.SUSPENDED, Level.ACCOUNT),
    ("no credits", lambda d: setattr(d.sim, "credits", Decimal(0)), "dm", Outcome.PAYMENT_REQUIRED, Level.APP),
    ("not enrolled", lambda d: setattr(d.sim, "enrolled", False), "mention", Outcome.PAYMENT_REQUIRED, Level.APP),
    ("blocked in public", lambda d: d.sim.blocks("@ann_k"), "mention", Outcome.UNREACHABLE, Level.ADDRESS),
    (
        "deleted",
        lambda d: d.sim.deletes("@ann_k", next(iter(d.sim.posts))),
        "mention",
        Outcome.INVALID,
        Level.MESSAGE,
    ),
]


@pytest.mark.parametrize(("name", "act", "surface", "outcome", "level"), REFUSALS, ids=[one[0] for one in REFUSALS])
async def test_noes(name: str, act: Act, surface: str, outcome: Outcome, level: Level) -> None:
    desk = desk_with_ann()
    post_id = desk.sim.says("@ann_k", "hello", surface="mention")
    act(desk)
    where = {"surface": surface, "reply_to": post_id if surface == "mention" else None}
    failure = failed(await desk.send(ann_of(desk), "hello", **where))
    assert (failure.outcome, failure.level, failure.certain, failure.recognized) == (outcome, level, True, True)
    assert desk.sim.seen("@ann_k") == []
    assert desk.sim.accepted == {}


async def test_who_wrote_to_us_has_opened_their_dms() -> None:
    desk = desk_with_ann()
    desk.sim.closes_dms("@ann_k")
    desk.sim.says("@ann_k", "hello")
    sent(await desk.send(ann_of(desk), "hello"))


async def test_a_block_and_its_end() -> None:
    desk = desk_with_ann()
    desk.sim.blocks("@ann_k")
    failed(await desk.send(ann_of(desk), "hello"))
    desk.sim.blocks("@ann_k", blocked=False)
    sent(await desk.send(ann_of(desk), "hello"))


@pytest.mark.parametrize(
    ("tier", "how", "allowed"),
    [
        ("pay_per_use", "names us", True),
        ("pay_per_use", "quotes us", True),
        ("pay_per_use", "answers us", False),
        ("pay_per_use", "speaks of something else", False),
        ("enterprise", "speaks of something else", True),
    ],
)
async def test_only_who_is_summoned_answers_in_public(tier: str, how: str, allowed: bool) -> None:
    desk = desk_with_ann(tier=tier)
    ours = desk.sim.publish(desk.sim.user_of("x-main"), "Good morning")
    post_id = {
        "names us": lambda: desk.sim.says("@ann_k", "@brand1 hello", surface="mention"),
        "quotes us": lambda: desk.sim.quotes("@ann_k", "look", ours.id),
        "answers us": lambda: desk.sim.says("@ann_k", "hello", surface="mention", reply_to=ours.id),
        "speaks of something else": lambda: desk.sim.publish(desk.sim.person("@ann_k"), "nice day").id,
    }[how]()
    result = await desk.send(ann_of(desk), "Hello Ann", surface="mention", reply_to=post_id)
    heard = received(await desk.hears())
    if allowed:
        sent(result)
    else:
        assert failed(result).outcome is Outcome.INVALID
    if how != "speaks of something else":
        assert heard[0].context["summoned"] == ("no" if how == "answers us" else "yes")


async def test_the_same_words_twice_were_said_already() -> None:
    desk = desk_with_ann()
    post_id = desk.sim.says("@ann_k", "hello", surface="mention")
    where = {"surface": "mention", "reply_to": post_id}
    sent(await desk.send(ann_of(desk), "Good morning", **where))
    again = failed(await desk.send(ann_of(desk), "Good morning", **where))
    assert (again.outcome, again.certain) == (Outcome.ALREADY_DONE, True)
    assert len(desk.sim.seen("@ann_k")) == 1
    assert desk.sim.accepted[ann_of(desk), "Good morning", ""] == 1
    sent(await desk.send(ann_of(desk), "Good evening", **where))


@pytest.mark.parametrize("surface", ["dm", "mention"])
@pytest.mark.parametrize("premium", [False, True])
async def test_the_limit_of_text_is_where_we_say(surface: str, premium: bool) -> None:
    desk = desk_with_ann(premium=premium)
    caps = desk.channel.surface(surface)
    assert caps is not None
    post_id = desk.sim.says("@ann_k", "hello", surface="mention")
    where = {"surface": surface, "reply_to": post_id if surface == "mention" else None}
    sent(await desk.send(ann_of(desk), "q" * caps.text_limit, **where))
    refused = failed(await desk.send(ann_of(desk), "q" * (caps.text_limit + 1), **where))
    assert (refused.outcome, refused.certain) == (Outcome.INVALID, True)
    assert [len(one.text) for one in desk.sim.seen("@ann_k")] == [caps.text_limit]


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("a" * 280, 280),
        ("é" * 10, 10),
        ("e\u0301" * 10, 10),
        ("日本" * 70, 280),
        ("👨‍👩‍👧", 2),
        ("👍🏽", 2),
        ("see https://example.com/a/very/long/path?with=query", 27),
    ],
)
async def test_posts_are_weighed(text: str, weight: int) -> None:
    """https://docs.x.com/fundamentals/counting-characters"""
    assert weighted(text) == weight


async def test_the_window_of_dms_is_full_and_opens_again() -> None:
    desk = desk_with_ann()
    for index in range(15):
        sent(await desk.send(ann_of(desk), f"message {index}"))
        desk.passes(seconds=10)
    full = failed(await desk.send(ann_of(desk), "one more"))
    assert (full.outcome, full.level, full.certain) == (Outcome.RETRY, Level.ACCOUNT, True)
    assert full.not_before == START + timedelta(minutes=15)
    assert full.retry_after == timedelta(seconds=750)
    desk.time = START + timedelta(minutes=15)
    sent(await desk.send(ann_of(desk), "one more"))


async def test_the_months_cap_is_not_a_full_window() -> None:
    desk = desk_with_ann()
    desk.sim.cap = 1
    desk.sim.says("@ann_k", "hello", surface="mention")
    batch = await desk.run(desk.channel.poll(None))
    assert not isinstance(batch, Failure)
    used_up = failed(await desk.run(desk.channel.poll(batch.cursor)))
    assert (used_up.outcome, used_up.code, used_up.level) == (Outcome.PAYMENT_REQUIRED, "usage-capped", Level.APP)


async def test_what_things_cost() -> None:
    desk = desk_with_ann()
    desk.sim.credits = Decimal("0.300")
    post_id = desk.sim.says("@ann_k", "hello", surface="mention")
    where = {"surface": "mention", "reply_to": post_id}
    sent(await desk.send(ann_of(desk), "Hello Ann", **where))
    sent(await desk.send(ann_of(desk), "See https://desk.example/help", **where))
    sent(await desk.send(ann_of(desk), "Hello"))
    wanted = {"summoned reply": "0.010", "post with link": "0.200", "dm": "0.015", "event post.mention.create": "0.005"}
    assert {item: str(desk.sim.spent[item]) for item in wanted} == wanted
    published = {(one.action, one.condition): str(one.amount) for one in desk.channel.prices}
    assert published["reply", "mention"] == wanted["summoned reply"]
    assert published["send_with_link", "mention"] == wanted["post with link"]
    assert published["send", "dm"] == wanted["dm"]
    desk.sim.credits = Decimal("-0.001")
    assert failed(await desk.send(ann_of(desk), "Hello again")).outcome is Outcome.PAYMENT_REQUIRED


async def test_deleting_ours_and_hearing_of_theirs() -> None:
    desk = desk_with_ann()
    post_id = desk.sim.says("@ann_k", "hello", surface="mention")
    (heard,) = received(await desk.hears())
    receipt = sent(await desk.reply(heard, "Hello"))
    dm = sent(await desk.send(ann_of(desk), "Hello in private"))
    await desk.hears()
    part = Part(key="p", to=ann_of(desk), content=Text(""), surface="mention")
    assert await desk.run(desk.channel.delete(receipt.ids[0], part)) is None
    (gone,) = await desk.hears()
    assert isinstance(gone, MessageDeleted)
    assert gone.message_id == receipt.ids[0]
    assert await desk.run(desk.channel.delete(dm.ids[0], replace(part, surface="dm"))) is None
    assert [one.text for one in desk.sim.seen("@ann_k")] == ["Hello in private"], "from our own view only"
    assert failed(await desk.run(desk.channel.delete(post_id, part))).outcome is Outcome.UNREACHABLE
    desk.sim.deletes("@ann_k", post_id)
    assert await desk.hears() == [], "nobody is told of a post that a customer deletes"


GONE: list[tuple[WithdrawalMode, Outcome]] = [
    ("402", Outcome.PAYMENT_REQUIRED),
    ("403-plan", Outcome.PAYMENT_REQUIRED),
    ("410", Outcome.WITHDRAWN),
    ("200-with-error", Outcome.WITHDRAWN),
    ("dns-blackhole", Outcome.RETRY),
]


@pytest.mark.parametrize(("mode", "outcome"), GONE)
async def test_withdrawal_on_a_date(mode: WithdrawalMode, outcome: Outcome) -> None:
    desk = desk_with_ann()
    desk.sim.withdraw(mode, at=START + timedelta(hours=1))
    sent(await desk.send(ann_of(desk), "the day before"))
    desk.passes(hours=1)
    gone = failed(await desk.send(ann_of(desk), "the day after"))
    assert (gone.outcome, gone.certain) == (outcome, True)
    assert [one.text for one in desk.sim.seen("@ann_k")] == ["the day before"]
    desk.sim.reinstate()
    sent(await desk.send(ann_of(desk), "back again"))


async def test_a_silent_end_says_yes_and_delivers_nothing() -> None:
    desk = desk_with_ann()
    desk.sim.withdraw("silent")
    sent(await desk.send(ann_of(desk), "hello"))
    assert desk.sim.seen("@ann_k") == []


FAULTS: list[tuple[Any, Outcome, bool, int]] = [
    ("timeout_before_write", Outcome.RETRY, True, 0),
    ("timeout_lost", Outcome.RETRY, False, 0),
    ("timeout_after_write", Outcome.RETRY, False, 1),
    ("truncated_json", Outcome.RETRY, False, 1),
    ("html_error", Outcome.RETRY, False, 0),
    ("server_error", Outcome.RETRY, False, 0),
    ("rate_limited", Outcome.RETRY, True, 0),
]


@pytest.mark.parametrize(("kind", "outcome", "certain", "arrived"), FAULTS)
async def test_faults(kind: Any, outcome: Outcome, certain: bool, arrived: int) -> None:
    desk = desk_with_ann()
    desk.sim.faults = FaultPlan(rates={kind: 1.0})
    failure = failed(await desk.send(ann_of(desk), "hello"))
    assert (failure.outcome, failure.certain) == (outcome, certain)
    assert (failure.retry_after is not None) is (kind == "rate_limited")
    assert len(desk.sim.seen("@ann_k")) == arrived
    desk.sim.faults = FaultPlan()
    echoes = [one for one in await desk.hears() if isinstance(one, MessageEchoed)]
    assert len(echoes) == arrived, "an echo settles what was uncertain"
    batch = await desk.run(desk.channel.poll(None))
    assert not isinstance(batch, Failure)
    assert len(batch.envelopes) == arrived, "and so does the history"


async def test_a_read_that_fails_is_certain() -> None:
    desk = desk_with_ann()
    desk.sim.faults = FaultPlan(rates={"server_error": 1.0})
    failure = failed(await desk.run(desk.channel.probe()))
    assert (failure.outcome, failure.certain) == (Outcome.RETRY, True)


async def test_doubled_and_reordered_webhooks_are_the_same_events() -> None:
    desk = desk_with_ann(seed=7)
    desk.sim.faults = FaultPlan(seed=7, rates={"duplicate_webhook": 0.5, "reordered_webhooks": 0.5})
    ids = [desk.sim.says("@ann_k", f"message {index}") for index in range(40)]
    desk.passes(hours=1)
    heard = received(await desk.hears())
    assert len(heard) > 40
    assert [one.dedupe for one in heard] != ids
    assert sorted({one.dedupe for one in heard}) == sorted(ids)
    assert len({(one.dedupe, one.text) for one in heard}) == 40


async def test_a_seed_makes_a_run_repeatable() -> None:
    async def transcript() -> list[object]:
        desk = desk_with_ann(seed=3)
        desk.sim.faults = FaultPlan(seed=3, rates={"server_error": 0.3, "timeout_lost": 0.2})
        return [await desk.send(ann_of(desk), f"message {index}") for index in range(12)]

    first = await transcript()
    assert first == await transcript()
    assert {type(one) for one in first} == {Receipt, Failure}
