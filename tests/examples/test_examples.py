"""The examples run: in a world of simulated platforms, in a terminal, and as a package of their own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from omnichannel.testing import World

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


def load(name: str) -> ModuleType:
    """An example as a module, without putting its folder on the path."""
    spec = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def python(arguments: Sequence[str], cwd: Path, typed: str = "", path: Sequence[Path] = ()) -> str:
    """What a new interpreter prints."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(  # noqa: S603 - our own files
        [sys.executable, *arguments], input=typed, cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_example_is_run_here() -> None:
    here = Path(__file__).read_text("utf-8")
    assert [one.name for one in EXAMPLES.iterdir() if one.suffix == ".py" and one.stem not in here] == []


def test_echo_bot(tmp_path: Path) -> None:
    said = python([str(EXAMPLES / "echo_bot.py")], tmp_path, typed="hello\nwhere is my bag?\n")
    assert "hello" in said
    assert said.index("hello") < said.index("where is my bag?")
    assert (tmp_path / "omnichannel.db").is_file()


# ---------------------------------------------------------------- support_desk


async def test_support_desk(world: World) -> None:
    desk = load("support_desk")
    ann = world.customer("Ann", x="@ann", whatsapp="+33612345678")
    async with world.run(desk.hub) as live:
        desk.app.state.hub = live
        transport = httpx.ASGITransport(desk.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://desk.example") as web:
            await ann.on("x").says("My bag is lost")
            await ann.on("x").sees("What is it about?")
            await ann.on("x").says("1")
            await ann.on("x").sees("A colleague answers you here.")

            (waiting,) = (await web.get("/queue/baggage")).json()["items"]
            shown = (await web.get(f"/conversations/{waiting['id']}")).json()
            said = [message["text"] for message in shown["messages"]]
            assert said[0] == "My bag is lost"
            assert said[-1] == "Thank you. A colleague answers you here."
            assert shown["answers_on"] == ["x"]
            assert set(shown["not_on"]) == {"whatsapp", "email"}

            given = {"text": "It is in Oslo.", "agent": "mia", "version": shown["version"]}
            answers = f"/conversations/{waiting['id']}/answers"
            assert (await web.post(answers, json=given)).json()["state"] == "queued"
            await world.settle()
            await ann.on("x").sees("It is in Oslo.")
            assert (await web.post(answers, json=given)).status_code == 409
            assert (await web.get("/conversations/cnv_none")).status_code == 404


async def test_support_desk_goes_on_in_private(world: World) -> None:
    desk = load("support_desk")
    ann = world.customer("Ann", x="@ann")
    async with world.run(desk.hub):
        await ann.on("x").posts("@azur my booking AB12CD is wrong")
        (answer,) = ann.on("x").seen()
        assert (answer.surface, answer.text) == ("dm", "Thank you for writing. Let us go on here, in private.")


async def test_webhooks_wait_while_the_support_desk_is_not_open() -> None:
    transport = httpx.ASGITransport(load("support_desk").app)
    async with httpx.AsyncClient(transport=transport, base_url="https://desk.example") as web:
        answer = await web.post("/hooks/x-main", json={})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


# ---------------------------------------------------------------- the others


async def test_withdraw_a_channel(capsys: pytest.CaptureFixture[str]) -> None:
    await load("withdraw_a_channel").rehearse()
    said = capsys.readouterr().out
    assert "Nous quittons X le 1er mars 2027. Continuez ici :" in said
    assert "2 silent customers are told too" in said
    outcome = said[said.rindex("If x goes") :]
    assert "customers              4" in outcome
    assert "moved already        2" in outcome
    assert "told, not followed   2" in outcome
    assert "To Dan: failed" in outcome
    assert "closed since 2027-03-01" in outcome


PROJECTS = {"django_desk": (".",), "fastapi_desk": (".",), "third_party_channel": ("src", "tests")}
"""Examples that have tests of their own, and what stands on their path."""


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_passes_its_own_tests(name: str) -> None:
    folder = EXAMPLES / name
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "anyio_mode=auto", "--rootdir=.", "tests"]
    said = python(arguments, folder, path=[folder / one for one in PROJECTS[name]])
    assert "passed" in said
    assert "failed" not in said


def test_every_project_is_tested_here() -> None:
    assert {one.name for one in EXAMPLES.iterdir() if (one / "tests").is_dir()} == set(PROJECTS)


def test_the_django_desk_has_a_worker_and_passes_djangos_own_check(tmp_path: Path) -> None:
    folder = EXAMPLES / "django_desk"
    assert "no issues" in python(["manage.py", "check"], folder, path=[folder])
    found = python(
        ["-c", "from omnichannel.cli.worker import load; print(load('desk.omni:hub').settings.store)"], folder
    )
    assert found == "env:DESK_STORE\n"
