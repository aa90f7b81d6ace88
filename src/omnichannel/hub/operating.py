"""What an operator asks of a hub: whether it will hold, and that what is suspected works."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omnichannel.hub.core import Core
    from omnichannel.hub.settings import HubSettings
    from omnichannel.routing.lint import Finding
    from omnichannel.withdrawal.registry import KnownWithdrawal


class Operating:
    """The verbs of whoever runs a hub."""

    settings: HubSettings

    @property
    def core(self) -> Core:
        """The open parts."""
        raise NotImplementedError

    async def lint(self) -> tuple[Finding, ...]:
        """What is wrong with the plan before the day: routes that end nowhere, circles, shared fate, steps that no
        window allows, prices over the cap, withdrawals that stand differently in the settings and in the store (the
        store counts). Errors first. Changes nothing."""
        from omnichannel.hub import linting

        return await self.core.run(linting.lint_open(self.core.office, self.settings.withdrawals))

    def losses(self, as_of: date) -> tuple[KnownWithdrawal, ...]:
        """What the channels in use have lost or will have lost by a day, from the registry of known withdrawals."""
        from omnichannel.hub import linting

        return linting.losses(self.settings.accounts, as_of)

    async def release(self, account: str, *, by: str = "api") -> None:
        """Says that an account works, also for countries and purposes that were blocked: what was held or suspected
        there goes out. Raises `NotFound`."""
        from omnichannel.hub import withdrawing

        await self.core.run(withdrawing.release(self.core.office, account, by))
