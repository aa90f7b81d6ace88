"""A token in an answer finds its conversation, for whom it is about and in its own brand alone."""

from __future__ import annotations

import pytest

from omnichannel.continuation.replies import new_reply_token, token_digest
from omnichannel.stores import reply_tokens, schema
from omnichannel.stores.reply_tokens import ReplyTo
from tests.stores.given import Desk

TOKEN = new_reply_token(12345)
ANN, EVE = "ann@mail.example", "eve@mail.example"


def told(desk: Desk, *, assurance: int = 3) -> str:
    """A conversation with Ann, whose mails carry the token."""
    place = desk.hear("Where?", sender=ANN, account="care", assurance=assurance).conversation_id
    address = desk.one(schema.addresses, value=ANN).id
    desk.run(lambda c: reply_tokens.remember(c, TOKEN, ReplyTo(place, address), desk.now))
    return str(place)


def test_only_its_hash_is_kept_and_keeping_it_twice_changes_nothing(desk: Desk) -> None:
    place = told(desk)
    desk.run(lambda c: reply_tokens.remember(c, TOKEN.upper(), ReplyTo("cnv_x", "adr_x"), desk.now))
    row = desk.one(schema.reply_tokens)
    assert (row.digest, row.conversation_id) == (token_digest(TOKEN), place)
    found = desk.run(lambda c: reply_tokens.find(c, [TOKEN.upper(), new_reply_token(1)]))
    assert found == {TOKEN.upper(): ReplyTo(place, row.address_id)}
    assert desk.run(lambda c: reply_tokens.find(c, [])) == {}


@pytest.mark.parametrize(
    ("known", "shown", "joins"), [(3, 3, True), (3, 2, True), (3, 0, False), (2, 1, False), (0, 0, True)]
)
def test_who_was_sure_before_has_to_be_sure_again(desk: Desk, known: int, shown: int, joins: bool) -> None:
    place = told(desk, assurance=known)
    again = desk.hear("Here", sender=ANN, account="care", assurance=shown, reference=TOKEN)
    assert (again.conversation_id == place) is joins
    row = desk.one(schema.conversations, id=again.conversation_id)
    assert (row.unverified, row.linked_to) == ((False, None) if joins else (True, place))


def test_somebody_else_begins_one_beside_it_and_goes_on_there(desk: Desk) -> None:
    place = told(desk)
    first = desk.hear("Mine", sender=EVE, account="care", assurance=3, reference=TOKEN)
    second = desk.hear("Mine again", sender=EVE, account="care", assurance=3, reference=TOKEN)
    assert place != first.conversation_id == second.conversation_id
    assert [row.conversation_id for row in desk.rows(schema.participants)] == [place, first.conversation_id]
    row = desk.one(schema.conversations, id=first.conversation_id)
    assert (row.linked_to, row.unverified, row.queue) == (place, True, "mail")


def test_both_in_one_batch_are_told_apart(desk: Desk) -> None:
    place = told(desk)
    three = [("a", EVE), ("b", ANN), ("c", EVE)]
    desk.file(*(desk.said(text, sender=who, account="care", reference=TOKEN, assurance=3) for text, who in three))
    where = {row.text: row.conversation_id for row in desk.rows(schema.messages)}
    assert where["b"] == place
    assert place != where["a"] == where["c"]


def test_a_token_of_another_brand_says_nothing(desk: Desk) -> None:
    told(desk)
    other = desk.hear("Hello", sender=ANN, account="klm", assurance=3, reference=TOKEN)
    row = desk.one(schema.conversations, id=other.conversation_id)
    assert (row.brand, row.linked_to, row.unverified) == ("klm", None, False)
