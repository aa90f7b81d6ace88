"""How the people of a demo behave: they follow the link, or do not, and write the code that they are sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import anyio

from omnichannel.demo.cast import Person, Record, link_to
from omnichannel.demo.platforms import CLOSING

_CODE = re.compile(r"\b(\d{6})\b")
LOOK = 0.05


@dataclass(slots=True)
class Crowd:
    """Watches all phones. Following takes two steps for those who wrote in public: the link, and then the code."""

    record: Record
    people: list[Person]
    told: list[str] = field(default_factory=list[str])
    _waiting: set[int] = field(default_factory=set[int])

    async def live(self) -> None:
        """Until cancelled."""
        while True:
            self.look()
            await anyio.sleep(LOOK)

    def look(self) -> None:
        """One look at every phone."""
        for person in self.people:
            if person.follows is None:
                continue
            if not person.moved:
                leads = self.record.stage.simulators[person.follows].links
                url = link_to(self.record.phone(person, CLOSING), person.brand, leads)
                if url is not None:
                    self.record.open_link(person, person.follows, url)
                    person.moved = True
            elif person.public and not person.verified:
                self._write_code(person)

    def _write_code(self, person: Person) -> None:
        """The code came by a private message; it is written where the conversation goes on."""
        for seen in reversed(self.record.phone(person, CLOSING)):
            found = _CODE.search(seen.text)
            ours = seen.account_id == person.brand.account(CLOSING) and seen.surface == "dm"
            if ours and found is not None and person.follows is not None:
                self.record.speak(person, person.follows, found[1])
                person.verified = True
                return
