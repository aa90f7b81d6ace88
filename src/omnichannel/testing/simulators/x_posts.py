"""Posts of simulated X: writing and deleting them, who may answer whom, and looking mentions up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from omnichannel.testing.simulators.base import Request, Response, Seen, json_response, route
from omnichannel.testing.simulators.x_events import XEvents
from omnichannel.testing.simulators.x_state import (
    Access,
    Mention,
    SimMedia,
    SimPost,
    SimUser,
    invalid,
    is_list,
    is_object,
    iso,
    not_found,
    problem,
    weighted,
)

SHORT, LONG = 280, 25_000
DUPLICATE_WINDOW = timedelta(hours=24)
NOT_SUMMONED = (
    "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the author "
    "of the post you are replying to."
)
_HANDLE = re.compile(r"(?<![A-Za-z0-9_])@([A-Za-z0-9_]{1,15})")
_CASHTAG = re.compile(r"\$[A-Za-z]{1,6}\b")
_HAS_LINK = re.compile(r"https?://|\b[a-z0-9-]+\.(?:com|org|net|example|fr)\b", re.IGNORECASE)
_ID = re.compile(r"[0-9]{1,19}")
_ITEM = TypeVar("_ITEM")

POST_KEYS = (
    "text",
    "reply",
    "media",
    "quote_tweet_id",
    "reply_settings",
    "direct_message_deep_link",
    "made_with_ai",
    "paid_partnership",
    "edit_options",
    "for_super_followers_only",
    "geo",
    "poll",
    "card_uri",
    "community_id",
    "nullcast",
    "share_with_followers",
)


class XPosts(XEvents):
    """What is public."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.posts: dict[str, SimPost] = {}
        self._mentioning: dict[str, list[str]] = {}
        self._said: dict[tuple[str, str, str | None], datetime] = {}
        self._names: dict[str, str] = {}

    # -- writing

    def publish(
        self,
        author: SimUser,
        text: str,
        *,
        reply_to: str | None = None,
        quotes: str | None = None,
        media: Sequence[str] = (),
    ) -> SimPost:
        """A post of anybody's, and what follows from it. X puts the handle of whom it answers before a reply."""
        parent = self.posts.get(reply_to or "")
        prefix = ""
        if parent is not None and parent.author != author.id:
            handle = f"@{self.users[parent.author].username}"
            prefix = "" if text.casefold().startswith(handle.casefold()) else f"{handle} "
        full, new_id = prefix + text, self.snowflake()
        post = SimPost(
            id=new_id,
            author=author.id,
            text=full,
            conversation=parent.conversation if parent else new_id,
            at=self.now(),
            reply_to=parent.id if parent else None,
            reply_user=parent.author if parent else None,
            quotes=quotes,
            mentions=self._named(full, len(prefix)),
            shown_from=len(prefix),
            media=tuple(media),
        )
        self.posts[post.id] = post
        for user_id in dict.fromkeys(one.user_id for one in post.mentions):
            self._mentioning.setdefault(user_id, []).append(post.id)
        if not author.protected:
            self._announce(post, parent)
        return post

    def name(self, user: SimUser) -> None:
        """Makes a handle known, so that posts can mention it."""
        self.users[user.id] = user
        self._names[user.username.casefold()] = user.id

    def _named(self, text: str, begin: int) -> tuple[Mention, ...]:
        found: list[Mention] = []
        for match in _HANDLE.finditer(text):
            user_id = self._names.get(match[1].casefold())
            if user_id is not None:
                one = Mention(
                    start=match.start(),
                    end=match.end(),
                    user_id=user_id,
                    username=self.users[user_id].username,
                    explicit=match.start() >= begin,
                )
                found.append(one)
        return tuple(found)

    def _announce(self, post: SimPost, parent: SimPost | None) -> None:
        told: list[tuple[str, str]] = [("post.create", post.author)]
        told += [("post.mention.create", one.user_id) for one in post.mentions if one.explicit]
        if parent is not None:
            told.append(("post.reply.create", parent.author))
        quoted = self.posts.get(post.quotes or "")
        if quoted is not None:
            told.append(("post.quote.create", quoted.author))
        for event_type, user_id in dict.fromkeys(told):
            if self.users[user_id].account_id and (event_type == "post.create" or user_id != post.author):
                self.emit(event_type, user_id, self.shown_post(post), self._includes([post]))

    # -- the API

    @route("POST", "/2/tweets")
    async def create_post(self, request: Request) -> Response:
        """A post or a reply of ours."""
        access = self.enter(request, "post", scopes="tweet.read tweet.write users.read")
        data = self.body(request, *POST_KEYS)
        author = self.users[access.grant.user_id]
        text, target, media = self._wanted(access, data)
        summoned = self._may_reply(author, target) if target else False
        self._unsaid(author, text, target)
        self._charge_post(text, summoned)
        post = self.publish(author, text, reply_to=target.id if target else None, media=[one.id for one in media])
        self._said[author.id, text, post.reply_to] = self.now()
        if target is not None:
            self._show_reply(author, post, target, text, media)
        shown = {"id": post.id, "text": _escape(post.text), "edit_history_tweet_ids": [post.id]}
        return json_response({"data": shown}, 201, access.headers)

    def _wanted(self, access: Access, data: Mapping[str, Any]) -> tuple[str, SimPost | None, list[SimMedia]]:
        text, reply, media = data.get("text", ""), data.get("reply"), data.get("media")
        if not isinstance(text, str):
            raise invalid("$.text: is not a string")
        limit = LONG if self.users[access.grant.user_id].premium else SHORT
        if weighted(text) > limit:
            raise problem(403, "Your Post text is too long.", title="Forbidden")
        ids: object = media.get("media_ids") if is_object(media) else []
        if not is_list(ids) or (media is not None and not 1 <= len(ids) <= 4):
            raise invalid("$.media.media_ids: must have 1 to 4 items")
        files = [self.sendable(access, one, "mention") for one in ids]
        if len(files) > 1 and not all(one.category == "tweet_image" for one in files):
            raise invalid("$.media.media_ids: a video or a GIF stands alone")
        if not text and not files:
            raise invalid("$.text: is missing but it is required")
        return text, self._target(reply) if reply is not None else None, files

    def _target(self, reply: object) -> SimPost:
        given: dict[str, Any] = reply if is_object(reply) else {}
        found = given.get("in_reply_to_tweet_id")
        unknown = set(given) - {"in_reply_to_tweet_id", "exclude_reply_user_ids", "auto_populate_reply_metadata"}
        if not isinstance(found, str) or not _ID.fullmatch(found) or unknown:
            raise invalid("$.reply.in_reply_to_tweet_id: does not match the regex pattern ^[0-9]{1,19}$")
        post = self.posts.get(found)
        if post is None:
            raise problem(403, "You attempted to reply to a Post that is deleted or not visible to you.")
        return post

    def _may_reply(self, author: SimUser, target: SimPost) -> bool:
        """Whether we were summoned. Raises `Refused` where self-serve needs that; enterprise does not."""
        customer = self.customers.get(self.users[target.author].handle)
        if customer is not None and customer.blocked:
            raise problem(403, "You have been blocked from replying to this user's posts.")
        quoted = self.posts.get(target.quotes or "")
        named = any(one.explicit and one.user_id == author.id for one in target.mentions)
        summoned = named or (quoted is not None and quoted.author == author.id)
        own = target.author == author.id
        if not summoned and not own and self.tiers.get(author.id) != "enterprise":
            raise problem(403, NOT_SUMMONED)
        return summoned

    def _unsaid(self, author: SimUser, text: str, target: SimPost | None) -> None:
        if self.tiers.get(author.id) != "enterprise" and len(_CASHTAG.findall(text)) > 1:
            raise problem(403, "Self-serve posts may hold at most one cashtag.")
        before = self._said.get((author.id, text, target.id if target else None))
        if before is not None and self.now() - before < DUPLICATE_WINDOW:
            raise problem(403, "You are not allowed to create a Tweet with duplicate content.")

    def _charge_post(self, text: str, summoned: bool) -> None:
        if _HAS_LINK.search(text):
            self.charge("post with link", "0.200")
        else:
            self.charge("summoned reply" if summoned else "post", "0.010" if summoned else "0.015")

    def _show_reply(
        self, author: SimUser, post: SimPost, target: SimPost, text: str, media: Sequence[SimMedia]
    ) -> None:
        reader = self.users[target.author]
        self.accept(reader.id, text)
        if reader.handle:
            seen = Seen(
                at=post.at,
                text=text,
                message_id=post.id,
                account_id=author.account_id,
                surface="mention",
                links=tuple(re.findall(r"https?://\S+", text)),
                media=tuple(one.type for one in media),
                reply_to=target.id,
            )
            self.show(reader.handle, seen)

    @route("DELETE", "/2/tweets/{id}")
    async def delete_post(self, request: Request) -> Response:
        """A post of our own goes."""
        access = self.enter(request, "delete", scopes="tweet.read tweet.write users.read")
        post = self.posts.get(request.path_params["id"])
        if post is not None and post.author != access.grant.user_id:
            raise problem(403, "You are not authorized to delete this Post.", slug="not-authorized-for-resource")
        self.charge("delete", "0.010")
        if post is not None:
            self.unpublish(post)
        return json_response({"data": {"deleted": post is not None}}, 200, access.headers)

    def unpublish(self, post: SimPost) -> None:
        """A post goes from everywhere; its author's subscriptions are told."""
        del self.posts[post.id]
        for known in self._mentioning.values():
            if post.id in known:
                known.remove(post.id)
        for handle in self.customers:
            self.reshow(handle, post.id, None)
        if self.users[post.author].account_id:
            self.emit("post.delete", post.author, {"id": post.id, "author_id": post.author}, None)

    @route("PUT", "/2/tweets/{id}/hidden")
    async def hide_post(self, request: Request) -> Response:
        """A reply to a post of ours is hidden, or shown again."""
        access = self.enter(request, "hide", scopes="tweet.read users.read")
        data, post = self.body(request, "hidden"), self.posts.get(request.path_params["id"])
        if post is None or self.posts[post.conversation].author != access.grant.user_id:
            raise problem(403, "Only replies to your own conversations can be hidden.")
        self.charge("hide", "0.005")
        post.hidden = bool(data.get("hidden"))
        return json_response({"data": {"hidden": post.hidden}}, 200, access.headers)

    @route("GET", "/2/users/{id}/mentions")
    async def mentions(self, request: Request) -> Response:
        """Posts that name a user, newest first."""
        access = self.enter(request, "mentions", app=True, scopes="tweet.read users.read")
        user_id = request.path_params["id"]
        if user_id not in self.users:
            raise not_found(f"user with id: [{user_id}]")
        since, until = (request.param(name, "0") for name in ("since_id", "until_id"))
        if not (_ID.fullmatch(since) and _ID.fullmatch(until)):
            raise invalid("The `since_id` query parameter value is not valid", since_id=[since])
        named = [self.posts[one] for one in reversed(self._mentioning.get(user_id, []))]
        named = [one for one in named if int(one.id) > int(since) and (until == "0" or int(one.id) < int(until))]
        found, meta = page(request, named, 5, lambda one: one.id)
        self.read_posts(len(found))
        self.charge("post read", "0.005", len(found))
        body: dict[str, Any] = {"meta": meta}
        if found:
            fields = {"id", "text", "edit_history_tweet_ids", *request.param("tweet.fields").split(",")}
            body["data"] = [{k: v for k, v in self.shown_post(one).items() if k in fields} for one in found]
            body |= {"includes": self._includes(found)} if request.param("expansions") else {}
        return json_response(body, 200, access.headers)

    # -- as objects

    def shown_post(self, post: SimPost) -> dict[str, Any]:
        """A post as an object of API v2. Indices count the escaped text."""
        shift = _Shift(post.text)
        text = _escape(post.text)
        shown: dict[str, Any] = {
            "id": post.id,
            "text": text,
            "author_id": post.author,
            "conversation_id": post.conversation,
            "created_at": iso(post.at),
            "lang": "und",
            "edit_history_tweet_ids": [post.id],
            "display_text_range": [shift(post.shown_from), len(text)],
            "reply_settings": "everyone",
            "possibly_sensitive": False,
        }
        if post.mentions:
            shown["entities"] = {
                "mentions": [
                    {"start": shift(one.start), "end": shift(one.end), "username": one.username, "id": one.user_id}
                    for one in post.mentions
                ]
            }
        references = [("replied_to", post.reply_to), ("quoted", post.quotes)]
        if any(one for _, one in references):
            shown["referenced_tweets"] = [{"type": kind, "id": one} for kind, one in references if one]
        if post.reply_user:
            shown["in_reply_to_user_id"] = post.reply_user
        if post.media:
            shown["attachments"] = {"media_keys": [self.files[one].key for one in post.media]}
        return shown

    def _includes(self, posts: Sequence[SimPost]) -> dict[str, Any]:
        users: dict[str, None] = {}
        tweets: dict[str, SimPost] = {}
        for post in posts:
            for one in (post.author, post.reply_user, *(named.user_id for named in post.mentions)):
                if one:
                    users[one] = None
            tweets |= {one: self.posts[one] for one in (post.reply_to, post.quotes) if one in self.posts}
        includes: dict[str, Any] = {"users": [self.users[one].shown() for one in users if one in self.users]}
        if tweets:
            includes["tweets"] = [self.shown_post(one) for one in tweets.values()]
        files = [self.shown_file(one) for post in posts for one in post.media]
        return includes | ({"media": files} if files else {})

    def shown_file(self, media_id: str) -> dict[str, Any]:
        """An entry of `includes.media`."""
        media = self.files[media_id]
        if media.category.endswith("_image"):
            url = f"https://pbs.twimg.com/media/{media.id}.{media.type.rpartition('/')[2]}"
            return {"media_key": media.key, "type": "photo", "url": url, "alt_text": media.alt}
        url = f"https://video.twimg.com/ext_tw_video/{media.id}.mp4"
        variants = [{"bit_rate": 832_000, "content_type": "video/mp4", "url": url}]
        return {"media_key": media.key, "type": "video", "variants": variants}


