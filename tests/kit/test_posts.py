"""Posts and direct messages as events, ours and those of others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from omnichannel.kit.posts import Person, Post, edit_event, mention_trimmer, post_event
from omnichannel.model.address import Assurance
from omnichannel.model.event import MessageEchoed, MessageEdited, MessageReceived

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
ANN = Person(id="ann", name="Ann", aliases={"url": "https://social.example/@ann"}, automatic=True)
POST = Post(
    id="7",
    at=NOW,
    person=ANN,
    text="hello",
    full_text="@us hello",
    me="us",
    public=True,
    thread="1",
    in_reply_to="6",
    quotes="5",
    named=("us", "bob", "ann", "bob"),
    language="en",
    addressed=False,
    context={"post": "7"},
)


def test_a_post_of_somebody_else_was_received() -> None:
    assert post_event("acc", POST) == MessageReceived(
        account="acc",
        dedupe="7",
        message_id="7",
        occurred_at=NOW,
        sender="ann",
        sender_name="Ann",
        aliases={"url": "https://social.example/@ann"},
        text="hello",
        full_text="@us hello",
        surface="mention",
        thread="1",
        reply_to="6",
        references=("6", "5"),
        recipients=("us",),
        others=("bob",),
        language="en",
        assurance=Assurance.PUBLIC_HANDLE,
        automatic=True,
        addressed=False,
        context={"post": "7"},
    )


def test_a_direct_message_is_private_and_has_no_recipient_while_we_do_not_know_who_we_are() -> None:
    event = post_event("acc", replace(POST, public=False, me=None, in_reply_to="5"))
    assert isinstance(event, MessageReceived)
    assert (event.surface, event.assurance, event.recipients) == ("dm", Assurance.PRIVATE_HANDLE, ())
    assert event.references == ("5",)


def test_a_post_of_ours_is_an_echo_to_the_other_side() -> None:
    event = post_event("acc", replace(POST, ours=True))
    assert isinstance(event, MessageEchoed)
    assert (event.recipient, event.aliases, event.text, event.surface, event.thread) == (
        "ann",
        ANN.aliases,
        "hello",
        "mention",
        "1",
    )


@pytest.mark.parametrize(
    ("ours", "me", "sender"), [(False, "us", "ann"), (True, "us", "us"), (True, None, "")], ids=str
)
def test_an_edit_joins_its_message(ours: bool, me: str | None, sender: str) -> None:
    later = NOW + timedelta(minutes=1)
    assert edit_event("acc", replace(POST, ours=ours, me=me), "7:2", later, "bye") == MessageEdited(
        account="acc", dedupe="7:2", occurred_at=later, message_id="7", text="bye", sender=sender
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@us hello @us", "hello @us"),
        ("@us, @ann:  hello", "hello"),
        ("hello @us", "hello @us"),
        ("@us", "@us"),
        ("@us ", "@us "),
        ("@us.example hello", "@us.example hello"),
        ("", ""),
    ],
)
def test_mentions_at_the_beginning_are_taken_off(text: str, words: str) -> None:
    assert mention_trimmer(r"[a-z]{1,20}")(text) == words
