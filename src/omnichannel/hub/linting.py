"""Looks for what will hurt, in an open hub or in settings that were only read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from omnichannel.channel.base import Account, Channel
from omnichannel.hub.office import Office, Verb, read
from omnichannel.hub.settings import HubSettings
from omnichannel.model.withdrawal import Withdrawal
from omnichannel.registry import channel_class_for
from omnichannel.routing.lint import Finding, lint
from omnichannel.runtime.policy import Policy, door_of
from omnichannel.stores import withdrawals
from omnichannel.withdrawal.registry import KnownWithdrawal, lost_by


def lint_open(office: Office, configured: Sequence[Withdrawal]) -> Verb[tuple[Finding, ...]]:
    """The findings about an open hub, with its store's withdrawals."""
    stored = yield from read(withdrawals.active)
    return _lint(office.policy, list(office.doors.channels.values()), configured, stored, office.clock.now())


def lint_settings(settings: HubSettings, now: datetime, stored: Iterable[Withdrawal] = ()) -> tuple[Finding, ...]:
    """The findings about settings; no secret is needed for that, and nothing is opened."""
    channels = [channel_class_for(account)(account) for account in settings.accounts]
    return _lint(settings.policy or Policy(), channels, settings.withdrawals, list(stored), now)


def _lint(
    policy: Policy,
    channels: Sequence[Channel[Any]],
    configured: Sequence[Withdrawal],
    stored: Sequence[Withdrawal],
    now: datetime,
) -> tuple[Finding, ...]:
    known = {one.id for one in configured}
    # `period` and `phase` are the store's own; what was made by a call stands in no file.
    others = [replace(one, phase="announced") for one in stored if one.id not in known]
    return lint(
        policy.rules,
        [*configured, *others],
        [door_of(channel, policy) for channel in channels],
        now=now,
        price_cap=policy.price_cap,
        hosts=policy.allowed_hosts or None,
        stored=stored,
    )


def losses(accounts: Sequence[Account], as_of: date) -> tuple[KnownWithdrawal, ...]:
    """What these accounts have lost or will have lost by a day."""
    classes = [channel_class_for(account) for account in accounts]
    return lost_by(as_of, {one.channel for one in classes}, {one.adapter for one in classes})
