"""Statuses of simulated Mastodon: writing, editing, deleting, and who hears of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from omnichannel.testing.simulators.base import Request, Response, Seen, SimFile, json_response, route
from omnichannel.testing.simulators.mastodon_shown import MastodonShown
from omnichannel.testing.simulators.mastodon_state import (
    SimMedia,
    SimNotice,
    SimPerson,
    SimStatus,
    countable,
    handles_in,
    is_list,
    params_of,
    refused,
)

KEY_KEPT = timedelta(hours=1)
VISIBILITIES = ("public", "unlisted", "private", "direct")
NO_PARENT = "The post you are trying to reply to does not appear to exist."
DESCRIPTION = 1_500
IMAGE_LIMIT, VIDEO_LIMIT = 16 * 1024 * 1024, 103_809_024
_LEADING = re.compile(r"(?:@[\w.-]+(?:@[\w.-]+)?\s+)+")


class MastodonStatuses(MastodonShown):
    """What is written."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.max_characters: dict[str, int] = {}
        self.strangers_held: set[str] = set()
        self.processing = 0
        """How many looks a video or a sound needs until it is processed."""
        self._keys: dict[tuple[str, str], tuple[Any, str]] = {}

    # -- anybody's

    def publish(self, author: SimPerson, text: str, **more: Any) -> SimStatus:
        """A status of anybody's, and what follows from it."""
        people = [self.named(one, author.host) for one in handles_in(text)]
        named = [one.id for one in people if one is not None]
        status = SimStatus(
            id=self.next_id(), author=author.id, text=text, at=self.now(), mentions=tuple(dict.fromkeys(named)), **more
        )
        self.statuses[status.id] = status
        for one in status.mentions:
            self._reach(self.people[one], author, status)
        quoted = self.statuses.get(status.quotes or "")
        if quoted is not None and quoted.author not in (author.id, *status.mentions):
            self.notice(self.people[quoted.author], "quote", author, status)
        if author.account_id:
            self.news[author.account_id] += 1
            if status.visibility != "direct":
                self.tell(author, ("user",), "update", self.shown_status(status, author))
            else:
                self.tell(author, ("direct",), "conversation", self._conversation(status, author))
        return status

    def _reach(self, person: SimPerson, author: SimPerson, status: SimStatus) -> None:
        if person.account_id and person.id != author.id:
            self.notice(person, "mention", author, status)
            if status.visibility == "direct":
                self.tell(person, ("direct",), "conversation", self._conversation(status, person))
        customer = self.customers.get(person.handle)
        if customer is not None and not customer.blocked and author.account_id:
            self.show(person.handle, self._seen(status, author))

    def _seen(self, status: SimStatus, author: SimPerson) -> Seen:
        """As apps show it; whom it is to is shown apart from the words."""
        words = _LEADING.sub("", status.text, count=1) if _LEADING.match(status.text) else status.text
        return Seen(
            at=status.at,
            text=f"{status.spoiler}\n\n{words}" if status.spoiler else words,
            message_id=status.id,
            account_id=author.account_id,
            surface="dm" if status.visibility == "direct" else "mention",
            links=tuple(re.findall(r"https?://\S+", status.text)),
            media=tuple(self.media[one].file.type for one in status.media),
            reply_to=status.reply_to,
        )

    def _conversation(self, status: SimStatus, viewer: SimPerson) -> dict[str, Any]:
        return self.shown_conversation(self.conversation_of(status), viewer)

    def conversation_of(self, status: SimStatus) -> list[SimStatus]:
        """The direct statuses among the same people, oldest first."""
        people = {status.author, *status.mentions}
        found = (one for one in self.statuses.values() if one.visibility == "direct" and not one.gone)
        return [one for one in found if {one.author, *one.mentions} == people]

    def notice(
        self, owner: SimPerson, kind: str, by: SimPerson, status: SimStatus | None = None, **more: Any
    ) -> SimNotice:
        """A notification for one of ours; what the account's policy holds back is in no stream."""
        held = owner.account_id in self.strangers_held and by.id not in owner.follows and bool(by.handle)
        found = SimNotice(
            id=self.next_id(),
            owner=owner.id,
            type=kind,
            by=by.id,
            at=self.now(),
            status=status.id if status else None,
            filtered=held,
            more=more,
        )
        self.notices[found.id] = found
        self.news[owner.account_id] += 1
        if not held:
            self.tell(owner, ("user", "user:notification"), "notification", self.shown_notice(found))
        return found

    def visible(self, status: SimStatus | None, viewer: SimPerson) -> SimStatus | None:
        """A status, if it is there and the viewer may see it: who has blocked us is not seen."""
        if status is None or status.gone:
            return None
        author = self.people[status.author]
        customer = self.customers.get(author.handle)
        if customer is not None and customer.blocked and viewer.account_id:
            return None
        if status.visibility in ("direct", "private") and viewer.id not in (status.author, *status.mentions):
            return None
        return status

    # -- the API

    @route("POST", "/api/v1/statuses")
    async def create_status(self, request: Request) -> Response:
        """A status of ours."""
        person, headers = self.enter(request, "write:statuses", limit="statuses")
        data, key = params_of(request), request.headers.get("idempotency-key", "")
        kept = self._keys.get((person.id, key)) if key else None
        if kept is not None and self.now() - kept[0] < KEY_KEPT and kept[1] in self.statuses:
            return json_response(self.shown_status(self.statuses[kept[1]], person), 200, headers)
        visibility = data.get("visibility") or "public"
        if visibility not in VISIBILITIES:
            raise refused(422, "Validation failed: Visibility is not included in the list")
        parent_id = str(data["in_reply_to_id"]) if data.get("in_reply_to_id") else None
        if parent_id is not None and self.visible(self.statuses.get(parent_id), person) is None:
            raise refused(404, NO_PARENT)
        text, spoiler, media = self._said(person, data, set())
        status = self.publish(
            person,
            text,
            visibility=visibility,
            spoiler=spoiler,
            language=str(data["language"]) if data.get("language") else None,
            reply_to=parent_id,
            media=tuple(one.id for one in media),
        )
        words = self._seen(status, person).text
        self.accept(",".join(self.people[one].whole for one in status.mentions), words, key)
        if key:
            self._keys[person.id, key] = (self.now(), status.id)
        return json_response(self.shown_status(status, person), 200, headers)

    def _said(self, person: SimPerson, data: Mapping[str, Any], own: set[str]) -> tuple[str, str, Sequence[SimMedia]]:
        text, spoiler = str(data.get("status") or "").strip(), str(data.get("spoiler_text") or "").strip()
        media = self._attached(person, data.get("media_ids") or [], own)
        if not text and not media:
            raise refused(422, "Validation failed: Text can't be blank")
        most = self.max_characters.get(person.account_id, 500)
        if countable(text) + len(spoiler) > most:
            raise refused(422, f"Validation failed: Text character limit of {most} exceeded")
        return text, spoiler, media

    def _attached(self, person: SimPerson, ids: object, own: set[str]) -> list[SimMedia]:
        names = [str(one) for one in ids] if is_list(ids) else []
        if len(names) > 4:
            raise refused(422, "Cannot attach more than 4 files")
        found = [self.media.get(one) for one in names]
        files = [one for one in found if one is not None and one.owner == person.id]
        if len(files) < len(names) or any(one.used and one.id not in own for one in files):
            raise refused(422, "Validation failed: Media attachment is invalid")
        if len(files) > 1 and any(one.kind != "image" for one in files):
            raise refused(422, "Cannot attach a video to a post that already contains images")
        if any(one.looks > 0 for one in files):
            raise refused(422, "Cannot attach files that have not finished processing. Try again in a moment!")
        for one in files:
            one.used = True
        return files

    def _ours(self, request: Request, scope: str, limit: str) -> tuple[SimPerson, SimStatus, dict[str, str]]:
        person, headers = self.enter(request, scope, limit=limit)
        status = self.visible(self.statuses.get(request.path_params["id"]), person)
        if status is None or (limit != "api" and status.author != person.id):
            raise refused(404, "Record not found")
        return person, status, headers

    @route("GET", "/api/v1/statuses/{id}")
    async def get_status(self, request: Request) -> Response:
        """One status."""
        person, status, headers = self._ours(request, "read:statuses", "api")
        return json_response(self.shown_status(status, person), 200, headers)

    @route("PUT", "/api/v1/statuses/{id}")
    async def edit_status(self, request: Request) -> Response:
        """New words, and exactly the files that are named."""
        person, status, headers = self._ours(request, "write:statuses", "statuses")
        text, spoiler, media = self._said(person, params_of(request), set(status.media))
        files = tuple(one.id for one in media)
        if (text, spoiler, files) != (status.text, status.spoiler, status.media):
            status.text, status.spoiler, status.media, status.edited_at = text, spoiler, files, self.now()
            for one in status.mentions:
                self.reshow(self.people[one].handle, status.id, self._seen(status, person))
            self.tell(person, ("user",), "status.update", self.shown_status(status, person))
        return json_response(self.shown_status(status, person), 200, headers)

    @route("DELETE", "/api/v1/statuses/{id}")
    async def delete_status(self, request: Request) -> Response:
        """Gone, here and where servers comply."""
        person, status, headers = self._ours(request, "write:statuses", "delete")
        shown = self.shown_status(status, person) | {"text": status.text}
        self.take_back(status)
        return json_response(shown, 200, headers)

    def take_back(self, status: SimStatus) -> None:
        """A status is deleted: those who listen and were named are told its id."""
        status.gone = True
        for one in {status.author, *status.mentions}:
            person = self.people[one]
            self.tell(person, ("user",), "delete", status.id)
            if person.handle:
                self.reshow(person.handle, status.id, None)

    @route("POST", "/api/v1/statuses/{id}/favourite")
    async def favourite(self, request: Request) -> Response:
        """A favourite."""
        person, status, headers = self._ours(request, "write:favourites", "api")
        status.favourited.add(person.id)
        return json_response(self.shown_status(status, person), 200, headers)

    @route("POST", "/api/v1/statuses/{id}/unfavourite")
    async def unfavourite(self, request: Request) -> Response:
        """None any more."""
        person, status, headers = self._ours(request, "write:favourites", "api")
        status.favourited.discard(person.id)
        return json_response(self.shown_status(status, person), 200, headers)

    # -- files

    @route("POST", "/api/v2/media")
    async def upload(self, request: Request) -> Response:
        """A file: 200 where it can be used at once, 202 where it is still worked on."""
        person, headers = self.enter(request, "write:media", limit="media")
        body = request.multipart()
        file = body.files.get("file")
        if file is None:
            raise refused(422, "Validation failed: File can't be blank")
        family, description = file.type.partition("/")[0], body.get("description") or None
        if family not in ("image", "video", "audio"):
            raise refused(422, "Validation failed: File content type is invalid")
        if len(file.content) > (IMAGE_LIMIT if family == "image" else VIDEO_LIMIT):
            raise refused(422, "Validation failed: File file size must be less than the limit")
        if description is not None and len(description) > DESCRIPTION:
            raise refused(422, f"Validation failed: Description is too long (maximum is {DESCRIPTION} characters)")
        media = self.put(person.id, SimFile(file.name, file.content, file.type), description)
        media.looks = self.processing if family != "image" else 0
        return json_response(self.shown_media(media), 202 if media.looks else 200, headers)

    @route("GET", "/api/v1/media/{id}")
    async def look_at_media(self, request: Request) -> Response:
        """206 while it is worked on."""
        person, headers = self.enter(request, "write:media")
        media = self.media.get(request.path_params["id"])
        if media is None or media.owner != person.id or media.used:
            raise refused(404, "Record not found")
        media.looks = max(media.looks - 1, 0)
        return json_response(self.shown_media(media), 206 if media.looks else 200, headers)

    @route("GET", "/media_attachments/files/{id}/original/{name}")
    async def download(self, request: Request) -> Response:
        """The bytes of a file: nobody has to sign in for them."""
        media = self.media.get(request.path_params["id"])
        if media is None:
            return Response(404)
        return Response(200, media.file.content, {"content-type": media.file.type})
