"""A record made quickly is the record."""

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from omnichannel.kit.records import constructor
from omnichannel.model.event import CHANNEL_EVENT, DeliveryUpdated, MessageReceived

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
make = constructor(MessageReceived)


def test_it_is_the_record_with_all_its_defaults() -> None:
    quick = make(account="a", dedupe="1", occurred_at=NOW, sender="+331", text="hi", aliases={"wa_id": "331"})
    plain = MessageReceived(
        account="a", dedupe="1", occurred_at=NOW, sender="+331", text="hi", aliases={"wa_id": "331"}
    )
    assert type(quick) is MessageReceived
    assert quick == plain
    assert repr(quick) == repr(plain)
    assert [getattr(quick, one.name) for one in fields(quick)] == [getattr(plain, one.name) for one in fields(plain)]


def test_it_is_frozen() -> None:
    quick: Any = make(account="a", dedupe="1", occurred_at=NOW, sender="+331", text="hi")
    with pytest.raises(FrozenInstanceError):
        quick.text = "changed"
    with pytest.raises(FrozenInstanceError):
        del quick.text


def test_it_can_be_copied_stored_and_written_as_json() -> None:
    quick = make(account="a", dedupe="1", occurred_at=NOW, sender="+331", text="hi")
    assert pickle.loads(pickle.dumps(quick)) == quick  # noqa: S301 - our own
    assert copy.deepcopy(quick) == quick
    assert replace(quick, text="ho").text == "ho"
    assert CHANNEL_EVENT.validate_json(CHANNEL_EVENT.dump_json(quick)) == quick


def test_what_is_missing_or_unknown_is_a_type_error_as_ever() -> None:
    make_status: Any = constructor(DeliveryUpdated)
    with pytest.raises(TypeError, match="state"):
        make_status(account="a", dedupe="1", occurred_at=NOW, receipt="r")
    anything: Any = make
    with pytest.raises(TypeError, match="colour"):
        anything(account="a", dedupe="1", occurred_at=NOW, sender="s", text="t", colour="red")


@dataclass(frozen=True, slots=True, kw_only=True)
class WithFactory:
    names: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True, kw_only=True)
class WithMore:
    name: str

    def __post_init__(self) -> None:
        raise AssertionError("not called here")


@dataclass(frozen=True, kw_only=True)
class WithoutSlots:
    name: str


@pytest.mark.parametrize("cls", [WithFactory, WithMore])
def test_what_does_more_than_to_set_fields_is_refused(cls: type) -> None:
    with pytest.raises(TypeError, match="does more"):
        constructor(cls)


@pytest.mark.parametrize("cls", [WithoutSlots, int])
def test_what_is_no_record_is_refused(cls: type) -> None:
    with pytest.raises((TypeError, AttributeError)):
        constructor(cls)
