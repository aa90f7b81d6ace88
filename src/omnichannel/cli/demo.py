"""`omnichannel demo`: an airline leaves X, and its customers go on elsewhere; or the same on real history."""

from __future__ import annotations

import json as jsons
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from omnichannel.model.exceptions import ConfigurationError

if TYPE_CHECKING:
    from omnichannel.demo.ledger import Problem, Totals

SHOWN = 20


def demo(
    *,
    seed: int = 1,
    json: bool = False,
    db: Path | None = None,
    history: Path | None = None,
    kills: int = 0,
) -> int:
    """Run the main job on this machine: simulated platforms on ports of their own, and a hub that X is taken from.

    Parameters
    ----------
    seed
        What is drawn: names, who follows the link, what goes wrong.
    json
        End with one JSON object on standard output; the timeline goes to standard error.
    db
        Keep the database there, to look into afterwards. It must not exist yet.
    history
        Replay real conversations from this JSONL file instead.
    kills
        With a history: kill the hub's process so many times, before and after X is announced to close and once it is
        closed, and start it again.
    """
    if db is not None and db.exists():
        raise ConfigurationError(f"{db} exists already: name a new file, or remove that one")
    began = time.monotonic()
    out = sys.stderr if json else sys.stdout

    def say(text: str) -> None:
        for index, line in enumerate(text.splitlines()):
            stamp = f"{time.monotonic() - began:5.1f} s" if index == 0 else " " * 7
            print(f"{stamp}  {line}", file=out, flush=True)

    totals, problems = anyio.run(_play, seed, db, history, kills, say)
    for problem in problems[:SHOWN]:
        print(f"PROBLEM ({problem.kind}): {problem.detail}", file=out)
    if json:
        print(jsons.dumps(totals.as_dict()))
    else:
        print(_summary(totals))
    return 1 if problems else 0


async def _play(
    seed: int, db: Path | None, history: Path | None, kills: int, say: Callable[[str], None]
) -> tuple[Totals, list[Problem]]:
    try:
        from omnichannel.demo.replay import replay
        from omnichannel.demo.story import play
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"the demo needs {error.name!r}: pip install 'omnichannel[demo]'") from error
    if history is not None:
        return await replay(history, seed=seed, database=db, say=say, kills=kills)
    return await play(seed=seed, database=db, say=say)


def _summary(totals: Totals) -> str:
    """The end of the story in six lines."""
    one = totals
    return "\n".join(
        [
            "",
            f"  {one.customers:,} customers were on X. Where are they now?",
            f"    {one.moved:>6,}  moved: they followed the notice, and their conversations went on",
            f"    {one.reachable_elsewhere:>6,}  reachable elsewhere: we know another address",
            f"    {one.told:>6,}  told where to go, and have not gone",
            f"    {one.unreachable:>6,}  unreachable",
            f"  {one.messages_in:,} messages came in and {one.messages_out:,} went out in {one.seconds:.0f} s: "
            f"{one.lost} lost, {one.duplicated} doubled, {one.out_of_order} out of order, {one.unknown} unknown.",
            f"  {one.notices:,} notices, {one.notices_repeated} of them repeated.",
        ]
    )
