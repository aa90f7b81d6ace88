"""Mails that are made to cost time: what 100 kB of the worst of them take, beside 100 kB of ordinary mail."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from omnichannel.kit.mail.body import html_text, without_quote
from omnichannel.kit.mail.trim import trim
from tests.kit.mail.test_mail_bounds import BOMBS, events
from tests.kit.mail.test_mail_trim import BOMBS as TEXTS
from tests.kit.mail.test_mail_trim import HTML_BOMBS as HTML

ROUNDS = 5
BUDGET_MS = 50.0
PLAIN = b"From: a@b.example\r\nSubject: x\r\n\r\n" + b"Where is my bag? It was blue, and large.\r\n" * 2_400


def per_100_kb(content: bytes | str, read: Callable[[Any], Any]) -> float:
    """CPU milliseconds for 100 kB of this, the median of some rounds."""
    spent: list[float] = []
    for _ in range(ROUNDS):
        began = time.process_time()
        assert read(content) is not None
        spent.append(time.process_time() - began)
    return statistics.median(spent) * 1e3 * 100_000 / max(len(content), 100_000)


def read_html(html: str) -> str:
    """The text of it, without what is quoted."""
    return html_text(without_quote(html))


def run() -> dict[str, Any]:
    """The worst of all."""
    floor = per_100_kb(PLAIN, events)
    cost = {f"mail: {name}": per_100_kb(content, events) for name, content in BOMBS.items()}
    cost |= {f"text: {name}": per_100_kb(text, trim) for name, text in TEXTS.items()}
    cost |= {
        f"HTML: {name}": per_100_kb(html, lambda one: html_text(without_quote(one))) for name, html in HTML.items()
    }
    worst = max(cost, key=lambda name: cost[name])
    return {
        "name": f"the worst mail, per 100 kB: {worst}",
        "floor_us": round(floor * 1e3, 1),
        "unit_us": round(cost[worst] * 1e3, 1),
        "spread_us": [round(min(cost.values()) * 1e3, 1), round(max(cost.values()) * 1e3, 1)],
        "ratio": round(cost[worst] / floor, 2),
        "budget": f"{BUDGET_MS:.0f} ms",
        "ok": cost[worst] <= BUDGET_MS,
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
