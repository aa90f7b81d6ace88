"""`omnichannel channels`: what can be reached, and how."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from omnichannel.registry import AdapterEntry, entries


def channels(*, json: bool = False) -> None:
    """List the adapters that are installed, ours and others'.

    Parameters
    ----------
    json
        Print them as a JSON list, for programs.
    """
    known = list(entries().values())
    if json:
        print(json_module.dumps([asdict(one) for one in known], indent=2))
        return
    table = Table("channel", "adapter", "install", "what it is", box=None, pad_edge=False)
    for one in sorted(known, key=lambda entry: (entry.channel, entry.name)):
        table.add_row(one.channel, one.name, _install(one), one.summary)
    Console().print(table)


def _install(one: AdapterEntry) -> str:
    # A backslash keeps rich from reading the extra as markup.
    return rf"omnichannel\[{one.extra}]" if one.extra else "-"
