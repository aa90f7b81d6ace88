"""Parts to statuses: who is named, who may read it, what it answers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import JsonValue

from omnichannel.adapters.mastodon.account import MastodonAccount
from omnichannel.adapters.mastodon.surfaces import MENTION_ROOM
from omnichannel.channel import HttpRequest, Part, Repeat
from omnichannel.kit.parts import words_of
from omnichannel.kit.refusals import invalid
from omnichannel.kit.text import measure, shorten

ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
HANDLE = re.compile(r"[^@\s/]+@[^@\s/]+")
# What Mastodon takes for a mention: https://github.com/mastodon/mastodon/blob/main/app/models/account.rb (MENTION_RE).
_NAMES = re.compile(r"(?<![=/\w])@(?=[A-Za-z0-9_])")
HARMLESS_AT = "\uff20"
WARNING_ROOM = 4
_PRIMARY = re.compile(r"[a-z]{2,3}")


def unnamed(text: str) -> str:
    """A text that names nobody: whoever a direct status names can read it. Mail addresses and links stay as they are;
    another @ becomes one that looks the same and means nothing."""
    return _NAMES.sub(HARMLESS_AT, text)


def status_request(account: MastodonAccount, part: Part, media_ids: Sequence[str]) -> HttpRequest:
    """A status for the person that the part is to. Raises `Rejected` for one that cannot be sent."""
    body = _words(account, part, media_ids)
    target = part.reply_to or part.context.get("status")
    if target is not None and not ID.fullmatch(target):
        raise invalid("bad_id", f"{target[:100]!r} is no id of a status")
    if part.surface != "dm" and target is None:
        raise invalid("no_post", "there is no post to answer, and nothing is begun in public")
    if target is not None:
        body["in_reply_to_id"] = target
    body["visibility"] = visibility_of(account, part)
    headers = {"idempotency-key": part.key}
    url = "api/v1/statuses"
    return HttpRequest(method="POST", url=url, headers=headers, body=body, repeat=Repeat.KEYED, limit="status")


def edit_request(account: MastodonAccount, message_id: str, part: Part, media_ids: Sequence[str]) -> HttpRequest:
    """The new words of a status of ours; who may read it cannot be changed. The same edit twice is one."""
    body = _words(account, part, media_ids)
    url = f"api/v1/statuses/{message_id}"
    return HttpRequest(method="PUT", url=url, body=body, repeat=Repeat.SAFE, limit="status")


def visibility_of(account: MastodonAccount, part: Part) -> str:
    """No wider than what it answers. A post for followers is answered to its author alone: their followers are not
    ours."""
    if part.surface == "dm":
        return "direct"
    asked = part.context.get("visibility", "public")
    return account.replies if asked == "public" else "unlisted" if asked == "unlisted" else "direct"


def _words(account: MastodonAccount, part: Part, media_ids: Sequence[str]) -> dict[str, JsonValue]:
    text = words_of(part, "Mastodon")
    if not HANDLE.fullmatch(part.to):
        raise invalid("bad_address", "an address on Mastodon is user@host")
    if not text and not media_ids:
        raise invalid("empty", "a status needs a text or a file")
    if visibility_of(account, part) == "direct":
        text = unnamed(text)
    status = f"@{part.to} {text}".rstrip()
    body: dict[str, JsonValue] = {"status": status}
    if media_ids:
        body["media_ids"] = list(media_ids)
    warning = _warning(account, part, text)
    if warning:
        body["spoiler_text"] = warning
    language = _PRIMARY.match((part.language or "").lower())
    if language is not None:
        body["language"] = language[0]
    return body


def _warning(account: MastodonAccount, part: Part, text: str) -> str:
    """An answer to a post under a content warning stands under the same one, as far as there is room for it: its
    characters count as those of the text do."""
    given = part.context.get("warning", "")
    room = account.max_characters - MENTION_ROOM - measure(text, "linked")
    return shorten(given, room, "linked") if given and room >= WARNING_ROOM else ""
