"""How simulated Mastodon shows what it keeps: the entities of its API, as the account that asks sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omnichannel.testing.simulators.base import SimFile
from omnichannel.testing.simulators.mastodon_state import SimMedia, SimNotice, SimPerson, SimStatus, iso, rendered
from omnichannel.testing.simulators.mastodon_stream import MastodonAccess

FILES = "https://files.mastodon.example"


class MastodonShown(MastodonAccess):
    """Statuses, notifications and files, and the JSON of them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.statuses: dict[str, SimStatus] = {}
        self.notices: dict[str, SimNotice] = {}
        self.media: dict[str, SimMedia] = {}
        self._ids = 0
        self._names: dict[str, SimPerson] = {}

    def next_id(self) -> str:
        """Ids grow with time, and are strings."""
        self._ids += 1
        return str((int(self.now().timestamp() * 1000) << 16) + self._ids)

    def introduce(self, person: SimPerson) -> None:
        """Makes somebody known, here and on all servers."""
        self.people[person.id] = person
        self._names[person.whole] = person

    def named(self, handle: str, host: str) -> SimPerson | None:
        """The person of a handle as somebody on a server writes it; None where there is nobody."""
        whole = handle.lower() if "@" in handle else f"{handle}@{host}".lower()
        return self._names.get(whole)

    # -- entities

    def shown_person(self, person: SimPerson, viewer: SimPerson) -> dict[str, Any]:
        """An Account."""
        picture = f"{FILES}/avatars/original/missing.png"
        written = [one for one in self.statuses.values() if one.author == person.id and not one.gone]
        shown: dict[str, Any] = {
            "id": person.id,
            "username": person.username,
            "acct": person.acct(viewer.host),
            "display_name": person.name,
            "locked": False,
            "bot": person.bot,
            "discoverable": None,
            "indexable": False,
            "group": False,
            "created_at": iso(person.since)[:10] + "T00:00:00.000Z",
            "note": "",
            "url": person.url,
            "uri": f"https://{person.host}/users/{person.username}",
            **dict.fromkeys(("avatar", "avatar_static", "header", "header_static"), picture),
            "followers_count": 0,
            "following_count": len(person.follows),
            "statuses_count": len(written),
            "last_status_at": iso(written[-1].at)[:10] if written else None,
            "hide_collections": None,
            "noindex": False,
            "emojis": [],
            "roles": [],
            "fields": [],
        }
        moved = self._names.get(person.moved_to)
        return shown | ({"moved": self.shown_person(moved, viewer)} if moved is not None else {})

    def shown_status(self, status: SimStatus, viewer: SimPerson, *, deep: bool = True) -> dict[str, Any]:
        """A Status."""
        author, parent = self.people[status.author], self.statuses.get(status.reply_to or "")
        people = [self.people[one] for one in status.mentions]
        names = {key: one for one in people for key in (one.whole, one.acct(author.host).lower())}
        url = f"https://{author.host}/@{author.username}/{status.id}"
        shown: dict[str, Any] = {
            "id": status.id,
            "created_at": iso(status.at),
            "in_reply_to_id": status.reply_to,
            "in_reply_to_account_id": parent.author if parent is not None else None,
            "sensitive": bool(status.spoiler),
            "spoiler_text": status.spoiler,
            "visibility": status.visibility,
            "language": status.language,
            "uri": f"https://{author.host}/users/{author.username}/statuses/{status.id}",
            "url": url,
            "replies_count": sum(one.reply_to == status.id for one in self.statuses.values()),
            "reblogs_count": 0,
            "favourites_count": len(status.favourited),
            "edited_at": iso(status.edited_at) if status.edited_at else None,
            "favourited": viewer.id in status.favourited,
            "reblogged": False,
            "muted": False,
            "bookmarked": False,
            "content": rendered(status.text, names),
            "filtered": [],
            "reblog": None,
            "account": self.shown_person(author, viewer),
            "media_attachments": [self.shown_media(self.media[one]) for one in status.media],
            "mentions": [self._mention(one, viewer) for one in people],
            "tags": [],
            "emojis": [],
            "quote": None,
            "card": None,
            "poll": None,
        }
        quoted = self.statuses.get(status.quotes or "")
        if quoted is not None and deep:
            shown["quote"] = {"state": "accepted", "quoted_status": self.shown_status(quoted, viewer, deep=False)}
            shown["content"] = f'<p class="quote-inline">RE: <a href="#">{quoted.id}</a></p>' + shown["content"]
        return shown

    def _mention(self, person: SimPerson, viewer: SimPerson) -> dict[str, Any]:
        return {"id": person.id, "username": person.username, "url": person.url, "acct": person.acct(viewer.host)}

    def shown_media(self, media: SimMedia) -> dict[str, Any]:
        """A MediaAttachment; without its URL while it is processed."""
        suffix = media.file.type.rpartition("/")[2].replace("jpeg", "jpg")
        url = f"{FILES}/media_attachments/files/{media.id}/original/file.{suffix}"
        return {
            "id": media.id,
            "type": media.kind,
            "url": None if media.looks > 0 else url,
            "preview_url": url,
            "remote_url": None,
            "meta": None,
            "description": media.description,
            "blurhash": None,
        }

    def shown_notice(self, notice: SimNotice) -> dict[str, Any]:
        """A Notification."""
        owner = self.people[notice.owner]
        shown: dict[str, Any] = {
            "id": notice.id,
            "type": notice.type,
            "created_at": iso(notice.at),
            "group_key": f"ungrouped-{notice.id}",
            "account": self.shown_person(self.people[notice.by], owner),
            **notice.more,
        }
        status = self.statuses.get(notice.status or "")
        return shown | ({"status": self.shown_status(status, owner)} if status is not None else {})

    def shown_conversation(self, statuses: Sequence[SimStatus], viewer: SimPerson) -> dict[str, Any]:
        """A Conversation: direct statuses among the same people."""
        last = statuses[-1]
        people = [one for one in dict.fromkeys((last.author, *last.mentions)) if one != viewer.id]
        return {
            "id": statuses[0].id,
            "unread": last.author != viewer.id,
            "accounts": [self.shown_person(self.people[one], viewer) for one in people],
            "last_status": self.shown_status(last, viewer),
        }

    def put(self, owner: str, file: SimFile, description: str | None = None) -> SimMedia:
        """Keeps a file."""
        media = SimMedia(id=self.next_id(), owner=owner, file=file, description=description)
        self.media[media.id] = media
        return media
