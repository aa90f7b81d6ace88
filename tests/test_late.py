"""What is made late is what would have been made at once."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import pytest
from pydantic import ValidationError

from omnichannel.model import late


@dataclass(frozen=True, slots=True)
class Page:
    """Names itself."""

    items: tuple[int, ...]
    next: Page | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A field whose type has a name that others use for something else."""

    name: str


def test_a_validator_is_built_when_it_is_first_used() -> None:
    page = late.adapter(Page)
    assert sorted(vars(page)) == ["_of"]
    assert page.validate_python({"items": [1]}) == Page((1,))
    assert vars(page)["dump_json"](Page((2,))) == b'{"items":[2],"next":null}'
    with pytest.raises(ValidationError):
        page.validate_json("{}")
    with pytest.raises(AttributeError, match="no attribute 'validate_toml'"):
        getattr(page, "validate_" + "toml")


def test_a_validator_does_not_know_the_names_of_who_asks_first() -> None:
    named = late.adapter(Named)

    def ask(str: type[int]) -> object:
        return named.validate_python({"name": "s"})

    assert ask(int) == Named("s")


def test_a_validator_can_be_copied_before_it_is_built() -> None:
    assert copy.deepcopy(late.adapter(int)).validate_python("1") == 1


def test_a_package_that_is_needed_later_has_to_be_installed_now() -> None:
    late.require("pydantic")
    with pytest.raises(ModuleNotFoundError, match="No module named 'not_installed_library'") as caught:
        late.require("not_installed_library")
    assert caught.value.name == "not_installed_library"
