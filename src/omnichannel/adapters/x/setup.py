"""Setting an app up at X: the webhook, what is subscribed, a look again after a failed check, a replay of lost events.

Flows, driven like all others; the app's own token is put in where X wants it. The texts of X's refusals
(`CrcValidationFailed`, `DuplicateUrlFailed`, ...) are in the failure's message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from omnichannel.adapters.x.surfaces import EVENT_TYPES as EVENT_TYPES
from omnichannel.channel import Flow, Token
from omnichannel.kit.flows import Caller, asked
from omnichannel.kit.oauth import client_credentials
from omnichannel.kit.refusals import invalid
from omnichannel.kit.shapes import at, member, text_of, values_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook as X has it; an invalid one gets no events until it is checked again."""

    id: str
    url: str
    valid: bool


def register_webhook(caller: Caller, url: str) -> Flow[Webhook]:
    """Registers a URL (https, without a port); X calls it with a challenge before it answers."""
    data = yield from asked(caller, "POST", "2/webhooks", "webhooks", {"url": url})
    return _webhook(member(data, "data") or data)


def webhooks(caller: Caller) -> Flow[tuple[Webhook, ...]]:
    """The app's webhooks."""
    data = yield from asked(caller, "GET", "2/webhooks", "webhooks")
    return tuple(_webhook(one) for one in values_of(member(data, "data")))


def recheck_webhook(caller: Caller, webhook_id: str) -> Flow[bool]:
    """Has X try the challenge again, and so brings an invalid webhook back. Gives whether it is valid now."""
    data = yield from asked(caller, "PUT", f"2/webhooks/{webhook_id}", "webhooks")
    return bool(at(data, "data.valid") or at(data, "data.attempted"))


def delete_webhook(caller: Caller, webhook_id: str) -> Flow[None]:
    """Takes a webhook away, with all that is subscribed on it."""
    yield from asked(caller, "DELETE", f"2/webhooks/{webhook_id}", "webhooks")


def ensure_webhook(caller: Caller, url: str) -> Flow[Webhook]:
    """The webhook for a URL: as it is, checked again where it is invalid, else registered."""
    for one in (yield from webhooks(caller)):
        if one.url == url:
            if one.valid:
                return one
            valid = yield from recheck_webhook(caller, one.id)
            return Webhook(id=one.id, url=url, valid=valid)
    return (yield from register_webhook(caller, url))


def subscribe(
    caller: Caller, user_id: str, webhook_id: str | None, event_types: Sequence[str] = EVENT_TYPES, *, tag: str = ""
) -> Flow[tuple[str, ...]]:
    """Subscribes to activity events of an account, those that are missing; gives the ids of the subscriptions.

    Without a webhook they come by the stream alone. Each is free; what it delivers costs.
    """
    listed = yield from asked(caller, "GET", "2/activity/subscriptions", "subscriptions")
    have = {
        text_of(member(one, "event_type")): text_of(member(one, "subscription_id")) or ""
        for one in values_of(member(listed, "data"))
        if (text_of(at(one, "filter.user_id")), text_of(member(one, "webhook_id"))) == (user_id, webhook_id)
    }
    ids: list[str] = []
    for event_type in event_types:
        if event_type not in have:
            body: dict[str, JsonValue] = {"event_type": event_type, "filter": {"user_id": user_id}}
            body |= {"webhook_id": webhook_id} if webhook_id else {}
            body |= {"tag": tag[:200]} if tag else {}
            made = yield from asked(caller, "POST", "2/activity/subscriptions", "subscriptions", body)
            # The documents show an object in one place, a list in another.
            found = at(made, "data.subscription_id") or at(made, "data.0.subscription_id")
            have[event_type] = text_of(found) or ""
        ids.append(have[event_type])
    return tuple(ids)


def unsubscribe(caller: Caller, subscription_id: str) -> Flow[None]:
    """Ends a subscription."""
    yield from asked(caller, "DELETE", f"2/activity/subscriptions/{subscription_id}", "subscriptions")


def subscribe_legacy(caller: Caller, webhook_id: str) -> Flow[bool]:
    """Subscribes the token's account to all events of the deprecated Account Activity API."""
    path = f"2/account_activity/webhooks/{webhook_id}/subscriptions/all"
    data = yield from asked(caller, "POST", path, "subscriptions", {})
    return bool(at(data, "data.subscribed"))


def replay(caller: Caller, webhook_id: str, start: datetime, end: datetime) -> Flow[str]:
    """Has the events of a span sent again, of the last 24 hours; gives the job's id. Minutes count, in UTC.

    Events that came already are told by their keys. `replay_job_status` comes by the webhook when it is done.
    """
    first, last = (f"{time.astimezone(UTC):%Y%m%d%H%M}" for time in (start, end))
    span: JsonValue = {"webhook_id": webhook_id, "from_date": first, "to_date": last}
    data = yield from asked(caller, "POST", "2/webhooks/replay", "replay", span)
    return text_of(at(data, "data.job_id")) or text_of(member(data, "job_id")) or ""


def app_token(caller: Caller) -> Flow[Token]:
    """The app-only token of a consumer key and secret, for `app_bearer`. It does not expire."""
    data = yield from caller.call(client_credentials("oauth2/token"))
    return Token(value=caller.require(data, "access_token"))


def _webhook(data: object) -> Webhook:
    found = text_of(member(data, "id"))
    if found is None:
        raise invalid("unreadable", "X gave no webhook id")
    return Webhook(id=found, url=text_of(member(data, "url")) or "", valid=member(data, "valid") is True)
