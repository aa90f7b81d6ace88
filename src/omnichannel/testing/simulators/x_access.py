"""Simulated X at its door: tokens, OAuth 1.0a signatures, rate limits, credits, the month's cap."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from omnichannel.testing.simulators.accounts import made_up
from omnichannel.testing.simulators.base import Request, Response, Simulator, WithdrawalMode, json_response, route
from omnichannel.testing.simulators.x_state import (
    Access,
    Grant,
    Limit,
    Refused,
    SimMedia,
    SimUser,
    invalid,
    is_object,
    legacy_error,
    ms,
    problem,
)

TOKEN_LIFE = timedelta(hours=2)
CLOCK_SKEW = timedelta(minutes=5)
_SNOWFLAKE_EPOCH = 1_288_834_974_657
_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"')
_DAY = 24 * 60

LIMITS: Mapping[str, tuple[Limit, ...]] = {
    "dm": (Limit(15), Limit(1_440, _DAY), Limit(1_440, _DAY, per_app=True)),
    "dm_events": (Limit(15),),
    "dm_delete": (Limit(300), Limit(1_500, _DAY), Limit(4_000, _DAY, per_app=True)),
    "post": (Limit(100), Limit(10_000, _DAY, per_app=True)),
    "mentions": (Limit(300), Limit(450, per_app=True)),
    "subscriptions": (Limit(500, per_app=True),),
    "webhooks": (Limit(450, per_app=True),),
    "replay": (Limit(100, per_app=True),),
}
CREDITS_DEPLETED = "does not have any credits to fulfill this request."


class XAccess(Simulator):
    """Who may call what. `credits` is the prepaid balance (None: never used up), `spent` what was charged by item,
    `enrolled` whether the app is in a package that has these endpoints, `cap` the reads of a month."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        seed: int = 0,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        rate_limits: bool = True,
    ) -> None:
        super().__init__(now=now, seed=seed, sleep=sleep)
        self.rate_limits = rate_limits
        self.users: dict[str, SimUser] = {}
        self.grants: dict[str, Grant] = {}
        self.renewals: dict[str, Grant] = {}
        self.apps: dict[str, dict[str, Any]] = {}
        self.tiers: dict[str, str] = {}
        self.files: dict[str, SimMedia] = {}
        self.credits: Decimal | None = None
        self.spent: dict[str, Decimal] = {}
        self.enrolled = True
        self.cap = 3_000_000
        self.months: dict[tuple[int, int], int] = {}
        self._nonces: set[tuple[str, str]] = set()
        self._windows: dict[tuple[str, int, str], tuple[datetime, int]] = {}
        self._last_id = 0

    # -- ids and people

    def snowflake(self) -> str:
        """The next id: its upper bits are the time, as X's are."""
        self._last_id = max(self._last_id + 1, (ms(self.now()) - _SNOWFLAKE_EPOCH) << 22)
        return str(self._last_id)

    def user_of(self, account_id: str) -> SimUser:
        """Our account's user. Raises `LookupError`."""
        for one in self.users.values():
            if one.account_id == account_id:
                return one
        raise LookupError(f"account {account_id!r} was not adopted")

    def charge(self, item: str, price: str, times: int = 1) -> None:
        """Takes the price of an item from the balance."""
        amount = Decimal(price) * times
        self.spent[item] = self.spent.get(item, Decimal(0)) + amount
        if self.credits is not None:
            self.credits -= amount

    def read_posts(self, count: int) -> None:
        """Counts posts that were read. Raises `Refused` where the month's cap is used up."""
        month = (self.now().year, self.now().month)
        if self.months.get(month, 0) >= self.cap:
            raise problem(
                429,
                "Usage cap exceeded: Monthly product cap",
                slug="usage-capped",
                title="UsageCapExceeded",
                period="Monthly",
                scope="Product",
                product_name="standard-basic",
            )
        self.months[month] = self.months.get(month, 0) + count

    # -- the door

    def enter(self, request: Request, what: str, *, app: bool = False, user: bool = True, scopes: str = "") -> Access:
        """Checks credentials, package, credits and limits, in X's order. Raises `Refused`."""
        grant = self._grant(request)
        if grant.kind == "app" and not app:
            raise problem(
                403,
                "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint.",
                slug="unsupported-authentication",
                title="Unsupported Authentication",
            )
        if grant.kind != "app" and not user:
            raise problem(403, "This endpoint takes OAuth 2.0 Application-Only.", slug="unsupported-authentication")
        if grant.kind == "oauth2" and not grant.scopes.issuperset(scopes.split()):
            raise problem(403, f"Missing required OAuth 2.0 scopes: {scopes}", slug="client-forbidden")
        if not self.enrolled:
            raise self._not_enrolled()
        self._able(grant)
        headers = self._limited(grant, what)
        if self.credits is not None and self.credits <= 0:
            raise self._depleted()
        return Access(grant=grant, headers=headers)

    def _able(self, grant: Grant) -> None:
        user = self.users.get(grant.user_id)
        if user is not None and user.suspended:
            raise problem(403, "Your account is suspended and is not permitted to access this feature.")
        if user is not None and user.locked:
            words = "To protect our users from spam and other malicious activity, this account is temporarily locked."
            raise legacy_error(403, 326, f"{words} Please log in to https://x.com to unlock your account.")

    def _grant(self, request: Request) -> Grant:
        scheme = request.headers.get("authorization", "").partition(" ")[0]
        found = self._oauth1(request) if scheme == "OAuth" else self.grants.get(request.bearer)
        expired = found is not None and found.expires_at is not None and found.expires_at <= self.now()
        if found is None or expired or (scheme != "OAuth" and found.kind == "oauth1"):
            raise problem(401, "Unauthorized", title="Unauthorized")
        return found

    def _oauth1(self, request: Request) -> Grant | None:
        """Checks the signature of RFC 5849 anew, without the client's code."""
        given = {name: unquote(value) for name, value in _PARAMETER.findall(request.headers["authorization"])}
        grant = self.grants.get(given.get("oauth_token", ""))
        app = self.apps.get(grant.app) if grant else None
        if grant is None or app is None or grant.kind != "oauth1":
            return None
        stamp, nonce = given.get("oauth_timestamp", ""), given.get("oauth_nonce", "")
        fresh = stamp.isdigit() and abs(int(stamp) - self.now().timestamp()) <= CLOCK_SKEW.total_seconds()
        known = given.get("oauth_consumer_key") == app["key"] and given.get("oauth_signature_method") == "HMAC-SHA1"
        if not (fresh and known) or not nonce or (given["oauth_token"], nonce) in self._nonces:
            return None
        protocol = [(name, value) for name, value in given.items() if name not in ("oauth_signature", "realm")]
        form = request.form() if request.media_type == "application/x-www-form-urlencoded" else ()
        pairs = sorted((_pct(name), _pct(value)) for name, value in (*request.query, *form, *protocol))
        parts = urlsplit(request.url)
        base = f"{parts.scheme}://{parts.netloc.lower()}{parts.path}"
        text = "&".join(map(_pct, (request.method, base, "&".join(f"{name}={value}" for name, value in pairs))))
        wanted = [_hmac(f"{_pct(one)}&{_pct(grant.secret)}".encode(), text.encode(), "sha1") for one in app["secrets"]]
        if given.get("oauth_signature") not in wanted:
            return None
        self._nonces.add((given["oauth_token"], nonce))
        return grant

    def _limited(self, grant: Grant, what: str) -> dict[str, str]:
        """Counts the request in each window. Raises `Refused` where one is full; the reset is that window's."""
        headers: dict[str, str] = {}
        now = self.now()
        for index, limit in enumerate(LIMITS.get(what, ()) if self.rate_limits else ()):
            key = (what, index, grant.app if limit.per_app else grant.user_id)
            ends, used = self._windows.get(key, (now, 0))
            if ends <= now:
                ends, used = now + timedelta(minutes=limit.minutes), 0
            shown = {
                "x-rate-limit-limit": str(limit.count),
                "x-rate-limit-remaining": str(max(limit.count - used - 1, 0)),
                "x-rate-limit-reset": str(int(ends.timestamp())),
            }
            if used >= limit.count:
                raise self._too_many(shown)
            self._windows[key] = (ends, used + 1)
            headers = headers or shown
        return headers

    def _too_many(self, headers: Mapping[str, str]) -> Refused:
        body = {"title": "Too Many Requests", "detail": "Too Many Requests", "type": "about:blank", "status": 429}
        return Refused("too many", json_response(body, 429, {**headers, "date": _http_date(self.now())}))

    # -- refusals of the whole app

    def _depleted(self) -> Refused:
        detail = f"Your enrolled account [1700000000] {CREDITS_DEPLETED}"
        return problem(402, detail, slug="credits", title="CreditsDepleted", account_id=1_700_000_000)

    def _not_enrolled(self) -> Refused:
        return problem(
            403,
            "When authenticating requests to the Twitter API v2 endpoints, you must use keys and tokens from a "
            "Twitter developer App that is attached to a Project.",
            slug="client-forbidden",
            title="Client Forbidden",
            reason="client-not-enrolled",
            required_enrollment="Appropriate Level of API Access",
            client_id="29820954",
        )

    def gone(self, mode: WithdrawalMode, request: Request) -> Response | None:
        """X, withdrawn."""
        match mode:
            case "402":
                return self._depleted().response
            case "403-plan":
                return self._not_enrolled().response
            case "410":
                return problem(410, "This endpoint has been removed.", title="Gone").response
            case "200-with-error":
                words = "This endpoint has been retired and should not be used."
                return json_response({"errors": [{"code": 251, "message": words}]})
            case _:
                return super().gone(mode, request)

    def rate_limited(self, request: Request) -> Response:
        """A 429 that nobody has earned."""
        seconds = self.random.randint(1, 5)
        reset = str(int(self.now().timestamp()) + seconds)
        shown = {"x-rate-limit-limit": "15", "x-rate-limit-remaining": "0", "x-rate-limit-reset": reset}
        return self._too_many({**shown, "retry-after": str(seconds)}).response

    def server_error(self, request: Request) -> Response:
        """A 500 or a 503."""
        status = self.random.choice((500, 503))
        return problem(status, "Something is broken.", title="Internal Server Error").response

    # -- tokens

    def grant_user(self, user_id: str, app: str, token: str, renewal: str | None) -> None:
        """An OAuth 2.0 token of a user, alive for two hours, and the token that renews it, once."""
        grant = Grant(user_id=user_id, app=app, kind="oauth2", expires_at=self.now() + TOKEN_LIFE)
        self.grants[token] = grant
        if renewal:
            self.renewals[renewal] = grant

    @route("POST", "/2/oauth2/token")
    async def renew(self, request: Request) -> Response:
        """A new access token for a refresh token, which is spent by it; public clients name themselves in the form."""
        form = dict(request.form())
        if form.get("grant_type") != "refresh_token":
            return _oauth_error("unsupported_grant_type", "Missing or wrong grant_type")
        grant = self.renewals.get(form.get("refresh_token", ""))
        app = self.apps.get(grant.app) if grant else None
        if grant is None or app is None:
            return _oauth_error("invalid_request", "Value passed for the token was invalid.")
        if not self._is_client(request, form, app):
            return _oauth_error("unauthorized_client", "Missing valid authorization header", 401)
        del self.renewals[form["refresh_token"]]
        for name in [name for name, one in self.grants.items() if one is grant]:
            del self.grants[name]
        token, renewal = (made_up(name, self.random) for name in ("token", "refresh_token"))
        self.grant_user(grant.user_id, grant.app, token, renewal)
        answer = {"token_type": "bearer", "expires_in": int(TOKEN_LIFE.total_seconds()), "access_token": token}
        answer |= {"scope": " ".join(sorted(grant.scopes)), "refresh_token": renewal}
        return json_response(answer, 200, {"date": _http_date(self.now())})

    def _is_client(self, request: Request, form: Mapping[str, str], app: Mapping[str, Any]) -> bool:
        if not app["client_secrets"]:
            return form.get("client_id") == str(app["client_id"])
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        wanted = [base64.b64encode(f"{app['client_id']}:{one}".encode()).decode() for one in app["client_secrets"]]
        return kind == "Basic" and value in wanted

    @route("POST", "/oauth2/token")
    async def app_token(self, request: Request) -> Response:
        """The app-only token of a consumer key and secret."""
        value = request.headers.get("authorization", "").removeprefix("Basic ")
        for app in self.apps.values():
            pairs = [base64.b64encode(f"{app['key']}:{one}".encode()).decode() for one in app["secrets"]]
            if value in pairs and dict(request.form()).get("grant_type") == "client_credentials":
                return json_response({"token_type": "bearer", "access_token": app["bearer"]})
        return legacy_error(403, 99, "Unable to verify your credentials").response

    @route("GET", "/2/users/me")
    async def me(self, request: Request) -> Response:
        """Who the token is."""
        access = self.enter(request, "me", scopes="users.read tweet.read")
        self.charge("user read", "0.010")
        user = self.users[access.grant.user_id]
        shown = {"id": user.id, "name": user.name, "username": user.username}
        return json_response({"data": shown}, 200, access.headers)

    def body(self, request: Request, *known: str) -> dict[str, Any]:
        """The JSON object of a request; X refuses fields that it does not know. Raises `Refused`."""
        data: object = request.json() if request.media_type == "application/json" else None
        if not is_object(data):
            raise invalid("Requests with bodies must have content-type of application/json.")
        for name in data:
            if name not in known:
                raise invalid(f"$.{name}: is not defined in the schema", **{name: [str(data[name])]})
        return data


def _oauth_error(error: str, description: str, status: int = 400) -> Response:
    return json_response({"error": error, "error_description": description}, status)


def _pct(text: str) -> str:
    return quote(text, safe="-._~")


def _hmac(key: bytes, message: bytes, algorithm: str) -> str:
    return base64.b64encode(hmac.new(key, message, getattr(hashlib, algorithm)).digest()).decode()


def sha256_token(secret: str, message: bytes) -> str:
    """What X puts into its signature header, and expects as the answer to its challenge."""
    return "sha256=" + _hmac(secret.encode(), message, "sha256")


def _http_date(at: datetime) -> str:
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{days[at.weekday()]}, {at.day:02d} {months[at.month - 1]} {at:%Y %H:%M:%S} GMT"
