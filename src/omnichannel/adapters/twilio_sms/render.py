"""From a part to the form of `POST /Accounts/{sid}/Messages.json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, assert_never
from urllib.parse import urlencode

from omnichannel.adapters.twilio_sms import surfaces
from omnichannel.adapters.twilio_sms.account import TwilioSmsAccount
from omnichannel.channel import Failure, Level, Outcome, Part, Rejected
from omnichannel.kit.degrade import numbered
from omnichannel.kit.phone import country_of
from omnichannel.kit.sms import septets, sms_segments
from omnichannel.model.content import Location, Media, Template, Text

Fields: TypeAlias = tuple[tuple[str, str], ...]


def refused(code: str, message: str) -> Rejected:
    """A part that Twilio has no way to say; refused before a request is made."""
    return Rejected(Failure(outcome=Outcome.INVALID, level=Level.MESSAGE, code=code, message=message))


def message(account: TwilioSmsAccount, part: Part) -> Fields:
    """The whole form. Raises `Rejected` for what cannot be an SMS or an MMS."""
    words, files = _said(part)
    urls = [one.ref for one in files]
    if any(not url.startswith("https://") for url in urls):
        raise refused("no_url", "Twilio fetches files itself: each needs an https URL")
    if files and country_of(part.to) not in surfaces.MMS_COUNTRIES:
        # There is no MMS there (error 30011): whoever gets the text can open the link.
        words, urls = _joined([words, *map(_linked, files)]), []
    if len(urls) > surfaces.MEDIA_FILES:
        raise refused("too_many_files", f"{len(urls)} files; Twilio takes {surfaces.MEDIA_FILES}")
    if septets(words) > surfaces.TEXT:
        raise refused("too_long", f"{septets(words)} characters; Twilio takes {surfaces.TEXT}")
    if not (words.strip() or urls):
        raise refused("empty", "Twilio sends no empty text")
    return (
        ("To", part.to),
        *_from(account, part),
        *((("Body", words),) if words else ()),
        *(("MediaUrl", url) for url in urls),
        *_options(account, part),
    )


def cost(fields: Fields) -> int:
    """The segments that a form takes from the sender's rate; an MMS is one."""
    if any(name == "MediaUrl" for name, _ in fields):
        return 1
    return sms_segments(dict(fields).get("Body", "")).segments


def _from(account: TwilioSmsAccount, part: Part) -> Fields:
    if account.messaging_service_sid is not None:
        return (("MessagingServiceSid", account.messaging_service_sid),)
    theirs = part.context.get("number")
    return (("From", theirs if theirs in account.own_numbers and theirs else account.sender or ""),)


def _options(account: TwilioSmsAccount, part: Part) -> Fields:
    options: list[tuple[str, str]] = []
    if account.webhook_url:
        # The only thing that comes back with a status: our key tells whose it is, also where no answer ever came.
        about = urlencode({"account": account.id, "part": part.key})
        options.append(("StatusCallback", f"{account.webhook_url}{'&' if '?' in account.webhook_url else '?'}{about}"))
    if account.validity is not None:
        options.append(("ValidityPeriod", str(int(account.validity.total_seconds()))))
    if account.smart_encoded:
        options.append(("SmartEncoded", "true"))
    return tuple(options)


def _said(part: Part) -> tuple[str, tuple[Media, ...]]:
    match part.content:
        case Text() as content:
            links = [f"{link.title}: {link.url}" for link in content.buttons]
            words = "\n".join(line for line in (content.text, *links) if line)
            choices = numbered(content.quick_replies)
            captions = [one.caption for one in content.attachments]
            return _joined([words, *captions, f"\n{choices}" if words and choices else choices]), content.attachments
        case Media() as content:
            return content.caption, (content,)
        case Location() | Template():
            raise refused("not_cut", f"a {part.content.type_} is no SMS")
        case _:
            assert_never(part.content)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(line for line in lines if line)


def _linked(media: Media) -> str:
    return f"{media.name}: {media.ref}" if media.name else media.ref
