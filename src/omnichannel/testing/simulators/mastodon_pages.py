"""What simulated Mastodon lists: notifications, conversations, statuses, accounts, and itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from omnichannel.testing.faults import FaultKind
from omnichannel.testing.simulators.base import Request, Response, json_response, route
from omnichannel.testing.simulators.mastodon_state import SimPerson, refused
from omnichannel.testing.simulators.mastodon_statuses import IMAGE_LIMIT, VIDEO_LIMIT, MastodonStatuses

VERSION = "4.6.0"
API_VERSION = 10
_ITEM = TypeVar("_ITEM")


class MastodonPages(MastodonStatuses):
    """What is read."""

    def _page(
        self, request: Request, items: Sequence[_ITEM], key: Callable[[_ITEM], str], default: int, most: int
    ) -> tuple[list[_ITEM], dict[str, str]]:
        """A page, newest first, and its `Link`. `min_id` gives what is next after an id, `since_id` the newest."""
        wanted = request.param("limit", str(default))
        size = max(1, min(int(wanted) if wanted.isdigit() else default, most))
        ordered = sorted(items, key=lambda one: int(key(one)))
        bounds = {name: request.param(name) for name in ("max_id", "since_id", "min_id")}
        if any(value and not value.isdigit() for value in bounds.values()):
            raise refused(404, "Record not found")
        after = max(int(bounds["since_id"] or 0), int(bounds["min_id"] or 0))
        ordered = [one for one in ordered if int(key(one)) > after]
        if bounds["max_id"]:
            ordered = [one for one in ordered if int(key(one)) < int(bounds["max_id"])]
        found = ordered[:size] if bounds["min_id"] else ordered[-size:]
        found.reverse()
        if not found:
            return [], {}
        base = f"{request.scheme}://{request.host}{request.path}?"
        kept = "&".join(f"{name}={value}" for name, value in request.query if name not in bounds)
        before = f'<{base}{kept}&max_id={key(found[-1])}>; rel="next"'
        newer = f'<{base}{kept}&min_id={key(found[0])}>; rel="prev"'
        return found, {"link": f"{before}, {newer}"}

    # -- what we read

    @route("GET", "/api/v1/notifications")
    async def list_notifications(self, request: Request) -> Response:
        """Our notifications."""
        person, headers = self.enter(request, "read:notifications", limit="paging")
        types = [value for name, value in request.query if name in ("types[]", "types")]
        without = [value for name, value in request.query if name in ("exclude_types[]", "exclude_types")]
        filtered = request.param("include_filtered") in ("true", "1")
        mine = [
            one
            for one in self.notices.values()
            if one.owner == person.id
            and (not types or one.type in types)
            and one.type not in without
            and (filtered or not one.filtered)
            and (one.status is None or not self.statuses[one.status].gone)
        ]
        found, link = self._page(request, mine, lambda one: one.id, 40, 80)
        return json_response([self.shown_notice(one) for one in found], 200, {**headers, **link})

    @route("GET", "/api/v1/conversations")
    async def list_conversations(self, request: Request) -> Response:
        """Our direct conversations; their place is that of their last status."""
        person, headers = self.enter(request, "read:statuses", limit="paging")
        last = {
            frozenset((one.author, *one.mentions)): one
            for one in self.statuses.values()
            if one.visibility == "direct" and not one.gone and person.id in (one.author, *one.mentions)
        }
        found, link = self._page(request, list(last.values()), lambda one: one.id, 20, 40)
        shown = [self.shown_conversation(self.conversation_of(one), person) for one in found]
        return json_response(shown, 200, {**headers, **link})

    @route("POST", "/api/v1/conversations/{id}/read")
    async def read_conversation(self, request: Request) -> Response:
        """Marks a conversation read, for ourselves."""
        person, headers = self.enter(request, "write:conversations")
        status = self.statuses.get(request.path_params["id"])
        if status is None or person.id not in (status.author, *status.mentions):
            raise refused(404, "Record not found")
        shown = self.shown_conversation(self.conversation_of(status), person)
        return json_response(shown | {"unread": False}, 200, headers)

    @route("GET", "/api/v1/accounts/verify_credentials")
    async def verify_credentials(self, request: Request) -> Response:
        """Who we are."""
        person, headers = self.enter(request, "read:accounts")
        source: dict[str, Any] = {"privacy": "public", "sensitive": False, "language": None, "note": "", "fields": []}
        source |= {"follow_requests_count": 0, "hide_collections": None, "discoverable": None, "indexable": False}
        source |= {"attribution_domains": [], "quote_policy": "public"}
        role = {"id": "-99", "name": "", "permissions": "0", "color": "", "highlighted": False}
        return json_response(self.shown_person(person, person) | {"source": source, "role": role}, 200, headers)

    @route("GET", "/api/v1/accounts/lookup")
    async def lookup(self, request: Request) -> Response:
        """Somebody by their handle."""
        person, headers = self.enter(request, "read:accounts")
        found = self.named(request.param("acct").removeprefix("@"), person.host)
        if found is None:
            raise refused(404, "Record not found")
        return json_response(self.shown_person(found, person), 200, headers)

    @route("GET", "/api/v1/accounts/{id}")
    async def get_account(self, request: Request) -> Response:
        """Somebody."""
        person, headers = self.enter(request, "read:accounts")
        return json_response(self.shown_person(self._somebody(request), person), 200, headers)

    def _somebody(self, request: Request) -> SimPerson:
        found = self.people.get(request.path_params["id"])
        if found is None:
            raise refused(404, "Record not found")
        return found

    @route("GET", "/api/v1/accounts/{id}/statuses")
    async def list_statuses(self, request: Request) -> Response:
        """Somebody's statuses, as far as we may see them."""
        person, headers = self.enter(request, "read:statuses", limit="paging")
        author = self._somebody(request)
        written = [one for one in self.statuses.values() if one.author == author.id and self.visible(one, person)]
        found, link = self._page(request, written, lambda one: one.id, 20, 40)
        return json_response([self.shown_status(one, person) for one in found], 200, {**headers, **link})

    @route("GET", "/api/v1/statuses/{id}/context")
    async def context(self, request: Request) -> Response:
        """What a status answers, and what answers it."""
        person, status, headers = self._ours(request, "read:statuses", "api")
        above: list[Any] = []
        one = self.visible(self.statuses.get(status.reply_to or ""), person)
        while one is not None:
            above.insert(0, self.shown_status(one, person))
            one = self.visible(self.statuses.get(one.reply_to or ""), person)
        below = [one for one in self.statuses.values() if one.reply_to == status.id and self.visible(one, person)]
        shown = {"ancestors": above, "descendants": [self.shown_status(one, person) for one in below]}
        return json_response(shown, 200, headers)

    # -- the server

    @route("GET", "/api/v2/instance")
    async def instance(self, request: Request) -> Response:
        """What this server is, and its limits."""
        host = request.host
        icon = {"src": f"https://{host}/icon.png", "size": "36x36"}
        shown: dict[str, Any] = {
            "domain": host,
            "title": "Mastodon, simulated",
            "version": VERSION,
            "source_url": "https://github.com/mastodon/mastodon",
            "description": "",
            "usage": {"users": {"active_month": len(self.people)}},
            "thumbnail": {"url": f"https://{host}/preview.png", "description": None},
            "icon": [icon],
            "languages": ["en"],
            "configuration": self._configuration(host, self._account_of(host)),
            "registrations": {"enabled": False, "approval_required": False, "message": None, "url": None},
            "api_versions": {"mastodon": API_VERSION},
            "contact": {"email": f"admin@{host}", "account": None},
            "rules": [],
        }
        return json_response(shown)

    @route("GET", "/api/v1/instance")
    async def instance_v1(self, request: Request) -> Response:
        """The older form of the same, which clients ask for the version."""
        host = request.host
        shown: dict[str, Any] = {
            "uri": host,
            "title": "Mastodon, simulated",
            "short_description": "",
            "description": "",
            "email": f"admin@{host}",
            "version": VERSION,
            "urls": {"streaming_api": f"wss://{host}"},
            "stats": {"user_count": len(self.people), "status_count": len(self.statuses), "domain_count": 1},
            "thumbnail": None,
            "languages": ["en"],
            "registrations": False,
            "approval_required": False,
            "invites_enabled": False,
            "configuration": self._configuration(host, self._account_of(host)),
            "contact_account": None,
            "rules": [],
        }
        return json_response(shown)

    def _account_of(self, host: str) -> str:
        return next((one.account_id for one in self.people.values() if one.account_id and one.host == host), "")

    @route("HEAD", "/")
    async def front(self, request: Request) -> Response:
        """The front page, of which clients want the headers."""
        return Response(200, b"", {"content-type": "text/html; charset=utf-8"})

    async def handle(self, request: Request, fault: FaultKind | None = None) -> Response:
        """A path means the same with a slash at its end; a refusal has the headers of the rate limit as well."""
        if len(request.path) > 1:
            request = replace(request, path=request.path.rstrip("/"))
        self.counted = {}
        response = await super().handle(request, fault)
        return replace(response, headers={**self.counted, **response.headers})

    def _configuration(self, host: str, account_id: str) -> dict[str, Any]:
        most = self.max_characters.get(account_id, 500)
        types = ["image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4", "video/webm", "audio/mpeg"]
        return {
            "urls": {"streaming": f"wss://{host}", "status": None, "about": f"https://{host}/about"},
            "vapid": {"public_key": "BMSp9DUGHjNgPFWgM6Y0wACYUqHgZAvUBikoPnvDpl2RRXJCgBx4xu89nhHfVMq9tVMG"},
            "accounts": {"max_featured_tags": 10, "max_pinned_statuses": 5},
            "statuses": {"max_characters": most, "max_media_attachments": 4, "characters_reserved_per_url": 23},
            "media_attachments": {
                "description_limit": 1500,
                "image_matrix_limit": 33177600,
                "image_size_limit": IMAGE_LIMIT,
                "supported_mime_types": types,
                "video_frame_rate_limit": 120,
                "video_matrix_limit": 8294400,
                "video_size_limit": VIDEO_LIMIT,
            },
            "polls": {
                "max_options": 4,
                "max_characters_per_option": 50,
                "min_expiration": 300,
                "max_expiration": 2629746,
            },
            "translation": {"enabled": False},
        }

    # -- where a channel without buttons asks by number

    def numbered(self, handle: str, title: str) -> tuple[Any, str]:
        """The newest message that shows a numbered line of this title, and its number. Raises `LookupError`."""
        for seen in reversed(self.seen(handle)):
            for line in seen.text.splitlines():
                number, _, words = line.strip().partition(".")
                if number.isdigit() and words.strip().casefold() == title.casefold():
                    return seen, number
        raise LookupError(f"{handle}'s phone shows no line {title!r}: {[one.text for one in self.seen(handle)]}")
