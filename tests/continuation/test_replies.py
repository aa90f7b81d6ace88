"""Reply tokens: what they look like, and that nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.channel.capabilities import LinkCapacity
from omnichannel.continuation.references import find_references, new_reference, normalise
from omnichannel.continuation.replies import is_reply_token, new_reply_token, token_digest

BITS = st.integers(0, 2**130)


@given(BITS)
def test_a_token_is_never_taken_for_a_reference_nor_the_other_way_round(bits: int) -> None:
    token = new_reply_token(bits)
    assert is_reply_token(token)
    assert (len(token), token, token.isalnum(), token.isascii()) == (27, token.lower(), True, True)
    assert normalise(token) is None
    assert find_references(f"#{token}") == ()
    for capacity in (None, LinkCapacity(chars=40, alphabet="lower"), LinkCapacity(chars=10, alphabet="lower")):
        assert not is_reply_token(new_reference(bits, capacity))


@given(BITS, BITS)
def test_all_128_bits_are_in_it_and_no_others(one: int, other: int) -> None:
    same = one % 2**128 == other % 2**128
    assert (new_reply_token(one) == new_reply_token(other)) is same
    assert (token_digest(new_reply_token(one)) == token_digest(new_reply_token(other))) is same


def test_case_does_not_matter_because_mail_servers_fold_it() -> None:
    token = new_reply_token(2**127 + 12345)
    assert is_reply_token(token.upper())
    assert token_digest(token.upper()) == token_digest(token)
    assert len(token_digest(token)) == 64
    assert token not in token_digest(token)


@pytest.mark.parametrize("text", ["", "r", "sales", "unsubscribe", "r8" + "0" * 25, "r0" + "u" * 25, "r0" + "0" * 24])
def test_what_is_none(text: str) -> None:
    assert not is_reply_token(text)
    assert not is_reply_token(new_reply_token(1) + text) or text == ""
