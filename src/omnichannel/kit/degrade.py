"""Content cut to what a surface can express: one returned part is one send call, and what is lost is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TypeAlias, assert_never
from unicodedata import decimal, normalize

from omnichannel.channel.capabilities import Capabilities, Choices, Feature, MediaLimit, Support
from omnichannel.kit.text import SMALLEST_LIMIT, measure, split
from omnichannel.model.content import Block, LinkButton, Location, Media, QuickReply, Template, Text

__all__ = ["Fitted", "fit", "match_choice"]

MediaUrl: TypeAlias = Callable[[Media], str | None]

_NUMBER = re.compile(r"[#(]?(\d{1,3})[.):]?(?:\s+(.+))?")
_KEYCAP = str.maketrans("", "", "\ufe0f\u20e3")
_AROUND = " \t\r\n.,;:!?\"'()[]«»\u2018\u2019\u201c\u201d\xa0"


@dataclass(frozen=True, slots=True)
class Fitted:
    """Parts in sending order. `lost` names the features that were degraded; NONE means that nothing can be sent."""

    parts: tuple[Block, ...]
    lost: tuple[str, ...]
    support: Support


def fit(
    content: Block, capabilities: Capabilities, *, media_url: Callable[[Media], str | None] | None = None
) -> Fitted:
    """The content as parts that the surface takes.

    - Text is split by the surface's unit; quick replies and buttons stay on the last part.
    - Quick replies stay where they fit as buttons, or as a list; else they are numbered lines ("1. Yes"), which
      `match_choice` reads back. Link buttons become "title: url" lines where there are none, or where they do not fit.
    - Attachments become Media parts of their own, before the text if it has something to tap, else after it. Where
      the surface takes several files in one message (`per_message` > 1: mail, posts with pictures), that many stay
      on the text. A file that is not allowed (kind, type, size, no URL where the platform fetches it) becomes a line
      with its name and its URL: its own where it is one, else `media_url(media)`.
    - A caption that is too long becomes a text after its media. A location without support becomes "name" and
      "latitude, longitude". A template without support is NONE: nothing else may be said in its place.
    """
    fitter = _Fitter(capabilities, media_url or _no_url)
    match content:
        case Text():
            parts = fitter.text(content)
        case Media():
            parts = fitter.media(content)
        case Location():
            parts = fitter.location(content)
        case Template():
            supported = capabilities.supports("templates") > Support.NONE
            parts = (content,) if supported else fitter.lose("templates")
        case _:
            assert_never(content)
    support = Support.NONE if not parts else Support.LOSSY if fitter.lost else Support.FULL
    return Fitted(parts, tuple(fitter.lost), support)


class _Fitter:
    def __init__(self, capabilities: Capabilities, media_url: MediaUrl) -> None:
        self.capabilities = capabilities
        self.media_url = media_url
        self.lost: list[str] = []

    def lose(self, feature: str) -> tuple[Block, ...]:
        if feature not in self.lost:
            self.lost.append(feature)
        return ()

    def text(self, content: Text) -> tuple[Block, ...]:
        blocks = [content.text] if content.text else []
        buttons, quick_replies = content.buttons, content.quick_replies
        on_text, apart, lines = self._sorted(content.attachments)
        if buttons and not self._can_press(buttons, content.text):
            self.lose("buttons")
            lines += [_line(button) for button in buttons]
            buttons = ()
        if lines:
            blocks.append("\n".join(lines))
        if quick_replies and not self._can_choose(quick_replies):
            self.lose("quick_replies")
            blocks.append(numbered(quick_replies))
            quick_replies = ()
        last = Text("\n\n".join(blocks), quick_replies=quick_replies, buttons=buttons, attachments=on_text)
        if not last.text and apart and not (quick_replies or buttons or on_text):
            return tuple(apart)
        texts = self._split(last)
        # Platforms show what can be tapped under the newest message only.
        return (*apart, *texts) if quick_replies or buttons else (*texts, *apart)

    def media(self, media: Media) -> tuple[Block, ...]:
        limit = self._allowed(media)
        if limit is not None and limit.by_url:
            media = replace(media, ref=self._url_of(media) or "")
        if limit is None or _fits_caption(media, limit, self.capabilities):
            return (media,) if limit else self.text(Text(media.caption, attachments=(replace(media, caption=""),)))
        bare = replace(media, caption="")
        if limit.per_message > 1:
            return self._split(Text(media.caption, attachments=(bare,)))
        return (bare, *self._split(Text(media.caption)))

    def location(self, location: Location) -> tuple[Block, ...]:
        if self._can("location"):
            return (location,)
        self.lose("location")
        point = f"{location.latitude:.6g}, {location.longitude:.6g}"
        return self._split(Text(f"{location.name}\n{point}" if location.name else point))

    def _split(self, last: Text) -> tuple[Block, ...]:
        if self.capabilities.text_limit < SMALLEST_LIMIT:
            return self.lose("text")
        *first, rest = split(last.text, self.capabilities.text_limit, self.capabilities.text_unit)
        tail = Text(rest, quick_replies=last.quick_replies, buttons=last.buttons, attachments=last.attachments)
        return (*map(Text, first), tail)

    def _can(self, feature: Feature) -> bool:
        return self.capabilities.supports(feature) > Support.NONE

    def _can_press(self, buttons: Sequence[LinkButton], text: str) -> bool:
        limit = self.capabilities.buttons
        if limit is None or not self._can("buttons"):
            return self._can("buttons")
        titles = all(0 < measure(one.title, "utf16") <= limit.title for one in buttons)
        return titles and len(buttons) <= limit.count and 0 < measure(text, "utf16") <= limit.text

    def _can_choose(self, quick_replies: Sequence[QuickReply]) -> bool:
        return self._can("quick_replies") and _fit_choices(quick_replies, self.capabilities.choices)

    def _sorted(self, attachments: Iterable[Media]) -> tuple[tuple[Media, ...], list[Block], list[str]]:
        """Files that ride on the text, parts that follow, and lines for what is not allowed."""
        riding: list[Media] = []
        apart: list[Block] = []
        lines: list[str] = []
        for media in attachments:
            limit = self._allowed(media)
            if limit is None:
                self.lose("attachments")
                lines += filter(None, (media.caption, self._named(media)))
            elif len(riding) < limit.per_message > 1:
                riding.append(replace(media, ref=self._url_of(media) or "") if limit.by_url else media)
            else:
                apart += self.media(media)
        return tuple(riding), apart, lines

    def _allowed(self, media: Media) -> MediaLimit | None:
        limit = self.capabilities.media.get(media.kind)
        if limit is None or not self._can("attachments"):
            return None
        type_ = media.type.partition(";")[0].strip().lower()
        known = not limit.types or any(fnmatchcase(type_, pattern.lower()) for pattern in limit.types)
        if limit.by_url and self._url_of(media) is None:
            return None
        return limit if known and (media.size is None or media.size <= limit.max_bytes) else None

    def _url_of(self, media: Media) -> str | None:
        """Where anybody can fetch the file, or None."""
        return media.ref if media.ref.startswith("https://") else self.media_url(media)

    def _named(self, media: Media) -> str:
        url = self._url_of(media)
        name = media.name or media.alt or ("" if url else media.kind)
        return ": ".join(filter(None, (name, url)))


def numbered(quick_replies: Sequence[QuickReply]) -> str:
    """The options as lines that need no translation: "1. Yes", "2. No"."""
    return "\n".join(f"{number}. {option.title}" for number, option in enumerate(quick_replies, 1))


def shortened(surface: Capabilities, limit: int) -> Capabilities:
    """The surface for an account whose texts, captions included, are shorter."""
    media = {kind: replace(one, caption=min(one.caption, limit)) for kind, one in surface.media.items()}
    return replace(surface, text_limit=min(surface.text_limit, limit), media=media)


def with_links(words: str, links: Iterable[LinkButton]) -> str:
    """A text with its link buttons written below it."""
    return "\n".join(line for line in (words, *map(_line, links)) if line)


def with_choices(words: str, quick_replies: Sequence[QuickReply]) -> str:
    """A text with its choices written below it."""
    return "\n\n".join(part for part in (words, numbered(quick_replies)) if part)


def match_choice(text: str, options: Sequence[QuickReply]) -> str | None:
    """The choice that a typed answer means: an id, a title in any case, its number ("2", "2.", "2️⃣"), or both
    ("2. No"); None for anything else. An id or a title wins over a number."""
    typed = _folded(text)
    if not typed:
        return None
    for name in (_choice_of, _title_of):
        for option in options:
            if typed == name(option):
                return option.choice
    found = _NUMBER.fullmatch(normalize("NFKC", text.translate(_KEYCAP)).strip())
    if found is None:
        return None
    index = int("".join(str(decimal(digit)) for digit in found[1])) - 1
    if not 0 <= index < len(options):
        return None
    option = options[index]
    return option.choice if found[2] is None or _folded(found[2]) == _title_of(option) else None


def _choice_of(option: QuickReply) -> str:
    return _folded(option.choice)


def _title_of(option: QuickReply) -> str:
    return _folded(option.title)


def _folded(text: str) -> str:
    plain = " ".join(normalize("NFKC", text).casefold().split())
    # A title that is nothing but punctuation ("?", "...") is still an answer.
    return plain.strip(_AROUND) or plain


def _line(button: LinkButton) -> str:
    return f"{button.title}: {button.url}"


def _fit_choices(options: Sequence[QuickReply], limits: Choices) -> bool:
    # UTF-16, in which most platforms count: never fewer than characters.
    longest = max(measure(option.title, "utf16") for option in options)
    if max(measure(option.choice, "bytes") for option in options) > limits.id:
        return False
    as_buttons = len(options) <= limits.count and longest <= limits.title
    return as_buttons or (len(options) <= limits.list_count and longest <= limits.list_title)


def _fits_caption(media: Media, limit: MediaLimit, capabilities: Capabilities) -> bool:
    return not media.caption or measure(media.caption, capabilities.text_unit) <= limit.caption


def _no_url(media: Media) -> str | None:
    return None
