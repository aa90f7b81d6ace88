"""`omnichannel channels`: what can be reached, how, and within which limits."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from omnichannel.channel.base import Channel
from omnichannel.channel.capabilities import Capabilities, Lifecycle, LinkCapacity, PriceFact
from omnichannel.kit.shapes import is_object
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.registry import PLACES, TOMBSTONES, AdapterEntry, described, ended, entries, load_channel

PRICES_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A channel by one way to reach it. `state` is `full`, `link_only`, `tombstone`, or what is missing."""

    channel: str
    adapter: str | None
    state: str
    summary: str
    extra: str | None = None
    surfaces: Mapping[str, Capabilities] = field(default_factory=dict[str, Capabilities])
    link: LinkCapacity | None = None
    prices: Sequence[PriceFact] = ()
    lifecycle: Lifecycle = field(default_factory=Lifecycle)


def channels(*, json: bool = False) -> None:
    """List the adapters that are installed, ours and others', with what they can and where that ends.

    Parameters
    ----------
    json
        Print them as a JSON list, for programs: every limit, window, rate and price, with its source.
    """
    known = sorted(listed(), key=lambda one: (one.channel, one.adapter or ""))
    if json:
        print(json_module.dumps([as_json(one) for one in known], indent=2))
        return
    console = Console()
    console.print(_table(known))
    console.print("\nLimits are the widest; an account may narrow them. All of it, with sources: --json", style="dim")


def listed() -> Iterator[Listed]:
    """Every adapter, every place that is only a link, and every channel that is gone."""
    for one in entries().values():
        yield from _adapters(described(one))
    for name, life in TOMBSTONES.items():
        yield Listed(
            channel=name, adapter=None, state="tombstone", summary=ended(replace(life, see="")), lifecycle=life
        )


def _adapters(one: AdapterEntry) -> Iterator[Listed]:
    try:
        kind: type[Channel[Any]] = load_channel(one.name)
    except ConfigurationError as error:
        yield _of(one, state=str(error))
        return
    if kind.surfaces:
        yield _of(
            one,
            state="full",
            surfaces=kind.surfaces,
            link=kind.link_capacity,
            prices=kind.prices,
            lifecycle=kind.lifecycle,
        )
        return
    for place in PLACES.values() if one.channel_field else (one,):
        yield _of(place, state="link_only")
    if one.channel_field:
        yield _of(one, state="link_only", link=kind.link_capacity)


def _of(one: AdapterEntry, **more: Any) -> Listed:
    return Listed(channel=one.channel, adapter=one.name, summary=one.summary, extra=one.extra, **more)


def as_json(one: Listed) -> dict[str, Any]:
    """All that is known of a channel, as JSON: durations in seconds, amounts as strings."""
    return {
        "channel": one.channel,
        "adapter": one.adapter,
        "state": one.state,
        "summary": one.summary,
        "extra": one.extra,
        "surfaces": {name: _plain(caps) for name, caps in one.surfaces.items()},
        "link": None if one.link is None else _plain(one.link),
        "prices": [_plain(price) for price in one.prices],
        "lifecycle": _plain(one.lifecycle),
    }


def _plain(value: object) -> Any:
    return to_jsonable_python(value, timedelta_mode="float", fallback=_readable)


def _readable(value: object) -> Any:
    return dict(value) if is_object(value) else str(value)


# ---------------------------------------------------------------- for people


def _table(known: Sequence[Listed]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("channel", "adapter", "state"):
        table.add_column(name, no_wrap=name != "state", max_width=24, overflow="fold")
    table.add_column("what it can, its link and its price", ratio=1)
    for one in known:
        row = (one.channel, one.adapter or "-", _state(one), "\n".join(_details(one)))
        table.add_row(*(escape(cell) for cell in row))
    return table


def _details(one: Listed) -> Iterator[str]:
    if not one.surfaces:
        yield one.summary
    for name, caps in one.surfaces.items():
        yield f"{name}: {_words(caps)}"
    if one.link is not None:
        yield f"link carries {one.link.chars:,} characters ({one.link.alphabet})"
    elif one.state == "link_only":
        yield "link carries nothing"
    if one.prices:
        yield _costs(one.prices)


def _state(one: Listed) -> str:
    return f"full [{one.extra}]" if one.state == "full" and one.extra else one.state


def _words(caps: Capabilities) -> str:
    found = [f"{caps.text_limit:,} {caps.text_unit}"]
    if caps.visibility == "public":
        found.append("public")
    if caps.window is not None:
        found.append(f"{_duration(caps.window.length)} window, then {caps.window.after}")
    if caps.initiation != "anyone":
        found.append(f"we start: {caps.initiation.replace('_', ' ')}")
    if caps.media:
        found.append(" ".join(caps.media))
    return ", ".join(found)


def _duration(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours / 24:g} d" if hours > 72 and hours % 24 == 0 else f"{hours:g} h"


def _costs(prices: Sequence[PriceFact]) -> str:
    shown = [f"{one.action} {one.amount:f} {one.currency}{_when(one)}" for one in prices[:PRICES_SHOWN]]
    rest = len(prices) - len(shown)
    return "; ".join([*shown, *([f"and {rest} more"] if rest else [])])


def _when(price: PriceFact) -> str:
    words = f" ({price.condition})" if price.condition else ""
    return f"{words} since {price.since:%Y-%m-%d}" if price.since else words
