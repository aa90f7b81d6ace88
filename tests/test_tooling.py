"""The project's own files agree with each other."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def pinned(name: str) -> dict[str, str]:
    lock = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^ \\]+)", lock, re.MULTILINE))


@pytest.mark.parametrize("name", ["dev", "demo"])
def test_a_lock_names_no_place_and_hashes_everything(name: str) -> None:
    lock = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    assert not re.search(r"://|--(extra-)?index|--find-links", lock)
    assert all("--hash=sha256:" in entry for entry in re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:])


def test_the_demo_set_is_part_of_the_dev_set() -> None:
    assert pinned("demo").items() <= pinned("dev").items()


def test_every_core_dependency_is_locked() -> None:
    core = {re.split(r"[<>=]", one)[0].replace("_", "-") for one in PROJECT["project"]["dependencies"]}
    assert core <= pinned("demo").keys()


async def test_async_tests_run_on_both_event_loops(anyio_backend_name: str) -> None:
    import sniffio

    assert sniffio.current_async_library() == anyio_backend_name
