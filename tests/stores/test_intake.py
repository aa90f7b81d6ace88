"""Filing what came in: each event once, for ever, and each message with its person and its conversation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from omnichannel.model.content import Media
from omnichannel.model.event import (
    AccountChanged,
    ChannelEvent,
    ConsentChanged,
    IdentityChanged,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    ReactionChanged,
    Unrecognized,
)
from omnichannel.stores import schema
from omnichannel.stores.intake import Parsed
from tests.stores.given import ANN, BOB, INFOS, Desk

DAY = timedelta(days=1)


# ---------------------------------------------------------------- once


def test_a_message_is_filed_once_in_a_batch_over_batches_and_over_sources(desk: Desk) -> None:
    event = desk.said("Hello")
    desk.file(event, event)
    for _ in range(3):
        desk.later(8 * DAY)
        desk.file(event)
    (seq,) = desk.arrive(b"{}", endpoint="poll")
    desk.run(lambda c: desk.intake(c).file([Parsed(seq, (event,))]))
    assert [row.text for row in desk.rows(schema.messages)] == ["Hello"]
    assert len(desk.rows(schema.events)) == 1
    assert len(desk.facts("message.received")) == 1
    assert {row.state for row in desk.rows(schema.journal)} == {"done"}


@pytest.mark.parametrize(
    "other", [{"account": "wa2"}, {"dedupe": "wamid.other"}], ids=["another account", "another key"]
)
def test_another_account_or_key_is_another_message(desk: Desk, other: dict[str, str]) -> None:
    desk.file(desk.said("Hello", **{"dedupe": "wamid.1"}))
    desk.file(desk.said("Hello", **{"dedupe": "wamid.1"} | other))
    assert len(desk.rows(schema.messages)) == 2


def test_kinds_do_not_claim_each_others_keys(desk: Desk) -> None:
    message = desk.said("Hello", dedupe="wamid.1")
    odd = Unrecognized(account="wa", dedupe="wamid.1", occurred_at=desk.now, what="new", reason="unknown type")
    desk.file(odd, message)
    assert [(row.kind, row.state) for row in desk.rows(schema.events)] == [
        ("unrecognized", "done"),
        ("message_received", "new"),
    ]
    assert desk.facts("event.unrecognized") == [{"account": "wa", "what": "new", "reason": "unknown type"}]


def test_a_row_that_could_not_be_parsed_is_parked_and_the_others_are_filed(desk: Desk) -> None:
    first, second = desk.arrive(b"bad", b"good")
    batch = [Parsed(first, error="ParseError: no"), Parsed(second, (desk.said("Hello"),))]
    desk.run(lambda c: desk.intake(c).file(batch))
    assert [(row.state, row.error) for row in desk.rows(schema.journal)] == [
        ("parked", "ParseError: no"),
        ("done", None),
    ]
    assert len(desk.rows(schema.messages)) == 1


def test_filing_again_what_was_rolled_back_gives_the_same(desk: Desk) -> None:
    (seq,) = desk.arrive(b"{}")
    batch = [Parsed(seq, (desk.said("Hello"), desk.said("again", sender=BOB)))]

    def torn(connection: Any) -> None:
        desk.intake(connection).file(batch)
        raise LookupError("torn")

    with pytest.raises(LookupError):
        desk.run(torn)
    assert (desk.rows(schema.messages), desk.rows(schema.customers)) == ([], [])
    lanes = desk.run(lambda c: desk.intake(c).file(batch))
    assert len(desk.rows(schema.messages)) == len(desk.rows(schema.customers)) == 2
    assert lanes == {row.lane for row in desk.rows(schema.conversations)}


# ---------------------------------------------------------------- who


def test_a_new_person_becomes_a_customer_with_address_contact_and_language(desk: Desk) -> None:
    desk.hear("Bonjour, où est ma valise ?", sender_name="Ann", assurance=2, aliases={"wa_id": "33612345678"})
    customer, address = desk.one(schema.customers), desk.one(schema.addresses)
    assert (customer.name, customer.language, customer.brand) == ("Ann", "fr", "default")
    assert (address.value, address.channel, address.assurance) == (ANN, "whatsapp", 2)
    assert (address.aliases, address.customer_id) == ({"wa_id": "33612345678"}, customer.id)
    assert desk.one(schema.contacts).last_in_at == desk.now


def test_the_same_person_is_known_again_by_any_name(desk: Desk) -> None:
    desk.hear(aliases={"bsuid": "FR.1", "wa_id": "33612345678"})
    desk.hear(sender="FR.1", aliases={"bsuid": "FR.1"})
    desk.hear(sender="unknown", aliases={"wa_id": "33612345678"})
    assert len(desk.rows(schema.customers)) == len(desk.rows(schema.addresses)) == 1


def test_an_identity_change_keeps_both_names(desk: Desk) -> None:
    desk.hear()
    change = IdentityChanged(account="wa", dedupe="i1", occurred_at=desk.now, sender=ANN, becomes=BOB)
    desk.file(change)
    assert desk.one(schema.addresses).value == BOB
    conversations = {desk.hear(sender=sender).conversation_id for sender in (ANN, BOB)}
    assert len(conversations) == len(desk.rows(schema.customers)) == 1


@pytest.mark.parametrize(("seen", "kept"), [((1, 2), 2), ((3, 2), 3), ((2, 2), 2)])
def test_the_assurance_of_an_address_only_grows(desk: Desk, seen: tuple[int, int], kept: int) -> None:
    for assurance in seen:
        desk.hear(assurance=assurance)
    assert desk.one(schema.addresses).assurance == kept


def test_brands_share_nobody(desk: Desk) -> None:
    ours, theirs = desk.hear(), desk.hear(account="klm")
    assert ours.customer_id != theirs.customer_id
    assert ours.conversation_id != theirs.conversation_id


# ---------------------------------------------------------------- where


def test_private_messages_of_an_address_go_on_in_its_open_conversation(desk: Desk) -> None:
    first = desk.hear("one")
    desk.later(20 * DAY)
    assert desk.hear("two").conversation_id == first.conversation_id
    assert desk.hear("other", sender=BOB).conversation_id != first.conversation_id


@pytest.mark.parametrize(("after", "same"), [(13, True), (15, False)])
def test_a_resolved_matter_reopens_for_two_weeks(desk: Desk, after: int, same: bool) -> None:
    first = desk.hear("one")
    resolved = schema.conversations.update().values(status="resolved", waiting=False)
    desk.run(lambda c: c.execute(resolved))
    desk.later(after * DAY)
    second = desk.hear("two")
    assert (second.conversation_id == first.conversation_id) is same
    assert desk.one(schema.conversations, id=second.conversation_id).status == "open"


def post(desk: Desk, text: str, **more: Any) -> Any:
    return desk.hear(text, account="x", surface="mention", sender="1", **more)


def test_a_thread_of_the_platform_is_one_conversation(desk: Desk) -> None:
    first, second = post(desk, "one", thread="t1"), post(desk, "two", thread="t2")
    assert first.conversation_id != second.conversation_id
    assert post(desk, "three", thread="t1").conversation_id == first.conversation_id


def test_a_reply_finds_the_conversation_of_the_nearest_message_that_it_answers(desk: Desk) -> None:
    first, second = post(desk, "one", thread="t1", dedupe="1"), post(desk, "two", thread="t2", dedupe="2")
    answer = post(desk, "re", references=("unknown", "1", "2"), thread="t2")
    assert answer.conversation_id == first.conversation_id != second.conversation_id


def test_an_unknown_thread_in_private_is_still_the_open_matter(desk: Desk) -> None:
    first = desk.hear("one", thread="t1")
    assert desk.hear("two", thread="t2").conversation_id == first.conversation_id


def test_a_message_of_the_same_batch_counts_as_answered(desk: Desk) -> None:
    one = desk.said("one", account="care", sender="ann@mail.example", dedupe="<1@mail>", thread="a")
    two = desk.said("two", account="care", sender="ann@mail.example", references=("<1@mail>",), thread="b")
    desk.file(one, two)
    assert len({row.conversation_id for row in desk.rows(schema.messages)}) == 1


def test_a_message_less_sure_than_its_address_does_not_join(desk: Desk) -> None:
    """A forged From: finds the thread and proves nothing."""
    first = desk.hear("one", account="care", sender="ann@mail.example", assurance=3, dedupe="<1@mail>")
    forged = desk.hear("two", account="care", sender="ann@mail.example", assurance=0, references=("<1@mail>",))
    assert forged.conversation_id != first.conversation_id
    assert desk.one(schema.conversations, id=forged.conversation_id).linked_to == first.conversation_id


def test_a_participant_of_a_public_thread_gets_a_linked_conversation_when_they_address_us(desk: Desk) -> None:
    public: dict[str, Any] = {"account": "x", "surface": "mention", "thread": "post1"}
    first = desk.hear("help", sender="1", **public)
    aside = desk.hear("me too", sender="2", addressed=False, **public)
    asked = desk.hear("and me?", sender="2", **public)
    assert aside.conversation_id == first.conversation_id != asked.conversation_id
    assert desk.one(schema.conversations, id=asked.conversation_id).linked_to == first.conversation_id
    roles = {(row.conversation_id, row.role) for row in desk.rows(schema.participants)}
    assert roles == {
        (first.conversation_id, "requester"),
        (first.conversation_id, "participant"),
        (asked.conversation_id, "requester"),
    }
    states = {row.message_id: row.state for row in desk.rows(schema.events)}
    assert (states[aside.id], states[asked.id]) == ("done", "new")


def test_queue_visibility_and_clock_come_from_the_account(desk: Desk) -> None:
    mail = desk.one(schema.conversations, id=desk.hear("one", account="care", sender="a@b.c").conversation_id)
    post = desk.one(
        schema.conversations, id=desk.hear("two", account="x", surface="mention", sender="1").conversation_id
    )
    assert (mail.queue, mail.visibility, mail.due_at) == ("mail", "private", desk.now + timedelta(hours=4))
    assert (post.queue, post.visibility, post.due_at) == ("support", "public", None)
    assert (mail.waiting, mail.waiting_at, mail.last_in_at) == (True, desk.now, desk.now)


def test_each_change_of_a_conversation_is_a_new_version(desk: Desk) -> None:
    row = desk.hear("one")
    assert desk.one(schema.conversations).version == 0
    desk.hear("two")
    after = desk.one(schema.conversations, id=row.conversation_id)
    assert after.version == 1
    assert after.last_in_at == desk.now


# ---------------------------------------------------------------- what is in it


def test_what_is_not_for_us_in_private_is_kept_and_not_answered(desk: Desk) -> None:
    """Another app of the page holds the thread, or a link was opened without a word."""
    desk.hear("Hello")
    desk.run(lambda c: c.execute(schema.conversations.update().values(waiting=False)))
    message = desk.hear("And now?", addressed=False)
    assert desk.one(schema.conversations, id=message.conversation_id).waiting is False
    assert [row.state for row in desk.rows(schema.events, message_id=message.id)] == ["done"]
    # It counts as contact all the same: the platform's window is open.
    assert desk.one(schema.contacts).last_in_at == message.sent_at


@pytest.mark.parametrize(("reference", "tries"), [("summer-sale", 0), ("ADS 2027", 0), ("A7K2QX9P4M", 1)])
def test_the_word_of_a_campaign_is_no_guess(desk: Desk, reference: str, tries: int) -> None:
    desk.hear("Hello", reference=reference)
    assert len(desk.rows(schema.reference_tries)) == tries


def test_attachments_are_kept_as_references(desk: Desk) -> None:
    photo = Media(ref="platform:1", type="image/jpeg", kind="image", name="bag.jpg", size=10)
    row = desk.hear("look", attachments=(photo,))
    kept = desk.one(schema.media)
    assert (kept.message_id, kept.ref, kept.account) == (row.id, "platform:1", "wa")
    assert row.attachments[0]["id"] == kept.id


def test_a_typed_number_picks_what_was_offered(desk: Desk) -> None:
    row = desk.hear("Hello")
    options = schema.conversations.update().values(options=[["Yes", "yes"], ["No", "no"]])
    desk.run(lambda c: c.execute(options))
    assert desk.hear("2").choice == "no"
    assert desk.one(schema.conversations, id=row.conversation_id).options is None
    assert desk.hear("2").choice is None


@pytest.mark.parametrize(("text", "granted"), [("STOP", False), ("Arrêt", False), ("start", True)])
def test_opt_out_words_act_before_any_handler(desk: Desk, text: str, granted: bool) -> None:
    row = desk.hear(text)
    consent = desk.one(schema.consents)
    assert (consent.granted, consent.purpose, consent.source, consent.text) == (granted, "all", "keyword", text)
    assert (consent.customer_id, consent.channel) == (row.customer_id, "whatsapp")
    assert desk.one(schema.events).state == ("new" if granted else "done")
    assert desk.one(schema.conversations).waiting is granted
    assert len(desk.facts("consent.changed")) == 1


def test_a_stop_in_public_is_a_word(desk: Desk) -> None:
    desk.hear("stop", account="x", surface="mention", sender="1")
    assert desk.rows(schema.consents) == []


def test_what_a_machine_wrote_is_kept_and_not_handled(desk: Desk) -> None:
    row = desk.hear("I am away", automatic=True)
    assert row.automatic
    assert desk.one(schema.events).state == "done"
    assert not desk.one(schema.conversations).waiting


# ---------------------------------------------------------------- later news


def news(desk: Desk, kind: type[Any], **more: Any) -> ChannelEvent:
    desk.count += 1
    event: ChannelEvent = kind(**{"account": "wa", "dedupe": f"n{desk.count}", "occurred_at": desk.now} | more)
    return event


def test_an_edit_replaces_the_text_and_an_older_one_does_not(desk: Desk) -> None:
    desk.hear("one", dedupe="wamid.1")
    new = news(desk, MessageEdited, message_id="wamid.1", text="three", occurred_at=desk.now + 2 * DAY)
    old = news(desk, MessageEdited, message_id="wamid.1", text="two", occurred_at=desk.now + DAY)
    desk.file(new)
    desk.file(old)
    assert desk.one(schema.messages).text == "three"
    assert len(desk.facts("message.edited")) == 1


def test_a_deleted_message_stays_as_a_gap(desk: Desk) -> None:
    desk.hear("one", dedupe="wamid.1")
    desk.file(news(desk, MessageDeleted, message_id="wamid.1"), news(desk, MessageDeleted, message_id="none"))
    row = desk.one(schema.messages)
    assert (row.deleted_at, row.text) == (desk.now, "one")
    assert len(desk.facts("message.deleted")) == 1


def test_news_in_one_batch_with_its_message_is_not_lost(desk: Desk) -> None:
    edited = {"message_id": "wamid.1", "text": "two", "occurred_at": desk.now + DAY}
    desk.file(
        desk.said("one", dedupe="wamid.1"),
        desk.said("gone", sender=BOB, dedupe="wamid.2"),
        news(desk, MessageEdited, **edited),
        news(desk, MessageDeleted, message_id="wamid.2"),
        desk.said("three", dedupe="wamid.3"),
    )
    assert [(row.text, row.deleted_at) for row in desk.rows(schema.messages)] == [
        ("two", None),
        ("gone", desk.now),
        ("three", None),
    ]
    assert len(desk.rows(schema.conversations)) == len(desk.rows(schema.customers)) == 2


def test_news_that_comes_before_its_message_waits_for_it(desk: Desk) -> None:
    edits = {text: news(desk, MessageEdited, message_id="wamid.1", text=text) for text in ("two", "three")}
    later = news(desk, MessageEdited, message_id="wamid.1", text="four", occurred_at=desk.now + DAY)
    elsewhere = news(desk, MessageDeleted, message_id="wamid.1", account="wa2")
    desk.file(edits["two"], later, edits["three"], elsewhere)
    assert not desk.rows(schema.messages)
    desk.hear("one", dedupe="wamid.1")
    row = desk.one(schema.messages)
    assert (row.text, row.deleted_at) == ("four", None), "the newest edit, and nothing of another account"
    assert [row.account for row in desk.rows(schema.unmatched)] == ["wa2"]
    assert len(desk.facts("message.edited")) == 2


def test_the_platforms_ids_may_hold_anything(desk: Desk) -> None:
    desk.file(news(desk, MessageEdited, message_id="a\0b", text="new"))
    desk.hear("old", dedupe="a\0b")
    assert desk.one(schema.messages).text == "new"


def test_a_colleagues_answer_in_one_batch_with_the_question_joins_it(desk: Desk) -> None:
    echo = news(desk, MessageEchoed, message_id="wamid.2", recipient=ANN, text="Yes")
    desk.file(desk.said("Is it open?", dedupe="wamid.1"), echo)
    said = desk.rows(schema.messages)
    assert [(row.direction, row.text) for row in said] == [("in", "Is it open?"), ("out", "Yes")]
    assert len({row.conversation_id for row in said}) == 1


def test_consent_that_the_platform_tells_is_kept(desk: Desk) -> None:
    desk.hear()
    asked = {"sender": ANN, "purpose": "marketing", "granted": False}
    desk.file(news(desk, ConsentChanged, **asked), news(desk, ConsentChanged, **asked | {"sender": "nobody"}))
    consent = desk.one(schema.consents)
    assert (consent.purpose, consent.granted, consent.source) == ("marketing", False, "platform")


def test_news_about_accounts_and_reactions_are_told(desk: Desk) -> None:
    desk.hear(dedupe="wamid.1")
    desk.file(
        news(desk, ReactionChanged, message_id="wamid.1", sender=ANN, emoji="👍"),
        news(desk, AccountChanged, state="restricted", detail="quality"),
    )
    assert desk.facts("reaction.changed") == [{"account": "wa", "message": "wamid.1", "emoji": "👍"}]
    assert desk.facts("account.changed") == [{"account": "wa", "state": "restricted", "detail": "quality"}]
    assert desk.one(schema.timers).kind == "account_changed"


def test_what_a_colleague_wrote_in_the_platforms_own_app_joins_the_history(desk: Desk) -> None:
    row = desk.hear("Hello")
    echo = news(desk, MessageEchoed, recipient=ANN, text="Hi Ann", message_id="wamid.77")
    desk.file(echo)
    desk.file(echo)
    written = desk.one(schema.messages, direction="out")
    assert (written.text, written.conversation_id) == ("Hi Ann", row.conversation_id)
    stranger = news(desk, MessageEchoed, recipient=BOB, text="Hi", message_id="wamid.78")
    desk.file(stranger)
    assert len(desk.rows(schema.messages, direction="out")) == 1


def test_an_account_that_is_not_configured_loses_nothing(desk: Desk) -> None:
    assert "gone" not in INFOS
    row = desk.hear("Hello", account="gone")
    assert row.text == "Hello"
