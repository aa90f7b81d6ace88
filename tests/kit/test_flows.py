"""The requests that every flow makes, and what a token says about itself."""

from __future__ import annotations

from omnichannel.channel.errors import Rejected
from omnichannel.channel.wire import Flow, HttpRequest, Repeat
from omnichannel.kit.flows import probed, read, repeatable
from omnichannel.kit.refusals import invalid
from omnichannel.model.outcome import Failure, Outcome
from omnichannel.testing.flows import drive


def test_requests_that_may_be_repeated() -> None:
    assert read("me", "read", [("a", "1")]) == HttpRequest(
        method="GET", url="me", query=(("a", "1"),), repeat=Repeat.SAFE, limit="read"
    )
    assert repeatable("PUT", "hooks/7", "hooks", {"url": "u"}) == HttpRequest(
        method="PUT", url="hooks/7", body={"url": "u"}, repeat=Repeat.SAFE, limit="hooks"
    )


def identify(refused: Rejected | None = None) -> Flow[tuple[str, str]]:
    yield from ()
    if refused is not None:
        raise refused
    return "7", "ann"


def wrong(expected: str, found: str, name: str) -> str | None:
    return None if expected == found else f"that of {name}"


def test_a_token_of_our_account() -> None:
    assert drive(probed(identify(), lambda found, name: wrong("7", found, name))) == ([], None)


def test_a_token_of_another_account() -> None:
    _, failure = drive(probed(identify(), lambda found, name: wrong("8", found, name)))
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.code, failure.message) == (Outcome.AUTH, "other_account", "that of ann")


def test_a_token_that_is_refused() -> None:
    refused = invalid("gone", "no")
    assert drive(probed(identify(refused), lambda found, name: wrong("7", found, name))) == ([], refused.failure)