class _Shift:
    """Where a place of a text is after X has escaped it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, index: int) -> int:
        return len(_escape(self._text[:index]))


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def page(
    request: Request, items: Sequence[_ITEM], least: int, key: Callable[[_ITEM], str]
) -> tuple[list[_ITEM], dict[str, Any]]:
    """One page of items (newest first), and its `meta`. Raises `Refused` for a size or a token that X does not know."""
    wanted = request.param("max_results", "100" if least == 1 else "10")
    if not wanted.isdigit() or not least <= int(wanted) <= 100:
        raise invalid(f"The `max_results` query parameter value is not between {least} and 100", max_results=[wanted])
    token = request.param("pagination_token")
    start = 0
    if token:
        before = token.removeprefix("page-before-")
        if before == token or not before.isdigit():
            raise invalid("The `pagination_token` query parameter value is not valid", pagination_token=[token])
        start = next((i for i, one in enumerate(items) if int(key(one)) < int(before)), len(items))
    found = list(items[start : start + int(wanted)])
    meta: dict[str, Any] = {"result_count": len(found)}
    if found:
        meta |= {"newest_id": key(found[0]), "oldest_id": key(found[-1])}
    if start + len(found) < len(items):
        meta["next_token"] = f"page-before-{key(found[-1])}"
    return found, meta
