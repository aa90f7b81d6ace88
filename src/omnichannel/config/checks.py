"""Values that are well-formed and cannot work: each is told, none is silently left out."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from omnichannel.config.explain import meant
from omnichannel.config.models import Document
from omnichannel.kit.patterns import safe_pattern
from omnichannel.registry import entries
from omnichannel.routing.hours import spans

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def unsupported(document: Document) -> Iterator[str]:
    """A line for each setting that this version cannot act on as it stands."""
    yield from _store_and_engine(document)
    yield from _zones(document)
    yield from _hours(document)
    channels = sorted({entry.channel for entry in entries().values()})
    for index, price in enumerate(document.prices):
        if price.get("channel") is not None and price["channel"] not in channels:
            yield f"prices[{index}].channel: no channel '{price['channel']}'{meant(str(price['channel']), channels)}"
    for name in (document.quiet_hours.channels or ()) if document.quiet_hours else ():
        if name not in channels:
            yield f"quiet_hours.channels: no channel '{name}'{meant(name, channels)}"
    for index, source in enumerate(document.guard.patterns):
        try:
            safe_pattern(source)
        except ValueError as error:
            yield f"guard.patterns[{index}]: {error}"


def _store_and_engine(document: Document) -> Iterator[str]:
    if document.engine.url != "in-process":
        yield (
            f"engine.url: '{document.engine.url}' is not supported; workers wake within their process ('in-process'), "
            "and look at the rows once a second"
        )
    if document.store.db_schema is not None and document.store.url.startswith("sqlite"):
        yield "store.db_schema: SQLite has no schemas; leave it out"


def _zones(document: Document) -> Iterator[str]:
    named = {f"brands.{name}.timezone": brand.timezone for name, brand in document.brands.items()}
    for table in ("quiet_hours", "business_hours"):
        named[f"{table}.timezone"] = getattr(getattr(document, table), "timezone", None)
    for at, zone in named.items():
        try:
            ZoneInfo(zone or "UTC")
        except (KeyError, ValueError, OSError):
            yield f"{at}: no zone '{zone}'; expected a name such as 'Europe/Paris'"


def _hours(document: Document) -> Iterator[str]:
    if document.quiet_hours is not None and document.quiet_hours.start == document.quiet_hours.end:
        yield "quiet_hours.end: the same as start; leave the table out for none"
    for day in DAYS:
        text: str | None = getattr(document.business_hours, day, None)
        try:
            spans(text) if text is not None else ()
        except ValueError as error:
            yield f"business_hours.{day}: {error}"
    for index, rule in enumerate(document.rules):
        if rule.when.business_hours is not None and document.business_hours is None:
            yield f"rules[{index}].when.business_hours: nobody knows the hours; add the table 'business_hours'"
