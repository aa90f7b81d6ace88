"""What a withdrawal does to a message before any handler sees it: the notice with its links, and the step-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from omnichannel.channel.base import Channel
from omnichannel.continuation.lifetime import life
from omnichannel.continuation.references import digest, is_short, new_reference
from omnichannel.continuation.stepup import CodeCheck, code_digest, code_from
from omnichannel.continuation.texts import say
from omnichannel.model.address import Assurance, Customer
from omnichannel.model.content import Text
from omnichannel.model.conversation import Conversation
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.ids import IdSource
from omnichannel.model.withdrawal import Phase, Withdrawal
from omnichannel.routing.notices import situation_of, with_notice_of
from omnichannel.routing.prices import price
from omnichannel.routing.rules import Situation
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.doors import Doors
from omnichannel.runtime.policy import Policy, WithdrawalBook, door_of
from omnichannel.stores import notices, records, stepup
from omnichannel.stores.base import Store
from omnichannel.stores.deliveries import insert_all
from omnichannel.stores.progress import CODE_KEY
from omnichannel.stores.units import DueTurn, NewDelivery, NewNotice, NewReference
from omnichannel.withdrawal.effect import effect_of, wants_notice
from omnichannel.withdrawal.notices import channel_name, render_notice
from omnichannel.withdrawal.phases import phase_at
from omnichannel.withdrawal.scopes import Question, governing


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedLink:
    """A way to go on elsewhere: the link that the customer gets, and the reference in it; None where the link has no
    room for one, and nobody is ever seen to have followed it."""

    target: str
    url: str
    reference: NewReference | None


@dataclass(frozen=True, slots=True)
class Pointer:
    """A public answer that shows where to go on privately, with the references in its links."""

    delivery: NewDelivery
    references: tuple[NewReference, ...]


@dataclass(slots=True)
class Continuing:
    """Makes references, links, notices and codes. All that is random or timed comes in from outside."""

    store: Store
    clock: Clock
    ids: IdSource
    doors: Doors
    policy: Policy
    book: WithdrawalBook

    # -- links

    def links(
        self,
        conversation: Conversation,
        customer_id: str,
        targets: Sequence[str],
        *,
        public: bool,
        withdrawal: Withdrawal | None,
    ) -> list[OfferedLink]:
        """One link for each target that has one and is not being left itself. A reference is made for each and goes
        nowhere else."""
        now = self.clock.now()
        found: list[OfferedLink] = []
        for target in targets:
            if not self._takes_new(target, conversation.brand, customer_id):
                continue
            for channel in self.doors.of_channel(target, conversation.brand):
                offered = self._link(channel, conversation, customer_id, now, public=public, withdrawal=withdrawal)
                if offered is not None:
                    found.append(offered)
                    break
        return found

    def _link(
        self,
        channel: Channel[Any],
        conversation: Conversation,
        customer_id: str,
        now: datetime,
        *,
        public: bool,
        withdrawal: Withdrawal | None,
    ) -> OfferedLink | None:
        if channel.link_capacity is None:
            return None
        reference = new_reference(self.ids.token(128), channel.link_capacity)
        link = channel.link(reference, "")
        if link is None:
            return None
        if not link.carries:
            return OfferedLink(target=channel.channel, url=link.url, reference=None)
        expires_at = life(withdrawal.closed_at if withdrawal else None, now, short=is_short(reference))
        row = NewReference(
            digest=digest(reference),
            brand=conversation.brand,
            conversation_id=conversation.id,
            customer_id=customer_id,
            target=channel.channel,
            withdrawal_id=withdrawal.id if withdrawal else None,
            created_at=now,
            expires_at=expires_at,
            assurance=_level(conversation),
            public=public,
        )
        return OfferedLink(target=channel.channel, url=link.url, reference=row)

    # -- the notice

    def governs(self, turn: DueTurn) -> tuple[Withdrawal, Phase] | None:
        """The withdrawal that a message meets."""
        message = turn.message
        question = Question(
            channel=message.channel,
            account=message.account,
            brand=turn.conversation.brand,
            surface=message.surface,
            direction="in",
        )
        return governing(self.book.current, question, self.clock.now(), customer_id=turn.customer.id)

    async def notice(self, turn: DueTurn) -> NewNotice | None:
        """The notice that answers this message, if the customer is to have one and did not have it yet."""
        found = self.governs(turn)
        if found is None:
            return None
        withdrawal, phase = found
        conversation = turn.conversation
        if conversation.channel != withdrawal.channel or conversation.customer_id != turn.customer.id:
            return None  # it has moved on already, or this is not whom it is about
        had = await self.store.read(lambda c: notices.had_notice(c, withdrawal.id, turn.customer.id, withdrawal.period))
        automatic = turn.message.automatic
        if not wants_notice(withdrawal, phase, conversation.created_at, automatic=automatic, noticed=had):
            return None
        return self.make_notice(withdrawal, conversation, turn.customer, turn.message.id)

    def make_notice(
        self,
        withdrawal: Withdrawal,
        conversation: Conversation,
        customer: Customer,
        answers: str | None,
    ) -> NewNotice:
        """A notice for one conversation, with fresh links, in the words that a rule has for this customer, else in the
        withdrawal's own."""
        now, customer_id = self.clock.now(), conversation.customer_id
        public = conversation.visibility == "public"
        links = self.links(conversation, customer_id, withdrawal.targets, public=public, withdrawal=withdrawal)
        text = self._words(withdrawal, conversation, customer, {link.target: link.url for link in links})
        delivery = NewDelivery(
            id=self.ids.new("dlv"),
            brand=conversation.brand,
            customer_id=customer_id,
            conversation_id=conversation.id,
            content=Text(text),
            created_at=now,
            kind="notice",
            visibility=conversation.visibility,
            order=(conversation.account,),
            automatic=True,
            in_reply_to=answers,
            idempotency_key=f"notice:{withdrawal.id}:{customer_id}:{withdrawal.period}",
        )
        return NewNotice(
            withdrawal_id=withdrawal.id,
            customer_id=customer_id,
            period=withdrawal.period,
            delivery=delivery,
            references=references_in(links),
            created_at=now,
        )

    def _words(
        self, withdrawal: Withdrawal, conversation: Conversation, customer: Customer, links: Mapping[str, str]
    ) -> str:
        spoken = self.policy.language_of(conversation.brand, conversation.language, customer.language)
        brand = self.policy.name_of(conversation.brand)
        zone = self.policy.zone_of(conversation.brand, customer.timezone) or self.policy.timezone
        said = with_notice_of(
            withdrawal, self.policy.rules, self._situation(withdrawal, conversation, customer, spoken)
        )
        try:
            return render_notice(said, spoken, links, brand, zone)
        except ConfigurationError:
            # A rule that came after the withdrawal may name a date that it does not have. Nobody is left untold.
            return render_notice(withdrawal, spoken, links, brand, zone)

    def _situation(
        self, withdrawal: Withdrawal, conversation: Conversation, customer: Customer, language: str | None
    ) -> Situation:
        now, hours = self.clock.now(), self.policy.business_hours
        channel, surface = self.doors.channels.get(conversation.account), conversation.surface
        prices = door_of(channel, self.policy).prices if channel is not None else ()
        return situation_of(
            withdrawal,
            phase_at(withdrawal, now),
            customer,
            surface=surface,
            language=language,
            business_hours=hours.open_at(now) if hours is not None else None,
            price=price(prices, "reply", None, now, True, conditions={surface}),
        )

    # -- from public to private

    def pointer(self, conversation: Conversation, customer: Customer, private: str) -> Pointer | None:
        """Where to go on privately, as a public answer: for a customer whom nothing private reaches. None where there
        is no such place. `private` is the delivery that could not be made."""
        if conversation.visibility != "public":
            return None
        language = conversation.language or customer.language
        names = [name for name in self.doors.names(conversation.brand) if name != conversation.channel]
        links = self.links(conversation, customer.id, names, public=True, withdrawal=None)
        if not links:
            return None
        lines = "\n".join(f"{channel_name(link.target, language)}: {link.url}" for link in links)
        delivery = NewDelivery(
            id=self.ids.new("dlv"),
            brand=conversation.brand,
            customer_id=customer.id,
            conversation_id=conversation.id,
            content=Text(say("private", language, links=lines)),
            created_at=self.clock.now(),
            kind="pointer",
            visibility="public",
            order=(conversation.account,),
            automatic=True,
            idempotency_key=f"pointer:{private}",
        )
        return Pointer(delivery, references_in(links))

    def _takes_new(self, channel: str, brand: str, customer_id: str) -> bool:
        question = Question(channel=channel, brand=brand, direction="in")
        found = governing(self.book.current, question, self.clock.now(), customer_id=customer_id)
        return found is None or effect_of(found[1]).start

    # -- step-up

    async def step_up(self, turn: DueTurn) -> bool:
        """Handles a message in a conversation that waits for proof; True where it was about that and nothing else."""
        conversation, message = turn.conversation, turn.message
        if conversation.linked_to is None:
            return False
        if await self.store.read(lambda c: stepup.was_answered(c, conversation.brand, message.id)):
            return True  # by a process that ended before it could settle the message
        if not conversation.history_hidden:
            return False
        if not await self.store.read(lambda c: stepup.pending(c, conversation.id)):
            await self._send_code(turn, conversation.linked_to)
            return True
        now, language = self.clock.now(), message.language or turn.customer.language
        good = self._say(turn, conversation.linked_to, say("code_ok", language))
        bad = self._say(turn, conversation.id, say("code_wrong", language))

        def unit(connection: Connection) -> CodeCheck:
            found = stepup.answer(connection, conversation.id, message.text, now, self.ids)
            if found != "no_code":
                insert_all(connection, [good if found == "ok" else bad])
            return found

        return await self.store.write(unit) != "no_code"

    async def _send_code(self, turn: DueTurn, origin_id: str) -> None:
        """Sends a code to the customer whose conversation it is, by an address that we have known before."""
        origin = await self.store.read(lambda c: records.find_conversation(c, origin_id))
        owner = await self.store.read(lambda c: records.find_customer(c, origin.customer_id))
        trusted = next((a for a in owner.addresses if a.id == origin.address_id), None)
        if trusted is None:
            return
        now = self.clock.now()
        code, salt = code_from(self.ids.token(128)), f"{self.ids.token(128):032x}"
        language = turn.message.language or owner.language
        carries = NewDelivery(
            id=self.ids.new("dlv"),
            brand=origin.brand,
            customer_id=owner.id,
            conversation_id=origin.id,
            content=Text(say("code", language, code=code)),
            created_at=now,
            kind="code",
            visibility="private",
            order=(trusted.channel,),
            automatic=True,
            idempotency_key=f"{CODE_KEY}{turn.conversation.id}",
        )
        where = channel_name(trusted.channel, language)
        prompt = self._say(turn, turn.conversation.id, say("code_sent", language, channel=where))
        new = stepup.NewCode(
            conversation_id=turn.conversation.id,
            address_id=trusted.id,
            salt=salt,
            digest=code_digest(code, salt),
            created_at=now,
            deliveries=(carries, prompt),
        )
        await self.store.write(lambda c: stepup.begin(c, new))

    def _say(self, turn: DueTurn, conversation_id: str, text: str) -> NewDelivery:
        return NewDelivery(
            id=self.ids.new("dlv"),
            brand=turn.conversation.brand,
            customer_id=turn.customer.id,
            conversation_id=conversation_id,
            content=Text(text),
            created_at=self.clock.now(),
            automatic=True,
            in_reply_to=turn.message.id,
            idempotency_key=stepup.answer_key(turn.message.id),
        )


def references_in(links: Sequence[OfferedLink]) -> tuple[NewReference, ...]:
    """The references that links carry."""
    return tuple(link.reference for link in links if link.reference is not None)


def _level(conversation: Conversation) -> int:
    """How sure one must be to be shown this conversation: what was said in public asks for no more than a handle."""
    return Assurance.PUBLIC_HANDLE if conversation.visibility == "public" else Assurance.PRIVATE_HANDLE
