"""Direct messages of simulated X: who may write to whom, sending, deleting, looking up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from omnichannel.testing.simulators.base import Request, Response, Seen, json_response, route
from omnichannel.testing.simulators.x_posts import XPosts, page
from omnichannel.testing.simulators.x_state import (
    Access,
    SimDm,
    SimMedia,
    SimUser,
    invalid,
    is_list,
    is_object,
    iso,
    legacy_error,
    ms,
    not_found,
    problem,
)

DM_TEXT = 10_000
KEPT = timedelta(days=30)
_CONVERSATION = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")
_ID = re.compile(r"[0-9]{1,19}")
NOT_PERMITTED = "You do not have permission to DM one or more participants."


class XDms(XPosts):
    """What is private, and not encrypted."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dms: dict[str, SimDm] = {}
        self.open: set[tuple[str, str]] = set()
        self._boxes: dict[str, list[str]] = {}

    def write(self, sender: SimUser, recipient: SimUser, text: str, media: Sequence[str] = ()) -> SimDm:
        """A DM of anybody's, and what follows from it."""
        low, high = sorted((sender.id, recipient.id), key=int)
        dm = SimDm(
            id=self.snowflake(),
            sender=sender.id,
            recipient=recipient.id,
            conversation=f"{low}-{high}",
            text=text,
            at=self.now(),
            media=tuple(media),
        )
        self.dms[dm.id] = dm
        self.open.add((recipient.id, sender.id))
        for user_id in {sender.id, recipient.id}:
            self._boxes.setdefault(user_id, []).append(dm.id)
        for event_type, user in (("dm.sent", sender), ("dm.received", recipient)):
            if user.account_id:
                self.emit(event_type, user.id, self.legacy_dms(dm, modern=True), None)
        return dm

    def _may_write(self, sender: SimUser, recipient_id: str) -> SimUser:
        recipient = self.users.get(recipient_id)
        if recipient is None:
            raise not_found(f"user with id: [{recipient_id}]")
        customer = self.customers.get(recipient.handle)
        if customer is not None and customer.blocked:
            raise legacy_error(403, 349, "You cannot send messages to this user.")
        # Whoever wrote to us has accepted the conversation, whatever their settings say.
        if recipient.closed_dms and (sender.id, recipient.id) not in self.open:
            raise problem(403, NOT_PERMITTED)
        return recipient

    # -- the API

    @route("POST", "/2/dm_conversations/with/{id}/messages")
    async def send_to_user(self, request: Request) -> Response:
        """A DM to a person."""
        access = self.enter(request, "dm", scopes="dm.read dm.write tweet.read users.read")
        return self._sent(access, request, request.path_params["id"])

    @route("POST", "/2/dm_conversations/{id}/messages")
    async def send_in_conversation(self, request: Request) -> Response:
        """A DM in a conversation that we are in."""
        access = self.enter(request, "dm", scopes="dm.read dm.write tweet.read users.read")
        conversation, me = request.path_params["id"], access.grant.user_id
        people = conversation.split("-") if _CONVERSATION.fullmatch(conversation) else []
        if me not in people:
            raise problem(403, "You are not a participant of this conversation.")
        other = next((one for one in people if one != me), me)
        return self._sent(access, request, other)

    def _sent(self, access: Access, request: Request, recipient_id: str) -> Response:
        text, media = self._message(access, self.body(request, "text", "attachments"))
        if not _ID.fullmatch(recipient_id):
            raise invalid("The `participant_id` path parameter value is not valid", participant_id=[recipient_id])
        sender = self.users[access.grant.user_id]
        recipient = self._may_write(sender, recipient_id)
        self.charge("dm", "0.015")
        dm = self.write(sender, recipient, text, [one.id for one in media])
        self.accept(recipient.id, text)
        if recipient.handle:
            self.show(recipient.handle, self._seen(sender, dm, media))
        shown = {"dm_conversation_id": dm.conversation, "dm_event_id": dm.id}
        return json_response({"data": shown}, 201, access.headers)

    def _message(self, access: Access, data: Mapping[str, Any]) -> tuple[str, list[SimMedia]]:
        text: object = data.get("text")
        attachments: object = data.get("attachments", [])
        if text is not None and (not isinstance(text, str) or not text):
            raise invalid("$.text: must be at least 1 characters long")
        if not is_list(attachments) or len(attachments) > 1:
            raise invalid("$.attachments: there may only be one")
        if text is None and not attachments:
            raise invalid("$.text: is missing but it is required")
        if text is not None and len(text) > DM_TEXT:
            raise legacy_error(403, 354, "The text of your direct message is over the max character limit.")
        ids = [one.get("media_id") if is_object(one) else None for one in attachments]
        return text or "", [self.sendable(access, one, "dm") for one in ids]

    def _seen(self, sender: SimUser, dm: SimDm, media: Sequence[SimMedia]) -> Seen:
        return Seen(
            at=dm.at,
            text=dm.text,
            message_id=dm.id,
            account_id=sender.account_id,
            links=tuple(re.findall(r"https?://\S+", dm.text)),
            media=tuple(one.type for one in media),
        )

    @route("DELETE", "/2/dm_events/{id}")
    async def delete_dm(self, request: Request) -> Response:
        """A DM goes from our own view; the other one keeps it."""
        access = self.enter(request, "dm_delete", scopes="dm.read dm.write")
        dm = self.dms.get(request.path_params["id"])
        if dm is None or access.grant.user_id not in (dm.sender, dm.recipient):
            raise not_found("DM event")
        self.charge("delete", "0.010")
        dm.hidden_from.add(access.grant.user_id)
        return json_response({"data": {"deleted": True}}, 200, access.headers)

    @route("GET", "/2/dm_events")
    async def dm_events(self, request: Request) -> Response:
        """Our DMs of the last 30 days, newest first."""
        return self._listed(request, None)

    @route("GET", "/2/dm_conversations/with/{id}/dm_events")
    async def dm_events_with(self, request: Request) -> Response:
        """Those with one person."""
        return self._listed(request, request.path_params["id"])

    @route("GET", "/2/dm_conversations/{id}/dm_events")
    async def dm_events_of(self, request: Request) -> Response:
        """Those of one conversation."""
        return self._listed(request, request.path_params["id"])

    def _listed(self, request: Request, about: str | None) -> Response:
        access = self.enter(request, "dm_events", scopes="dm.read tweet.read users.read")
        me, since = access.grant.user_id, self.now() - KEPT
        wanted = request.param("event_types", "MessageCreate").split(",")
        if not set(wanted) <= {"MessageCreate", "ParticipantsJoin", "ParticipantsLeave"}:
            raise invalid("The `event_types` query parameter value is not valid", event_types=wanted)
        box = [self.dms[one] for one in reversed(self._boxes.get(me, [])) if "MessageCreate" in wanted]
        box = [one for one in box if one.at >= since and me not in one.hidden_from]
        if about is not None:
            box = [one for one in box if about in (one.conversation, one.sender, one.recipient)]
        found, meta = page(request, box, 1, lambda one: one.id)
        self.charge("dm read", "0.010", len(found))
        body: dict[str, Any] = {"meta": meta}
        if found:
            fields = {"id", "event_type", "text", *request.param("dm_event.fields").split(",")}
            body["data"] = [{k: v for k, v in _modern(one, self.files).items() if k in fields} for one in found]
            body |= {"includes": self._around(found)} if request.param("expansions") else {}
        return json_response(body, 200, access.headers)

    def _around(self, dms: Sequence[SimDm]) -> dict[str, Any]:
        users = dict.fromkeys(one.sender for one in dms)
        includes: dict[str, Any] = {"users": [self.users[one].shown() for one in users]}
        files = [{**self.shown_file(one), **self._private_file(dm, one)} for dm in dms for one in dm.media]
        return includes | ({"media": files} if files else {})

    def _private_file(self, dm: SimDm, media_id: str) -> dict[str, Any]:
        return {"url": self._ton(dm, media_id)} if self.files[media_id].category.endswith("_image") else {}

    def _ton(self, dm: SimDm, media_id: str) -> str:
        suffix = self.files[media_id].type.rpartition("/")[2].replace("jpeg", "jpg")
        return f"https://ton.twitter.com/1.1/ton/data/dm/{dm.id}/{media_id}/file.{suffix}"

    # -- in the words of v1.1, as webhooks have it

    def legacy_dms(self, dm: SimDm, *, modern: bool) -> dict[str, Any]:
        """The lists of a DM; `modern` wraps each person as the activity API does."""
        nothing: dict[str, list[str]] = {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []}
        data: dict[str, Any] = {"text": dm.text, "entities": nothing}
        if dm.media:
            data["attachment"] = {"type": "media", "media": self._legacy_file(dm, dm.media[0])}
        create = {"target": {"recipient_id": dm.recipient}, "sender_id": dm.sender, "message_data": data}
        event = {"type": "message_create", "id": dm.id, "created_timestamp": str(ms(dm.at)), "message_create": create}
        people = {one: self.users[one] for one in (dm.sender, dm.recipient)}
        if modern:
            shown: dict[str, Any] = {key: {"data": one.shown()} for key, one in people.items()}
        else:
            shown = {key: {"id": key, "name": one.name, "screen_name": one.username} for key, one in people.items()}
        return {"direct_message_events": [event], "users": shown}

    def _legacy_file(self, dm: SimDm, media_id: str) -> dict[str, Any]:
        media = self.files[media_id]
        shown: dict[str, Any] = {"id": int(media_id), "id_str": media_id, "media_url_https": self._ton(dm, media_id)}
        if media.category.endswith("_image"):
            return shown | {"type": "photo"}
        url = f"https://video.twimg.com/dm_video/{media_id}/vid/file.mp4"
        return shown | {"type": "video", "video_info": {"variants": [{"content_type": "video/mp4", "url": url}]}}


def _modern(dm: SimDm, files: Mapping[str, SimMedia]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": dm.id,
        "event_type": "MessageCreate",
        "text": dm.text,
        "sender_id": dm.sender,
        "dm_conversation_id": dm.conversation,
        "created_at": iso(dm.at),
    }
    return shown | ({"attachments": {"media_keys": [files[one].key for one in dm.media]}} if dm.media else {})
