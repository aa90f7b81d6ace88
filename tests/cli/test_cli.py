"""The command line: what it prints, how it exits, what it says when it cannot."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from datetime import date
from pathlib import Path
from types import ModuleType

import anyio
import pytest
import sniffio

from omnichannel.cli import EXTRAS, main, missing
from omnichannel.cli.channels import listed
from omnichannel.cli.db import store_url
from omnichannel.cli.simulate import find
from omnichannel.cli.worker import load
from omnichannel.hub import Hub
from omnichannel.model.exceptions import ConfigurationError, StoreError, UnknownChannel
from omnichannel.registry import entries


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    return int(exit_.value.code or 0)


def test_channels_are_listed_as_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert run("channels") == 0
    out = capsys.readouterr().out
    rows = {line.split()[0]: line for line in out.splitlines() if line and not line.startswith(" ")}
    assert max(len(line) for line in out.splitlines()) <= 100
    for one in listed():
        assert one.channel in rows, f"{one.channel} is cut"
        assert one.adapter is None or one.adapter in rows[one.channel]
    assert "link_only" in rows["snapchat"]
    assert "tombstone" in rows["google_business_messages"]
    assert "24 h window, then" in " ".join(out.split())
    assert "2026-02-06" in out


def test_channels_are_listed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("channels", "--json") == 0
    found = {(one["channel"], one["adapter"]): one for one in json.loads(capsys.readouterr().out)}
    assert {adapter for _, adapter in found} == {*entries(), None}
    keys = {"channel", "adapter", "state", "summary", "extra", "surfaces", "link", "prices", "lifecycle"}
    assert all(set(one) == keys for one in found.values())
    states = {channel: one["state"] for (channel, _), one in found.items()}
    assert states["whatsapp"] == states["mastodon"] == "full"
    assert (states["snapchat"], states["mewe"], states["link_only"]) == ("link_only",) * 3
    gone = found["google_business_messages", None]
    assert (gone["state"], gone["lifecycle"]["sunset_at"]) == ("tombstone", "2024-07-31")
    x = found["x", "x"]
    assert x["surfaces"]["mention"]["text_limit"] == 25_000
    assert x["surfaces"]["dm"]["rates"][0]["per"] == 900
    assert x["link"] == {"chars": 1000, "alphabet": "any", "editable": True}
    assert {"action", "amount", "currency", "since", "see"} <= set(x["prices"][0])
    assert (x["prices"][0]["amount"], x["prices"][0]["since"]) == ("0.015", "2026-02-06")
    assert found["whatsapp", "whatsapp"]["surfaces"]["dm"]["window"]["length"] == 86_400
    assert found["snapchat", "link_only"]["surfaces"] == {}


def test_what_is_missing_is_said_in_the_place_of_the_state(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unloadable(name: str) -> object:
        raise ConfigurationError(f"adapter {name!r} needs 'inscriptis': pip install 'omnichannel[email]'")

    monkeypatch.setattr("omnichannel.cli.channels.load_channel", unloadable)
    assert run("channels", "--json") == 0
    found = {one["adapter"]: one for one in json.loads(capsys.readouterr().out)}
    assert "pip install 'omnichannel[email]'" in found["smtp_imap"]["state"]
    assert found["smtp_imap"]["surfaces"] == {}
    assert run("channels") == 0
    assert "omnichannel[email]" in "".join(capsys.readouterr().out.split()), "the state is wrapped, never cut"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    out = capsys.readouterr().out
    for command in ("channels", "db", "demo", "doctor", "simulate", "worker"):
        assert f"│ {command} " in out
    assert run("db", "--help") == 0
    assert "Bring the schema to this version." in capsys.readouterr().out
    assert run("--version") == 0
    assert capsys.readouterr().out[:1].isdecimal()


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("chanels") != 0
    assert "chanels" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["upgrade", "check"])
def test_a_missing_file_is_one_line(command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "nowhere.toml"
    assert run("db", command, "--config", str(path)) == 2
    assert capsys.readouterr().err == f"omnichannel: {path}: No such file or directory\n"


def test_a_store_is_checked_and_upgraded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "o.toml").write_text('schema = 1\n[store]\nurl = "env:STORE"', "utf-8")
    monkeypatch.setenv("STORE", f"sqlite:///{tmp_path}/o.db")
    config = ("--config", str(tmp_path / "o.toml"))
    assert run("db", "check", *config) == 2
    assert "run `omnichannel db upgrade`" in capsys.readouterr().err
    assert run("db", "upgrade", *config) == 0
    assert run("db", "check", *config) == 0
    assert capsys.readouterr().out == "the schema is at this version\n" * 2
    connection = sqlite3.connect(tmp_path / "o.db")
    tables = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
    connection.close()
    assert "omni_version" in tables


def test_the_stores_url_may_be_a_reference(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("sqlite:///b\n", "utf-8")
    assert store_url("env:A", {"A": "sqlite:///a"}) == "sqlite:///a"
    assert store_url(f"file:{tmp_path}/url", {}) == "sqlite:///b"
    assert store_url("sqlite:///c", {}) == "sqlite:///c"
    with pytest.raises(ConfigurationError, match="variable A, which is not set"):
        store_url("env:A", {})
    with pytest.raises(ConfigurationError, match="which cannot be read"):
        store_url("file:/nowhere/url", {})


WHATSAPP = '[accounts.wa]\nchannel = "whatsapp"\nphone_number_id = "1"\napp_secret = "env:WA_SECRET"\n'


def test_doctor_finds_what_is_missing_and_what_will_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "o.toml"
    path.write_text(f"schema = 1\n{WHATSAPP}", "utf-8")
    monkeypatch.delenv("WA_SECRET", raising=False)
    assert run("doctor", "--config", str(path)) == 1
    out = capsys.readouterr().out
    assert out.startswith("wrong: account 'wa': app_secret")
    assert "WA_SECRET" in out
    monkeypatch.setenv("WA_SECRET", "hunter2")
    assert run("doctor", "--config", str(path), "--as-of", "2000-01-01") == 0
    assert capsys.readouterr().out == "1 accounts, nothing wrong\n"
    assert run("doctor", "--config", str(path), "--as-of", "2999-01-01") == 0
    out = capsys.readouterr().out
    assert "note: account 'wa': whatsapp v" in out
    assert "hunter2" not in out


LEAVING = '[[withdrawals]]\nid = "leave"\nchannel = "whatsapp"\ntargets = ["email"]\n'


async def test_doctor_shows_routes_losses_and_what_differs_from_the_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "o.toml"
    head = f'schema = 1\n[store]\nurl = "sqlite:///{tmp_path}/o.db"\n{WHATSAPP}'
    path.write_text(f"{head}{LEAVING}closed_at = 2027-03-01T00:00:00Z\n", "utf-8")
    monkeypatch.setenv("WA_SECRET", "hunter2-hunter2")
    async with Hub.from_toml(path, work=False) as hub:
        assert [one.code for one in await hub.lint()] == ["target_not_configured"]
    path.write_text(f"{head}{LEAVING}closed_at = 2027-04-01T00:00:00Z\n", "utf-8")
    assert run("doctor", "--config", str(path), "--as-of", "2026-06-01") == 1
    out = capsys.readouterr().out
    assert "wrong: leave: customers are sent to email, where we have no account [target_not_configured]" in out
    assert "note: leave: closed_at in the configuration and in the store differ; the store counts [differs]" in out
    assert "note: whatsapp: Blocked in one country" in out
    async with Hub.from_toml(path, work=False) as hub:
        assert "differs" in [one.code for one in await hub.lint()]
        assert [one.key for one in hub.losses(date(2025, 5, 1))] == ["whatsapp_marketing_us_2025"]


class HubOfATest(Hub):
    ran: str = ""
    trouble: bool = False

    async def serve(self) -> None:
        assert self.work
        self.ran = sniffio.current_async_library()
        if self.trouble:
            raise StoreError("the disk is full")
        os.kill(os.getpid(), signal.SIGTERM)
        await anyio.sleep_forever()


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> HubOfATest:
    module, hub = ModuleType("desk_of_a_test"), HubOfATest(["console"], work=False)
    vars(module).update(hub=hub, number=3)
    monkeypatch.setitem(sys.modules, "desk_of_a_test", module)
    return hub


@pytest.mark.parametrize(("arguments", "loop"), [((), "asyncio"), (("--trio",), "trio")])
def test_a_worker_runs_the_hub_that_is_named_until_told_to_stop(
    desk: HubOfATest, arguments: tuple[str, ...], loop: str
) -> None:
    assert run("worker", "desk_of_a_test:hub", *arguments) == 0
    assert desk.ran == loop


def test_a_worker_that_cannot_go_on_says_so_in_one_line(desk: HubOfATest, capsys: pytest.CaptureFixture[str]) -> None:
    desk.trouble = True
    assert run("worker", "desk_of_a_test:hub") == 2
    assert capsys.readouterr().err == "omnichannel: the disk is full\n"


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("desk", "'desk' names no hub: write it as 'module:name', such as desk.main:hub"),
        ("desk_of_nobody.main:hub", "'desk_of_nobody.main:hub': no module 'desk_of_nobody' here or on the path"),
        ("desk_of_a_test:hubb", "'desk_of_a_test:hubb': module 'desk_of_a_test' has no 'hubb'"),
        ("desk_of_a_test:number", "'desk_of_a_test:number' is of type int, not a hub"),
    ],
)
def test_a_hub_that_cannot_be_found_is_said(target: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("worker", target) == 2
    assert capsys.readouterr().err == f"omnichannel: {said}\n"


def test_a_hub_is_looked_for_in_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "desk_in_a_folder.py").write_text("import not_installed_at_all\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one != str(tmp_path)])
    with pytest.raises(ModuleNotFoundError, match="not_installed_at_all"):
        load("desk_in_a_folder:hub")


def test_a_missing_extra_is_said_with_the_remedy() -> None:
    assert (
        missing(ModuleNotFoundError(name="uvicorn")) == "this command needs uvicorn: pip install 'omnichannel[serve]'"
    )
    with pytest.raises(ModuleNotFoundError):
        missing(ModuleNotFoundError(name="something.else"))
    assert set(EXTRAS.values()) == {"cli", "email", "postgres", "serve", "testing"}


def test_a_command_without_its_library_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cyclopts", None)
    monkeypatch.delitem(sys.modules, "omnichannel.cli.app", raising=False)
    assert run("channels") == 2
    assert capsys.readouterr().err == "omnichannel: this command needs cyclopts: pip install 'omnichannel[cli]'\n"


def test_the_demonstration_refuses_a_history_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("demo", "--history", str(tmp_path / "none.jsonl")) == 2
    assert "none.jsonl: No such file or directory: give a JSONL file" in capsys.readouterr().err


def test_a_simulator_is_found_by_channel_and_by_adapter() -> None:
    assert find("x").channel == "x"
    with pytest.raises(UnknownChannel, match="no simulator of 'xx'; "):
        find("xx")


def test_a_simulated_platform_is_served(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    served = list[tuple[str, int]]()
    module = ModuleType("uvicorn")

    def serve(app: object, *, host: str, port: int, log_level: str) -> None:
        served.append((host, port))

    vars(module)["run"] = serve
    monkeypatch.setitem(sys.modules, "uvicorn", module)
    assert run("simulate", "x", "--port", "9100") == 0
    assert served == [("127.0.0.1", 9100)]
    assert "x is simulated on http://127.0.0.1:9100; it stands for " in capsys.readouterr().out
