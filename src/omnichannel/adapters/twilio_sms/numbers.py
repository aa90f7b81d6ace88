"""Which of our accounts a webhook or a listed message is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from omnichannel.adapters.twilio_sms.account import TwilioSmsAccount


@dataclass(frozen=True, slots=True)
class Numbers:
    """The accounts behind one endpoint; `main` is the one whose endpoint it is."""

    main: str
    ids: frozenset[str]
    by_number: Mapping[tuple[str, str], str]
    by_service: Mapping[tuple[str, str], str]
    by_sid: Mapping[str, str]
    several: frozenset[str]
    """Accounts with several numbers and nobody who chooses among them: an answer goes out from where it came in."""

    @classmethod
    def of(cls, main: TwilioSmsAccount, accounts: Iterable[TwilioSmsAccount]) -> Numbers:
        """All numbers, names and services; the first account that has one counts."""
        everybody = tuple(accounts)
        numbers: dict[tuple[str, str], str] = {}
        services: dict[tuple[str, str], str] = {}
        for one in everybody:
            for number in (*one.own_numbers, *([one.sender] if one.sender else ())):
                numbers.setdefault((one.account_sid, number), one.id)
            if one.messaging_service_sid is not None:
                services.setdefault((one.account_sid, one.messaging_service_sid), one.id)
        owners = Counter(one.account_sid for one in everybody)
        return cls(
            main=main.id,
            ids=frozenset(one.id for one in everybody),
            by_number=numbers,
            by_service=services,
            by_sid={one.account_sid: one.id for one in everybody if owners[one.account_sid] == 1},
            several=frozenset(
                one.id for one in everybody if one.messaging_service_sid is None and len(one.own_numbers) > 1
            ),
        )

    def account(self, account_sid: str, ours: str, service: str = "") -> str | None:
        """Whose a message is: by our number, by the Messaging Service, or because nobody else is at this Twilio
        account; None for what is not ours."""
        return (
            self.by_number.get((account_sid, ours))
            or self.by_service.get((account_sid, service))
            or self.by_sid.get(account_sid)
        )
