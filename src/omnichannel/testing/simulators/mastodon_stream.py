"""The streaming API of simulated Mastodon: server-sent events, without replay, with a sign of life."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio

from omnichannel.testing.simulators.base import Request, Response, Simulator, json_response, route
from omnichannel.testing.simulators.mastodon_state import Grant, SimPerson, iso, refused

HEARTBEAT = 15
"""Seconds of silence after which a comment is sent: https://docs.joinmastodon.org/methods/streaming/#sse."""
STREAMS = {"user": "read:statuses", "user:notification": "read:notifications", "direct": "read:statuses"}
FIVE_MINUTES, HALF_HOUR, THREE_HOURS = timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=3)
LIMITS: Mapping[str, tuple[int, timedelta]] = {
    "api": (300, FIVE_MINUTES),
    "paging": (300, timedelta(minutes=15)),
    "media": (30, HALF_HOUR),
    "delete": (30, HALF_HOUR),
    "statuses": (300, THREE_HOURS),
}


@dataclass(slots=True)
class Stream:
    """One open connection."""

    person: str
    name: str
    waiting: deque[bytes] = field(default_factory=deque[bytes])
    news: anyio.Event = field(default_factory=anyio.Event)
    closed: bool = False

    def put(self, event: str, payload: str) -> None:
        """Something to send."""
        self.waiting.append(f"event: {event}\ndata: {payload}\n\n".encode())
        self.news.set()

    def close(self) -> None:
        """The server hangs up."""
        self.closed = True
        self.news.set()


class MastodonAccess(Simulator):
    """Who may call what how often, and who listens."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.people: dict[str, SimPerson] = {}
        self.grants: dict[str, Grant] = {}
        self.streams: list[Stream] = []
        self.suspended: set[str] = set()
        self.pending: set[str] = set()
        self.limits = dict(LIMITS)
        self.counted: dict[str, str] = {}
        """The headers of the rate limit, of the request in hand."""
        self._windows: dict[tuple[str, str, datetime], int] = Counter()

    # -- who calls

    def enter(self, request: Request, scope: str, *, limit: str = "api") -> tuple[SimPerson, dict[str, str]]:
        """The caller and the headers of the answer. Raises `Refused`: no token, too fast, not allowed."""
        token = request.bearer or request.param("access_token")
        grant = self.grants.get(token)
        if grant is None or grant.revoked:
            words = "was revoked" if grant is not None else "is invalid"
            raise refused(401, f"The access token {words}" if token else "This method requires an authenticated user")
        headers = self._counted(request, token, grant, limit)
        if scope not in grant.scopes and scope.partition(":")[0] not in grant.scopes:
            raise refused(403, "This action is outside the authorized scopes")
        person = self.people[grant.person]
        if person.account_id in self.suspended:
            raise refused(403, "Your login is currently disabled")
        if person.account_id in self.pending:
            raise refused(403, "Your login is currently pending approval")
        return person, headers

    def _counted(self, request: Request, token: str, grant: Grant, limit: str) -> dict[str, str]:
        shown: dict[str, str] = {}
        for name in dict.fromkeys(("api", limit)):
            count, per = self.limits[name]
            seconds = per.total_seconds()
            began = datetime.fromtimestamp(self.now().timestamp() // seconds * seconds, UTC)
            key = (token if name in ("api", "paging") else grant.person, name, began)
            self._windows[key] += 1
            shown = {
                "x-ratelimit-limit": str(count),
                "x-ratelimit-remaining": str(max(count - self._windows[key], 0)),
                "x-ratelimit-reset": iso(began + per),
            }
            self.counted = shown
            if self._windows[key] > count:
                raise refused(429, "Too many requests")
        return shown

    def rate_limited(self, request: Request) -> Response:
        """The answer to too many requests: the time at which the window ends, and no `Retry-After`."""
        reset = iso(self.now() + timedelta(seconds=self.random.randint(10, 290)))
        headers = {"x-ratelimit-limit": "300", "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
        return json_response({"error": "Too many requests"}, 429, headers)

    # -- who listens

    def tell(self, person: SimPerson, streams: tuple[str, ...], event: str, payload: Any) -> None:
        """Sends an event to those who listen now; nobody else will ever get it."""
        if self.is_silent(""):
            return
        text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        for stream in self.streams:
            if stream.person == person.id and stream.name in streams:
                stream.put(event, text)

    def hang_up(self, account_id: str | None = None) -> None:
        """Closes the streams of an account, or all."""
        for stream in list(self.streams):
            if account_id in (None, self.people[stream.person].account_id):
                stream.close()

    @route("GET", "/api/v1/streaming/health")
    async def healthy(self, request: Request) -> Response:
        """Whether the streaming server is there."""
        return Response(200, b"OK", {"content-type": "text/plain"})

    @route("GET", "/api/v1/streaming/user")
    async def stream_user(self, request: Request) -> Response:
        """Home timeline and notifications."""
        return self._open(request, "user")

    @route("GET", "/api/v1/streaming/user/notification")
    async def stream_notifications(self, request: Request) -> Response:
        """Notifications alone."""
        return self._open(request, "user:notification")

    @route("GET", "/api/v1/streaming/direct")
    async def stream_direct(self, request: Request) -> Response:
        """Direct conversations."""
        return self._open(request, "direct")

    def _open(self, request: Request, name: str) -> Response:
        person, _ = self.enter(request, STREAMS[name])
        stream = Stream(person.id, name)
        self.streams.append(stream)
        headers = {"content-type": "text/event-stream", "cache-control": "private, no-store"}
        return Response(200, b"", headers, self._events(stream))

    async def _events(self, stream: Stream) -> AsyncGenerator[bytes]:
        try:
            yield b":)\n"
            while not stream.closed:
                while stream.waiting:
                    yield stream.waiting.popleft()
                stream.news = anyio.Event()
                with anyio.move_on_after(HEARTBEAT) as quiet:
                    await stream.news.wait()
                if quiet.cancelled_caught:
                    yield b":thump\n"
        finally:
            self.streams.remove(stream)
