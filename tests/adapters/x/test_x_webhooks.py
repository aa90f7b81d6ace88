"""The life of a webhook at simulated X: set up, checked, silenced, brought back, replayed."""

from datetime import timedelta

import pytest

from omnichannel.adapters.x import XAccount, XChannel, setup
from omnichannel.channel import (
    AccountChanged,
    Failure,
    Outcome,
    Unrecognized,
)
from tests.adapters.x.desk import (
    START,
    URL,
    Desk,
    desk_with_ann,
    failed,
    fresh,
    received,
)


async def test_a_webhook_is_set_up_from_nothing() -> None:
    desk = fresh()
    desk.sim.says("@ann_k", "before anybody listens")
    hook = await desk.run(setup.ensure_webhook(desk.channel, URL))
    assert isinstance(hook, setup.Webhook)
    assert (hook.url, hook.valid) == (URL, True)
    ids = await desk.run(setup.subscribe(desk.channel, desk.me, hook.id, tag="desk"))
    assert not isinstance(ids, Failure)
    assert len(set(ids)) == len(setup.EVENT_TYPES)
    assert await desk.run(setup.subscribe(desk.channel, desk.me, hook.id)) == ids
    assert await desk.run(setup.ensure_webhook(desk.channel, URL)) == hook
    desk.sim.says("@ann_k", "hello")
    assert [one.text for one in received(await desk.hears())] == ["hello"]
    assert await desk.run(setup.unsubscribe(desk.channel, ids[0])) is None
    desk.sim.says("@ann_k", "unheard")
    assert received(await desk.hears()) == []
    assert await desk.run(setup.delete_webhook(desk.channel, hook.id)) is None
    assert await desk.run(setup.webhooks(desk.channel)) == ()


@pytest.mark.parametrize("url", ["http://desk.example/x", "https://desk.example:8443/x", "https://"])
async def test_a_url_that_x_does_not_take(url: str) -> None:
    desk = fresh()
    found = failed(await desk.run(setup.register_webhook(desk.channel, url)))
    assert (found.outcome, "UrlValidationFailed" in found.message) == (Outcome.INVALID, True)


async def test_a_webhook_that_does_not_know_the_secret_is_refused() -> None:
    desk = fresh()
    desk.channel = XChannel(desk.account.model_copy(update={"consumer_secret": ()}))
    found = failed(await desk.run(setup.register_webhook(desk.channel, URL)))
    assert "CrcValidationFailed" in found.message
    assert desk.sim.hooks == {}


async def test_a_wrong_token_silences_the_webhook_until_it_is_checked_again() -> None:
    desk = desk_with_ann()
    right, (hook,) = desk.channel, desk.sim.hooks.values()
    desk.channel = XChannel(XAccount.model_validate({"id": "x-main", "user_id": desk.me, "consumer_secret": "wrong"}))
    desk.passes(hours=1)
    await desk.hears()
    assert hook.valid is False
    desk.channel = right
    desk.sim.says("@ann_k", "into the void")
    assert (await desk.hears(), len(desk.sim.lost)) == ([], 1)
    found = await desk.run(setup.ensure_webhook(desk.channel, URL))
    assert isinstance(found, setup.Webhook)
    assert (found.valid, hook.valid) == (True, True)
    desk.sim.says("@ann_k", "hello")
    assert [one.text for one in received(await desk.hears())] == ["hello"]
    batch = await desk.run(desk.channel.poll(None))
    assert not isinstance(batch, Failure)
    texts = [event.text for one in batch.envelopes for event in received(list(desk.channel.parse(one)))]
    assert texts == ["into the void", "hello"], "a poll closes the gap"


async def test_being_away_is_forgiven_for_28_hours() -> None:
    desk = desk_with_ann()
    (hook,) = desk.sim.hooks.values()
    desk.broken = True
    for _ in range(27):
        desk.passes(hours=1)
        await desk.sim.check_webhooks()
    assert hook.valid is True
    desk.passes(hours=1)
    await desk.sim.check_webhooks()
    assert hook.valid is False


async def test_secrets_rotate_on_both_sides() -> None:
    desk = desk_with_ann()
    old = desk.account.consumer_secret
    both = desk.account.model_validate({**dict(desk.account), "consumer_secret": ["the-new-one", *old]})
    desk.channel = XChannel(both)
    desk.sim.says("@ann_k", "signed with the old one")
    assert len(received(await desk.hears())) == 1
    desk.sim.rotate_secret("x-main", "the-new-one")
    desk.passes(hours=1)
    desk.sim.says("@ann_k", "signed with the new one")
    assert [one.text for one in received(await desk.hears())] == ["signed with the new one"]
    desk.channel = XChannel(both.model_copy(update={"consumer_secret": old}))
    desk.sim.says("@ann_k", "refused")
    assert await desk.hears() == []


async def test_lost_events_are_replayed_under_the_same_keys() -> None:
    desk = desk_with_ann()
    desk.sim.says("@ann_k", "hello")
    first = received(await desk.hears())
    (hook,) = desk.sim.hooks.values()
    job = await desk.run(setup.replay(desk.channel, hook.id, START - timedelta(hours=1), START))
    heard = await desk.hears()
    assert received(heard) == first
    assert isinstance(heard[-1], AccountChanged)
    assert heard[-1].detail == f"replay job {job}: Complete. Job completed successfully"
    old = failed(await desk.run(setup.replay(desk.channel, hook.id, START - timedelta(hours=30), START)))
    assert "older than 24 hours" in old.message


async def test_the_older_bodies_still_come_in() -> None:
    desk = desk_with_ann()
    message_id = desk.sim.says_legacy("@ann_k", "in old words")
    (heard,) = received(await desk.hears())
    assert (heard.dedupe, heard.text, heard.aliases) == (message_id, "in old words", {"username": "ann_k"})


async def test_an_encrypted_message_is_noticed() -> None:
    desk = desk_with_ann()
    desk.sim.says("@ann_k", "secret", surface="xchat")
    (event,) = await desk.hears()
    assert isinstance(event, Unrecognized)
    assert (event.what, "XChat" in event.reason) == ("chat.received", True)


async def test_two_accounts_of_one_app() -> None:
    desk = Desk(endpoint="app")
    second = desk.sim.adopt(XAccount(id="x-nl", endpoint="app"))
    assert second.consumer_secret == desk.account.consumer_secret
    desk.channel = XChannel(desk.account, (desk.account, second))
    desk.sim.customer("Ann K.", "@ann_k")
    for name in ("x-main", "x-nl"):
        desk.sim.connect(name, URL)
        desk.sim.says("@ann_k", f"to {name}", account_id=name)
    heard = received(await desk.hears())
    assert [(one.account, one.text) for one in heard] == [("x-main", "to x-main"), ("x-nl", "to x-nl")]
    desk.sim.says("@ann_k", "@brand1 @brand2 to both", surface="mention")
    both = received(await desk.hears())
    assert sorted(one.account for one in both) == ["x-main", "x-nl"]
    assert len({one.dedupe for one in both}) == 1
