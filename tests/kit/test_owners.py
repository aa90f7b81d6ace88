"""Whose an event is."""

from __future__ import annotations

from omnichannel.kit.owners import Owner, Owners

ONE, TWO = Owner(account="a", user_id="1", username="one"), Owner(account="b", user_id="2")
UNKNOWN = Owner(account="a", user_id=None, username="one")


def test_several_accounts_are_told_apart_and_know_each_other() -> None:
    owners = Owners("a", [ONE, TWO])
    assert owners.fallback == "a"
    assert owners.of("1") == Owner(account="a", user_id="1", username="one", own_ids=frozenset({"2"}))
    assert owners.of("2") == Owner(account="b", user_id="2", own_ids=frozenset({"1"}))
    assert (owners.of("3"), owners.of(None)) == (None, None)


def test_one_account_alone_takes_what_names_nobody_and_nothing_of_others() -> None:
    owners = Owners("a", [ONE])
    assert owners.of(None) == ONE
    assert owners.of("3") is None


def test_one_account_alone_learns_its_own_id() -> None:
    owners = Owners("a", [UNKNOWN])
    assert owners.of("9") == Owner(account="a", user_id="9", username="one")
    assert owners.of(None) == UNKNOWN


def test_nobody_has_no_account() -> None:
    assert Owners("a", []).of(None) is None
