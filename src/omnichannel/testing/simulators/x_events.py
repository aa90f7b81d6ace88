"""How simulated X tells an app what happens: webhooks with their challenge, subscriptions, the activity stream."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from urllib.parse import quote, urlsplit

from omnichannel.testing.simulators.base import PendingWebhook, Request, Response, WebhookRequest, json_response, route
from omnichannel.testing.simulators.webhooks import Post
from omnichannel.testing.simulators.x_access import sha256_token
from omnichannel.testing.simulators.x_media import XMedia
from omnichannel.testing.simulators.x_state import (
    Hook,
    Refused,
    Subscription,
    invalid,
    is_object,
    iso,
    not_found,
    problem,
)

Call: TypeAlias = Callable[[WebhookRequest], Awaitable[tuple[int, bytes]]]
"""Calls our webhook, and gives status and body; status 0 where nobody answered."""

PUBLIC_EVENTS = frozenset({"post.create", "post.delete", "profile.update.bio", "profile.update.handle"})
PRIVATE_EVENTS = frozenset(
    {
        "dm.received",
        "dm.sent",
        "dm.read",
        "dm.indicate_typing",
        "chat.received",
        "chat.sent",
        "post.mention.create",
        "post.reply.create",
        "post.quote.create",
        "post.repost.create",
        "block.block",
        "block.unblock",
        "oauth.revoke",
        "like.create",
        "follow.follow",
    }
)
PRICES: Mapping[str, str] = {"dm.received": "0.010", "chat.received": "0.010"}
CRC_EVERY = timedelta(hours=1)
CRC_GRACE = timedelta(hours=28)
MAX_SUBSCRIPTIONS = 1_500
MAX_STREAMS = 2
KEEP_ALIVE = 20.0


class XEvents(XMedia):
    """Events to webhooks and streams. `caller` makes the challenge; without one it is taken as passed."""

    caller: Call | None = None

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        seed: int = 0,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        rate_limits: bool = True,
    ) -> None:
        super().__init__(now=now, seed=seed, sleep=sleep, rate_limits=rate_limits)
        self.hooks: dict[str, Hook] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.history: deque[tuple[datetime, str, bytes]] = deque(maxlen=10_000)
        self.lost: list[bytes] = []
        self.streams = 0
        self._told = 0

    # -- events

    def emit(
        self, event_type: str, user_id: str, payload: Mapping[str, Any], includes: Mapping[str, Any] | None
    ) -> None:
        """Tells every subscription about it; to an invalid webhook nothing is sent, nor later."""
        account_id = self.users[user_id].account_id if user_id in self.users else ""
        for one in self._about(event_type, user_id):
            body = self._event(one, payload, includes)
            self.charge(f"event {event_type}", PRICES.get(event_type, "0.005" if "post." in event_type else "0"))
            self.history.append((self.now(), one.app, body))
            self._told += 1
            hook = self.hooks.get(one.hook_id or "")
            if hook is None:
                continue
            if hook.valid:
                self._post(account_id, hook, body)
            else:
                self.lost.append(body)

    def _about(self, event_type: str, user_id: str) -> list[Subscription]:
        return [one for one in self.subscriptions.values() if (one.event_type, one.user_id) == (event_type, user_id)]

    def _event(self, one: Subscription, payload: Mapping[str, Any], includes: Mapping[str, Any] | None) -> bytes:
        key = f"{one.event_type}:{one.user_id}:{payload.get('id') or json.dumps(payload, sort_keys=True)}"
        uuid = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big", signed=True)
        data: dict[str, Any] = {
            "event_uuid": str(uuid),
            "filter": {} if one.event_type == "oauth.revoke" else {"user_id": one.user_id},
            "event_type": one.event_type,
            "payload": payload,
        }
        data |= {"tag": one.tag} if one.tag else {}
        data |= {"includes": includes} if includes else {}
        return json.dumps({"data": data}, ensure_ascii=False, separators=(",", ":")).encode()

    def post_body(self, account_id: str, body: bytes) -> None:
        """Sends any body by this account's webhook: bodies of the older API, a replay's end."""
        url = self.webhook_url(account_id)
        hook = next((one for one in self.hooks.values() if one.url == url), None)
        if hook is not None and hook.valid:
            self._post(account_id, hook, body)

    def _post(self, account_id: str, hook: Hook, body: bytes) -> None:
        request = WebhookRequest(url=hook.url, headers={"content-type": "application/json"}, body=body)
        self._urls.setdefault(account_id, hook.url)
        self.notify(account_id, request)

    def stamp(self, pending: PendingWebhook) -> WebhookRequest:
        """Signs with the secret of now: base64 of the HMAC over the raw body."""
        request = pending.request
        app = self.apps[self.app_of(pending.account_id)]
        headers = dict(request.headers)
        headers["x-twitter-webhooks-signature"] = sha256_token(app["secrets"][0], request.body)
        if app["client_secrets"]:
            headers["x-twitter-webhooks-signature-oauth2"] = sha256_token(app["client_secrets"][0], request.body)
        return WebhookRequest(method=request.method, url=request.url, headers=headers, body=request.body)

    def app_of(self, account_id: str) -> str:
        """The app that speaks for an account. Raises `LookupError`."""
        for app, known in self.apps.items():
            if account_id in known["accounts"]:
                return app
        raise LookupError(f"account {account_id!r} was not adopted")

    def connect(self, account_id: str, url: str) -> None:
        """As if the app had registered its webhook and subscribed the account to everything."""
        super().connect(account_id, url)
        app, user_id = self.app_of(account_id), self.user_of(account_id).id
        hook = next((one for one in self.hooks.values() if (one.app, one.url) == (app, url)), None)
        hook = hook or self._new_hook(app, url)
        have = {(one.event_type, one.user_id) for one in self.subscriptions.values() if one.hook_id == hook.id}
        for event_type in sorted(PUBLIC_EVENTS | PRIVATE_EVENTS):
            if (event_type, user_id) not in have:
                self._subscribe(app, event_type, user_id, hook.id, None)

    # -- webhooks

    def _new_hook(self, app: str, url: str) -> Hook:
        now = self.now()
        hook = Hook(id=self.snowflake(), url=url, app=app, created_at=now, valid=True, checked_at=now, passed_at=now)
        self.hooks[hook.id] = hook
        return hook

    async def check_webhooks(self) -> None:
        """The hourly challenge of every webhook that is due."""
        for hook in self.hooks.values():
            if hook.valid and hook.checked_at + CRC_EVERY <= self.now():
                await self._check(hook)

    async def _check(self, hook: Hook) -> bool:
        """A wrong token or a redirect makes it invalid at once; being away does so after 28 hours."""
        hook.checked_at = self.now()
        status, body, token = 200, b"", f"{self.random.getrandbits(128):032x}"
        if self.caller is not None:
            url = f"{hook.url}{'&' if '?' in hook.url else '?'}crc_token={quote(token)}"
            status, body = await self.caller(WebhookRequest(method="GET", url=url))
        passed = self.caller is None or (200 <= status < 300 and _token_in(body) in self._answers(hook, token))
        if passed:
            hook.valid, hook.passed_at = True, self.now()
        elif 200 <= status < 400 or hook.passed_at + CRC_GRACE <= self.now():
            hook.valid = False
        return passed

    def _answers(self, hook: Hook, token: str) -> set[str]:
        app = self.apps[hook.app]
        return {sha256_token(one, token.encode()) for one in (*app["secrets"], *app["client_secrets"])}

    async def deliver_due(self, post: Post) -> int:
        """Webhooks that are due; the hourly challenges go first."""
        await self.check_webhooks()
        return await super().deliver_due(post)

    @route("POST", "/2/webhooks")
    async def create_webhook(self, request: Request) -> Response:
        """Registers a URL, after its challenge."""
        access = self.enter(request, "webhooks", app=True, user=False)
        url = str(self.body(request, "url").get("url", ""))
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.port is not None or not parts.hostname or len(url) > 200:
            raise invalid("UrlValidationFailed: the URL must be https and without a port", url=[url])
        if any((one.app, one.url) == (access.grant.app, url) for one in self.hooks.values()):
            raise invalid("DuplicateUrlFailed: the URL is registered already", url=[url])
        if any(one.app == access.grant.app for one in self.hooks.values()):
            raise invalid("WebhookLimitExceeded: pay-per-use has one webhook")
        hook = self._new_hook(access.grant.app, url)
        if not await self._check(hook):
            del self.hooks[hook.id]
            raise invalid("CrcValidationFailed: the URL did not answer the challenge", url=[url])
        return json_response({"data": hook.shown()}, 200, access.headers)

    @route("GET", "/2/webhooks")
    async def list_webhooks(self, request: Request) -> Response:
        """The app's webhooks."""
        access = self.enter(request, "webhooks", app=True, user=False)
        found = [one.shown() for one in self.hooks.values() if one.app == access.grant.app]
        return json_response({"data": found, "meta": {"result_count": len(found)}}, 200, access.headers)

    @route("PUT", "/2/webhooks/{id}")
    async def check_webhook(self, request: Request) -> Response:
        """The challenge again; brings an invalid webhook back."""
        access = self.enter(request, "webhooks", app=True, user=False)
        hook = self._hook(request.path_params["id"], access.grant.app)
        if not await self._check(hook):
            raise invalid("CrcValidationFailed: the URL did not answer the challenge")
        return json_response({"data": {"valid": hook.valid}}, 200, access.headers)

    @route("DELETE", "/2/webhooks/{id}")
    async def remove_webhook(self, request: Request) -> Response:
        """The webhook and its subscriptions go."""
        access = self.enter(request, "webhooks", app=True, user=False)
        hook = self._hook(request.path_params["id"], access.grant.app)
        del self.hooks[hook.id]
        self.subscriptions = {key: one for key, one in self.subscriptions.items() if one.hook_id != hook.id}
        return json_response({"data": {"deleted": True}}, 200, access.headers)

    @route("POST", "/2/webhooks/replay")
    async def replay(self, request: Request) -> Response:
        """Sends the events of a span again, and says when it is done."""
        access = self.enter(request, "replay", app=True, user=False)
        data = self.body(request, "webhook_id", "from_date", "to_date")
        hook = self._hook(str(data.get("webhook_id", "")), access.grant.app)
        start, end = (str(data.get(name, "")) for name in ("from_date", "to_date"))
        now = self.now()
        if not (_is_minute(start) and _is_minute(end)) or start > end:
            raise invalid("QueryParamInvalid: from_date and to_date are yyyymmddhhmm")
        if start < f"{now - timedelta(days=1):%Y%m%d%H%M}":
            raise invalid("QueryParamInvalid: from_date is older than 24 hours from the current time")
        account_id = str(self.apps[hook.app]["accounts"][0])
        for at, app, body in list(self.history):
            if app == hook.app and start <= f"{at:%Y%m%d%H%M}" <= end:
                self._post(account_id, hook, body)
        job = self.snowflake()
        status = {"webhook_id": hook.id, "job_state": "Complete", "job_id": job}
        status |= {"job_state_description": "Job completed successfully"}
        self._post(account_id, hook, json.dumps({"replay_job_status": status}).encode())
        return json_response({"data": {"job_id": job, "created_at": iso(now)}}, 200, access.headers)

    def _hook(self, hook_id: str, app: str) -> Hook:
        hook = self.hooks.get(hook_id)
        if hook is None or hook.app != app:
            raise invalid("WebhookIdInvalid: not found, or of another app")
        return hook

    # -- subscriptions

    @route("POST", "/2/activity/subscriptions")
    async def subscribe(self, request: Request) -> Response:
        """Public events with the app's token, private ones with that of the user they are about."""
        access = self.enter(request, "subscriptions", app=True)
        data = self.body(request, "event_type", "filter", "tag", "webhook_id")
        event_type, chosen = str(data.get("event_type", "")), data.get("filter")
        user_id = str(chosen.get("user_id", "")) if is_object(chosen) else ""
        if event_type not in PUBLIC_EVENTS | PRIVATE_EVENTS or not user_id.isdigit():
            raise invalid("event_type or filter is not known", event_type=[event_type])
        if event_type in PRIVATE_EVENTS and access.grant.user_id != user_id:
            raise problem(403, "Private events need the user's own token.", slug="client-forbidden")
        hook_id = data.get("webhook_id")
        if hook_id is not None:
            self._hook(str(hook_id), access.grant.app)
        if any((one.event_type, one.user_id) == (event_type, user_id) for one in self.subscriptions.values()):
            raise invalid("DuplicateSubscriptionFailed")
        if len(self.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise invalid("SubscriptionLimitExceeded")
        made = self._subscribe(access.grant.app, event_type, user_id, hook_id, data.get("tag"))
        return json_response({"data": made.shown()}, 200, access.headers)

    def _subscribe(self, app: str, event_type: str, user_id: str, hook_id: str | None, tag: str | None) -> Subscription:
        made = Subscription(
            id=self.snowflake(),
            app=app,
            event_type=event_type,
            user_id=user_id,
            created_at=self.now(),
            hook_id=hook_id,
            tag=tag,
        )
        self.subscriptions[made.id] = made
        return made

    @route("GET", "/2/activity/subscriptions")
    async def list_subscriptions(self, request: Request) -> Response:
        """The app's subscriptions."""
        access = self.enter(request, "subscriptions", app=True)
        found = [one.shown() for one in self.subscriptions.values() if one.app == access.grant.app]
        return json_response({"data": found, "meta": {"total_subscriptions": len(found)}}, 200, access.headers)

    @route("DELETE", "/2/activity/subscriptions/{id}")
    async def unsubscribe(self, request: Request) -> Response:
        """One subscription goes."""
        access = self.enter(request, "subscriptions", app=True)
        if self.subscriptions.pop(request.path_params["id"], None) is None:
            raise not_found("subscription")
        meta = {"total_subscriptions": len(self.subscriptions)}
        return json_response({"data": {"deleted": True}, "meta": meta}, 200, access.headers)

    # -- the stream

    @route("GET", "/2/activity/stream")
    async def stream(self, request: Request) -> Response:
        """Events as they come, a line each, an empty line every 20 seconds."""
        access = self.enter(request, "stream", app=True, user=False)
        minutes = request.param("backfill_minutes", "0")
        if not minutes.isdigit() or int(minutes) > 5:
            raise invalid("backfill_minutes is 0 to 5", backfill_minutes=[minutes])
        if self.streams >= MAX_STREAMS:
            raise self._crowded()
        since = self.now() - timedelta(minutes=int(minutes))
        old = [body for at, app, body in self.history if app == access.grant.app and at >= since and minutes != "0"]
        return Response(
            200, b"", {"content-type": "application/json", **access.headers}, self._lines(access.grant.app, old)
        )

    def _crowded(self) -> Refused:
        return problem(
            429,
            "This stream is currently at the maximum allowed connection limit.",
            slug="streaming-connection",
            title="ConnectionException",
            connection_issue="TooManyConnections",
        )

    async def _lines(self, app: str, old: list[bytes]) -> AsyncGenerator[bytes]:
        self.streams += 1
        try:
            seen, silent = self._told, 0.0
            for body in old:
                yield body + b"\r\n"
            while True:
                count = self._told - seen
                for _, whose, body in list(self.history)[len(self.history) - count :] if count else ():
                    if whose == app:
                        yield body + b"\r\n"
                seen += count
                if self.sleep is None:
                    return  # nobody lets time pass: what there was is all there is
                await self.sleep(1.0)
                silent = 0.0 if count else silent + 1.0
                if silent >= KEEP_ALIVE:
                    silent = 0.0
                    yield b"\r\n"
        finally:
            self.streams -= 1


def _token_in(body: bytes) -> str | None:
    try:
        data: object = json.loads(body)
    except ValueError:
        return None
    found = data.get("response_token") if is_object(data) else None
    return found if isinstance(found, str) else None


def _is_minute(text: str) -> bool:
    return len(text) == 12 and text.isdigit()
