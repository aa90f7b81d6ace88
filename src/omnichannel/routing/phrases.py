"""The words in which decisions are explained. Data, no logic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from omnichannel.model.base import Success
from omnichannel.model.message import AttemptState, RefusalReason

__all__ = ["PHRASES", "Phrases"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """One language."""

    decided: str
    by_rule: str
    expires: str
    nothing: str
    held: str
    told: str
    not_used: str
    until: str
    wait: str
    cost: str
    lost: str
    attempts: str
    success: Mapping[Success, str]
    reasons: Mapping[RefusalReason, str]
    states: Mapping[AttemptState, str]


_ENGLISH = Phrases(
    decided="Decided {at} by rules {version}.",
    by_rule="Rule: {rule}.",
    expires="Not to be sent after {at}.",
    nothing="No channel can be used.",
    held="Held: nothing is sent for now.",
    told="A person was told.",
    not_used="Not used:",
    until="until {at}",
    wait="waiting up to {wait}",
    cost="costs {cost}",
    lost="what is lost: {lost}",
    attempts="Tried:",
    success={
        "accepted": "done when the platform accepts it",
        "sent": "done when it is sent",
        "delivered": "done when it is delivered",
        "read": "done when it is read",
        "replied": "done when the customer replies",
    },
    reasons={
        "not_configured": "no account of ours there",
        "no_address": "we have no address of the customer there",
        "address_expired": "the customer's address there is no longer valid",
        "no_consent": "the customer has not agreed to such messages there",
        "opted_out": "the customer does not want such messages there",
        "window_closed": "the time in which we may answer is over",
        "withdrawn": "the channel is being withdrawn or is closed",
        "suspected": "the channel seems to be gone; an operator is to confirm it",
        "held": "the account is on hold",
        "rate_limited": "the platform's limit is reached",
        "cannot_express": "the content cannot be shown there",
        "public_surface": "others can read it there",
        "over_price_cap": "it costs more than is allowed",
        "quiet_hours": "it is quiet hours for the customer",
        "country_blocked": "the platform does not deliver in the customer's country",
        "purpose_blocked": "the platform does not take this kind of message",
        "already_tried": "it was tried already",
        "expired": "the message has expired",
        "assurance_too_low": "we are not sure enough that it is the customer",
        "may_not_start": "we may not write first there",
        "link_only": "there is only a link there: nothing can be sent",
    },
    states={
        "started": "started",
        "accepted": "accepted",
        "sent": "sent",
        "delivered": "delivered",
        "read": "read",
        "failed": "failed",
        "unknown": "unknown whether it arrived",
        "skipped": "skipped",
    },
)

_FRENCH = Phrases(
    decided="Décidé le {at} selon les règles {version}.",
    by_rule="Règle : {rule}.",
    expires="À ne plus envoyer après le {at}.",
    nothing="Aucun canal n'est utilisable.",
    held="En attente : rien n'est envoyé pour l'instant.",
    told="Une personne a été prévenue.",
    not_used="Non utilisés :",
    until="jusqu'au {at}",
    wait="attente de {wait} au plus",
    cost="coût {cost}",
    lost="ce qui est perdu : {lost}",
    attempts="Essais :",
    success={
        "accepted": "réussi dès que la plateforme l'accepte",
        "sent": "réussi dès l'envoi",
        "delivered": "réussi dès la remise",
        "read": "réussi dès la lecture",
        "replied": "réussi dès que le client répond",
    },
    reasons={
        "not_configured": "nous n'y avons pas de compte",
        "no_address": "nous n'y avons pas d'adresse du client",
        "address_expired": "l'adresse du client n'y est plus valable",
        "no_consent": "le client n'a pas accepté ce type de message sur ce canal",
        "opted_out": "le client ne veut pas de ce type de message sur ce canal",
        "window_closed": "le délai pour répondre est passé",
        "withdrawn": "le canal ferme ou est fermé",
        "suspected": "le canal semble avoir disparu ; un opérateur doit le confirmer",
        "held": "le compte est suspendu",
        "rate_limited": "la limite de la plateforme est atteinte",
        "cannot_express": "le contenu ne peut pas y être affiché",
        "public_surface": "d'autres pourraient le lire",
        "over_price_cap": "le prix dépasse le plafond",
        "quiet_hours": "ce sont les heures calmes du client",
        "country_blocked": "la plateforme ne distribue pas dans le pays du client",
        "purpose_blocked": "la plateforme refuse ce type de message",
        "already_tried": "ce canal a déjà été essayé",
        "expired": "le message a expiré",
        "assurance_too_low": "il n'est pas assez sûr que ce soit le client",
        "may_not_start": "nous ne pouvons pas y écrire les premiers",
        "link_only": "il n'y a là qu'un lien : rien ne peut y être envoyé",
    },
    states={
        "started": "commencé",
        "accepted": "accepté",
        "sent": "envoyé",
        "delivered": "remis",
        "read": "lu",
        "failed": "échoué",
        "unknown": "arrivée inconnue",
        "skipped": "sauté",
    },
)

_GERMAN = Phrases(
    decided="Entschieden am {at} nach den Regeln {version}.",
    by_rule="Regel: {rule}.",
    expires="Nicht mehr senden nach {at}.",
    nothing="Kein Kanal ist nutzbar.",
    held="Angehalten: Zurzeit wird nichts gesendet.",
    told="Eine Person wurde benachrichtigt.",
    not_used="Nicht genutzt:",
    until="bis {at}",
    wait="wartet höchstens {wait}",
    cost="kostet {cost}",
    lost="was verloren geht: {lost}",
    attempts="Versuche:",
    success={
        "accepted": "fertig, sobald die Plattform es annimmt",
        "sent": "fertig, sobald es gesendet ist",
        "delivered": "fertig, sobald es zugestellt ist",
        "read": "fertig, sobald es gelesen ist",
        "replied": "fertig, sobald der Kunde antwortet",
    },
    reasons={
        "not_configured": "wir haben dort kein Konto",
        "no_address": "wir haben dort keine Adresse des Kunden",
        "address_expired": "die Adresse des Kunden gilt dort nicht mehr",
        "no_consent": "der Kunde hat solchen Nachrichten dort nicht zugestimmt",
        "opted_out": "der Kunde möchte solche Nachrichten dort nicht",
        "window_closed": "die Zeit, in der wir antworten dürfen, ist vorbei",
        "withdrawn": "der Kanal wird geschlossen oder ist es schon",
        "suspected": "den Kanal gibt es anscheinend nicht mehr; das muss jemand bestätigen",
        "held": "das Konto ist angehalten",
        "rate_limited": "die Grenze der Plattform ist erreicht",
        "cannot_express": "der Inhalt lässt sich dort nicht zeigen",
        "public_surface": "andere könnten es dort lesen",
        "over_price_cap": "es kostet mehr als erlaubt",
        "quiet_hours": "beim Kunden ist Ruhezeit",
        "country_blocked": "die Plattform stellt im Land des Kunden nicht zu",
        "purpose_blocked": "die Plattform nimmt solche Nachrichten nicht an",
        "already_tried": "es wurde dort schon versucht",
        "expired": "die Nachricht ist abgelaufen",
        "assurance_too_low": "es ist nicht sicher genug, dass es der Kunde ist",
        "may_not_start": "wir dürfen dort nicht zuerst schreiben",
        "link_only": "dorthin führt nur ein Link: es kann nichts gesendet werden",
    },
    states={
        "started": "begonnen",
        "accepted": "angenommen",
        "sent": "gesendet",
        "delivered": "zugestellt",
        "read": "gelesen",
        "failed": "fehlgeschlagen",
        "unknown": "unbekannt, ob es ankam",
        "skipped": "übersprungen",
    },
)

PHRASES: Mapping[str, Phrases] = {"en": _ENGLISH, "fr": _FRENCH, "de": _GERMAN}
