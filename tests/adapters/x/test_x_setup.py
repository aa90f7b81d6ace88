"""Setting the app up, and the facts of errors that no fixture can say."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from omnichannel.adapters.x import XAccount, XChannel, setup
from omnichannel.channel import Failure, Flow, HttpRequest, HttpResponse, Outcome, Token
from omnichannel.testing.flows import drive

CHANNEL = XChannel(XAccount.model_validate({"id": "x-main", "consumer_key": "k", "consumer_secret": "c"}))
URL = "https://desk.example/hooks/x-main"
HOOK = {"id": "7", "url": URL, "valid": True, "created_at": "2027-01-04T09:00:00.000Z"}


def run(flow: Flow[Any], *answers: object) -> tuple[list[tuple[str, str, Any]], Any]:
    responses = [
        one if isinstance(one, HttpResponse) else HttpResponse(200, {}, json.dumps(one).encode()) for one in answers
    ]
    requests, result = drive(flow, responses)
    return [(one.method, one.url, one.body) for one in requests if isinstance(one, HttpRequest)], result


@pytest.mark.parametrize("answer", [{"data": HOOK}, HOOK], ids=["2.167", "2.159"])
def test_registering_a_webhook(answer: object) -> None:
    requests, found = run(setup.register_webhook(CHANNEL, URL), answer)
    assert requests == [("POST", "2/webhooks", {"url": URL})]
    assert found == setup.Webhook(id="7", url=URL, valid=True)


def test_a_refused_webhook_says_why() -> None:
    refusal = {"errors": [{"message": "CrcValidationFailed"}], "title": "Invalid Request", "detail": "wrong"}
    _, failure = run(setup.register_webhook(CHANNEL, URL), HttpResponse(400, {}, json.dumps(refusal).encode()))
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.message) == (Outcome.INVALID, "wrong CrcValidationFailed")
    _, failure = run(setup.register_webhook(CHANNEL, URL), {"data": {}})
    assert isinstance(failure, Failure)
    assert failure.code == "unreadable"


@pytest.mark.parametrize(
    ("listed", "more", "calls", "valid"),
    [
        ([HOOK], [], ["GET"], True),
        ([{**HOOK, "valid": False}], [{"data": {"valid": True}}], ["GET", "PUT"], True),
        ([{**HOOK, "valid": False}], [{"data": {"attempted": True}}], ["GET", "PUT"], True),
        ([{**HOOK, "url": "https://other.example/x"}], [{"data": HOOK}], ["GET", "POST"], True),
        ([], [{"data": {**HOOK, "valid": False}}], ["GET", "POST"], False),
    ],
)
def test_a_webhook_is_kept_checked_again_or_made(
    listed: list[object], more: list[object], calls: list[str], valid: bool
) -> None:
    requests, found = run(setup.ensure_webhook(CHANNEL, URL), {"data": listed}, *more)
    assert [method for method, _, _ in requests] == calls
    assert found.valid is valid


def test_only_what_is_missing_is_subscribed() -> None:
    have = {"subscription_id": "s1", "event_type": "dm.received", "filter": {"user_id": "5"}, "webhook_id": "7"}
    other = {**have, "subscription_id": "s2", "event_type": "dm.sent", "filter": {"user_id": "6"}}
    flow = setup.subscribe(CHANNEL, "5", "7", ("dm.received", "dm.sent", "post.create"), tag="desk")
    made = [{"data": {"subscription_id": "s3"}}, {"data": [{"subscription_id": "s4"}]}]
    requests, ids = run(flow, {"data": [have, other]}, *made)
    wanted = {"filter": {"user_id": "5"}, "webhook_id": "7", "tag": "desk"}
    assert requests[1:] == [
        ("POST", "2/activity/subscriptions", {"event_type": "dm.sent", **wanted}),
        ("POST", "2/activity/subscriptions", {"event_type": "post.create", **wanted}),
    ]
    assert ids == ("s1", "s3", "s4")


def test_the_stream_needs_no_webhook() -> None:
    requests, ids = run(setup.subscribe(CHANNEL, "5", None, ("dm.sent",)), {"data": []}, {"data": []})
    assert requests[1][2] == {"event_type": "dm.sent", "filter": {"user_id": "5"}}
    assert ids == ("",)


def test_the_other_calls() -> None:
    assert run(setup.delete_webhook(CHANNEL, "7"), {"data": {"deleted": True}})[0][0][:2] == ("DELETE", "2/webhooks/7")
    requests, _ = run(setup.unsubscribe(CHANNEL, "s1"), {"data": {"deleted": True}})
    assert requests[0][:2] == ("DELETE", "2/activity/subscriptions/s1")
    requests, subscribed = run(setup.subscribe_legacy(CHANNEL, "7"), {"data": {"subscribed": True}})
    assert requests[0][:2] == ("POST", "2/account_activity/webhooks/7/subscriptions/all")
    assert subscribed is True


@pytest.mark.parametrize("answer", [{"data": {"job_id": "9"}}, {"job_id": "9"}], ids=["2.167", "2.159"])
def test_a_replay_counts_minutes_in_utc(answer: object) -> None:
    paris = timezone(timedelta(hours=1))
    start, end = datetime(2027, 1, 4, 9, 0, tzinfo=paris), datetime(2027, 1, 4, 9, 30, tzinfo=UTC)
    requests, job = run(setup.replay(CHANNEL, "7", start, end), answer)
    span = {"webhook_id": "7", "from_date": "202701040800", "to_date": "202701040930"}
    assert requests == [("POST", "2/webhooks/replay", span)]
    assert job == "9"


def test_the_apps_own_token_is_asked_for_with_its_key() -> None:
    requests, result = drive(setup.app_token(CHANNEL), [HttpResponse(200, {}, b'{"access_token":"AAAA"}')])
    assert result == Token(value="AAAA")
    (request,) = requests
    assert isinstance(request, HttpRequest)
    signed = CHANNEL.sign(request, None, datetime(2027, 1, 4, tzinfo=UTC), "n")
    assert signed.headers["authorization"] == "Basic azpj"
    keyless = XChannel(XAccount(id="x-main"))
    assert "authorization" not in keyless.sign(request, None, datetime(2027, 1, 4, tzinfo=UTC), "n").headers


@pytest.mark.parametrize(
    ("status", "reset", "expected"),
    [
        (429, "1798880700", datetime(2027, 1, 2, 9, 5, tzinfo=UTC)),
        (429, "soon", None),
        (429, "", None),
        (429, "9" * 30, None),
        (503, "1798880700", None),
    ],
)
def test_a_full_window_says_when_it_ends(status: int, reset: str, expected: datetime | None) -> None:
    failure = CHANNEL.errors.failure_of(HttpResponse(status, {"x-rate-limit-reset": reset}, b""))
    assert failure is not None
    assert (failure.outcome, failure.not_before) == (Outcome.RETRY, expected)


def test_the_monthly_cap_is_no_full_window() -> None:
    body = b'{"title":"UsageCapExceeded","type":"https://api.twitter.com/2/problems/usage-capped","period":"Monthly"}'
    failure = CHANNEL.errors.failure_of(HttpResponse(429, {"x-rate-limit-reset": "1798880700"}, body))
    assert failure is not None
    assert (failure.outcome, failure.not_before) == (Outcome.PAYMENT_REQUIRED, None)


def test_every_rule_has_its_source() -> None:
    assert [rule for rule in CHANNEL.errors.rules if not rule.see.startswith("https://")] == []
