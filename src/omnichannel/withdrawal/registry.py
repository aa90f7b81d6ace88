"""Withdrawals and sunsets that are known, as data with sources. A configuration may override it with rows of its own.

Dates are those of the sources; where a source gives only a month, its first day stands here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal

from omnichannel.model.withdrawal import WHOLE, Scope, Withdrawal

__all__ = ["KNOWN", "KnownWithdrawal", "known", "lost_by"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWithdrawal:
    """One event. `adapter` is set where only one way to reach the channel ended and the channel lives on.

    `source` is an address or a citation. `answered` is what the API said at the end, where that is known: the first
    error is usually misleading.
    """

    key: str
    channel: str
    what: str
    closed_on: date
    source: str
    announced_on: date | None = None
    read_only_on: date | None = None
    reinstated_on: date | None = None
    adapter: str | None = None
    scope: Scope = WHOLE
    initiated_by: Literal["platform", "brand"] = "platform"
    successors: tuple[str, ...] = ()
    answered: str = ""

    def as_withdrawal(self, brand: str = "default") -> Withdrawal:
        """The same as a Withdrawal of one brand, with dates at midnight UTC."""
        return Withdrawal(
            id=f"known_{self.key}",
            channel=self.channel,
            brand=brand,
            scope=self.scope,
            initiated_by=self.initiated_by,
            reason=self.what,
            announced_at=_midnight(self.announced_on),
            read_only_at=_midnight(self.read_only_on),
            closed_at=_midnight(self.closed_on),
            reinstated_at=_midnight(self.reinstated_on),
            targets=self.successors,
            source_url=self.source if "://" in self.source else None,
        )


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


KNOWN: tuple[KnownWithdrawal, ...] = (
    KnownWithdrawal(
        key="facebook_2018",
        channel="instagram",
        what="The old Instagram API lost most of its calls overnight, without notice.",
        closed_on=date(2018, 4, 4),
        source="https://connortumbleson.com/2018/04/08/",
        adapter="instagram_legacy",
        answered="fields and permissions were gone",
    ),
    KnownWithdrawal(
        key="messenger_eu_2020",
        channel="messenger",
        what="In Europe, files and some buttons stopped working under new privacy rules; they came back in steps.",
        announced_on=date(2020, 11, 30),
        closed_on=date(2020, 12, 16),
        reinstated_on=date(2021, 9, 14),
        scope=Scope(feature="attachments"),
        source="https://developers.facebook.com/docs/messenger-platform/europe-updates",
        answered="an error on the call, and the flag subject_to_new_eu_privacy_rules",
    ),
    KnownWithdrawal(
        key="messenger_recurring_2026",
        channel="messenger",
        what="Recurring notifications ended except in Australia, the EU, Japan, Korea and the United Kingdom.",
        closed_on=date(2026, 2, 10),
        adapter="messenger_recurring",
        scope=Scope(direction="out", purpose="marketing"),
        source="https://developers.facebook.com/docs/messenger-platform/send-messages/recurring-notifications",
    ),
    KnownWithdrawal(
        key="messenger_tags_2026",
        channel="messenger",
        what="The message tags for events, accounts and purchases ended; utility templates took their place.",
        closed_on=date(2026, 4, 27),
        adapter="messenger_tags",
        scope=Scope(direction="out"),
        source="https://developers.facebook.com/docs/messenger-platform/send-messages/message-tags",
        answered="error 100 about the tag",
    ),
    KnownWithdrawal(
        key="slack_rtm_2022",
        channel="slack",
        what="rtm.start ended, for new apps first.",
        announced_on=date(2021, 10, 1),
        closed_on=date(2022, 9, 20),
        adapter="slack_rtm",
        source="https://github.com/ruby-jp/ruboty-ruby-jp/issues/170",
        answered="HTTP 200 with method_deprecated in the body",
    ),
    KnownWithdrawal(
        key="slack_legacy_bots_2025",
        channel="slack",
        what="Legacy custom bots ended; some went on for days.",
        announced_on=date(2024, 9, 1),
        closed_on=date(2025, 3, 31),
        adapter="slack_legacy_bot",
        source="https://github.com/orliesaurus/greetingslack/issues/28",
        answered="HTTP 200 with legacy_custom_bots_deprecated in the body",
    ),
    KnownWithdrawal(
        key="x_free_2023",
        channel="x",
        what="The free API ended; direct messages and mentions by webhook became an enterprise matter.",
        announced_on=date(2023, 2, 1),
        closed_on=date(2023, 4, 17),
        reinstated_on=date(2026, 2, 6),
        adapter="twitter_v1",
        source="https://github.com/jenkins-infra/helpdesk/issues/3518",
        answered="401 with code 32, and 403 with code 453",
    ),
    KnownWithdrawal(
        key="x_unsummoned_2026",
        channel="x",
        what="On self-serve plans a reply is refused unless its author mentioned or quoted us.",
        announced_on=date(2026, 2, 23),
        closed_on=date(2026, 2, 23),
        scope=Scope(direction="out", surface="post", tier="self_serve"),
        source="https://github.com/xdevplatform/docs/blob/main/changelog.mdx",
    ),
    KnownWithdrawal(
        key="apple_support_2023",
        channel="x",
        what="Apple's people stopped answering direct messages on X, and comments on YouTube, by choice.",
        announced_on=date(2023, 8, 31),
        closed_on=date(2023, 10, 1),
        scope=Scope(direction="out", surface="dm", agent="human"),
        initiated_by="brand",
        successors=("voice", "livechat"),
        source="https://www.techno-edge.net/article/2023/10/03/2021.html",
    ),
    KnownWithdrawal(
        key="reddit_2023",
        channel="reddit",
        what="Calls above a free rate became paid; most third-party applications closed.",
        announced_on=date(2023, 4, 18),
        closed_on=date(2023, 7, 1),
        scope=Scope(tier="free"),
        source="https://www.techtarget.com/whatis/feature/Reddit-pricing-API-charge-explained",
    ),
    KnownWithdrawal(
        key="google_business_messages_2024",
        channel="google_business_messages",
        what="No new chats from mid-July; at the end of the month it was off and its history deleted.",
        read_only_on=date(2024, 7, 15),
        closed_on=date(2024, 7, 31),
        successors=("whatsapp", "livechat"),
        source="https://www.twilio.com/docs/messaging/channels/google-business-messages",
    ),
    KnownWithdrawal(
        key="icq_2024",
        channel="icq",
        what="The whole service ended.",
        announced_on=date(2024, 5, 24),
        closed_on=date(2024, 6, 26),
        source="Windows Central, 25 May 2024",
    ),
    KnownWithdrawal(
        key="skype_2025",
        channel="skype",
        what="The service ended; contacts and history went to Teams.",
        closed_on=date(2025, 5, 5),
        successors=("teams",),
        source="https://mezha.media/news/skype-farewell-301684",
    ),
    KnownWithdrawal(
        key="workplace_2026",
        channel="workplace",
        what="Normal until the end of August 2025, then reading and export only, then deleted.",
        announced_on=date(2024, 5, 14),
        read_only_on=date(2025, 9, 1),
        closed_on=date(2026, 6, 1),
        source="Times of India, article 110133411",
    ),
    KnownWithdrawal(
        key="line_notify_2025",
        channel="line",
        what="LINE Notify ended; the Messaging API follows it with credentials of another kind.",
        announced_on=date(2024, 10, 7),
        closed_on=date(2025, 3, 31),
        adapter="line_notify",
        source="https://github.com/louislam/uptime-kuma/issues/5527",
    ),
    KnownWithdrawal(
        key="whatsapp_on_premises_2025",
        channel="whatsapp",
        what="The On-Premises API ended; the numbers went on in the Cloud API, media ids did not.",
        closed_on=date(2025, 10, 1),
        adapter="whatsapp_on_premises",
        source="Exotel support, article 3000133444",
    ),
    KnownWithdrawal(
        key="whatsapp_marketing_us_2025",
        channel="whatsapp",
        what="Marketing templates to numbers of the United States are not delivered.",
        closed_on=date(2025, 4, 1),
        scope=Scope(direction="out", purpose="marketing", country="+1"),
        source="AWS End User Messaging documentation, features of WhatsApp templates",
    ),
    KnownWithdrawal(
        key="whatsapp_russia_2026",
        channel="whatsapp",
        what="Blocked in one country: messages are accepted and never delivered, without an error.",
        announced_on=date(2025, 8, 1),
        closed_on=date(2026, 2, 12),
        scope=Scope(country="RU"),
        source="https://9to5mac.com/2026/02/12/",
        answered="nothing: sent, and never delivered",
    ),
    KnownWithdrawal(
        key="vonage_dispatch_2025",
        channel="sms",
        what="Dispatch takes no new users; failover moved into the Messages API and lost its time conditions.",
        closed_on=date(2025, 8, 31),
        adapter="vonage_dispatch",
        source="https://developer.vonage.com/dispatch/guides/migration-to-messages-failover",
    ),
)


def known(channel: str | None = None, *, rows: Iterable[KnownWithdrawal] = KNOWN) -> tuple[KnownWithdrawal, ...]:
    """The known events, of one channel or of all, oldest first."""
    found = [row for row in rows if channel is None or row.channel == channel]
    return tuple(sorted(found, key=lambda row: (row.closed_on, row.key)))


def lost_by(
    as_of: date, channels: Collection[str], adapters: Collection[str], *, rows: Iterable[KnownWithdrawal] = KNOWN
) -> tuple[KnownWithdrawal, ...]:
    """What a configuration with these channels and adapters has lost or will have lost by a date.

    An event about one adapter counts only for those who use that adapter; what was reinstated by then does not count.
    """
    return tuple(
        row
        for row in known(rows=rows)
        if row.closed_on <= as_of
        and (row.reinstated_on is None or row.reinstated_on > as_of)
        and (row.adapter in adapters if row.adapter is not None else row.channel in channels)
    )
