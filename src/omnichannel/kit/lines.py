"""What is no text, as lines of text: a place, a contact card, the answers of a form."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic_core import from_json

from omnichannel.kit.shapes import is_object

__all__ = ["answer_lines", "card_line", "place_lines"]


def place_lines(latitude: float, longitude: float, *names: str | None) -> str:
    """A place: what it is called, a line each, and its point as a `geo:` URI (RFC 5870), which every map opens."""
    return "\n".join(line for line in (*names, f"geo:{latitude},{longitude}") if line)


def card_line(name: str | None, phones: Iterable[str | None], emails: Iterable[str | None]) -> str:
    """A contact card: its name, its numbers, its addresses, as far as they are there."""
    return " ".join(part for part in (name, *phones, *emails) if part)


def answer_lines(answers: str, *, without: Iterable[str] = ()) -> str:
    """A form that was filled in, as JSON, a line for each answer; empty for what is no object. `without` are names
    that say nothing to a reader. Never raises."""
    try:
        data: object = from_json(answers)
    except ValueError:
        return ""
    hidden = frozenset(without)
    named = data.items() if is_object(data) else ()
    return "\n".join(f"{name}: {value}" for name, value in named if name not in hidden)
