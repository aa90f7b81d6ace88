"""The hub's process: webhooks under uvicorn, workers and mail sessions, on one SQLite file. Killed and started again
at will; it knows nothing but its plan and its database."""

from __future__ import annotations

import logging
import sys
from datetime import timedelta
from pathlib import Path

import anyio
import uvicorn

from omnichannel.demo.plan import HubPlan
from omnichannel.hub.hub import Hub
from omnichannel.hub.ports import Ports
from omnichannel.hub.settings import HubSettings
from omnichannel.runtime.policy import Policy
from omnichannel.runtime.process import collect_seldom, loop_options

LEASE = timedelta(seconds=2)
"""By the wall: a hub that was killed is soon replaced, and what it had leased is free again."""


def make_hub(plan: HubPlan, *, work: bool) -> Hub:
    """The hub of a plan: in its own process with workers, at the desk without."""
    accounts = plan.opened()
    hub = Hub([], ports=Ports(clock=plan.clock, lease_ttl=LEASE * plan.factor), work=work)
    hub.settings = HubSettings(
        accounts=accounts,
        store=f"sqlite:///{plan.database}",
        public_url=plan.public_url,
        policy=Policy(brand_names=plan.brands),
    )
    return hub


async def serve(plan: HubPlan) -> None:
    """Until killed."""
    hub = make_hub(plan, work=True)
    config = uvicorn.Config(hub.asgi, host="127.0.0.1", port=plan.port, log_level="error", lifespan="off")
    async with hub:
        await uvicorn.Server(config).serve()


def main() -> None:
    """`python -m omnichannel.demo.hub_process PLAN`."""
    logging.basicConfig(level=logging.ERROR)
    plan = HubPlan.load(Path(sys.argv[1]))
    collect_seldom()
    anyio.run(serve, plan, backend_options=loop_options())


if __name__ == "__main__":
    main()
