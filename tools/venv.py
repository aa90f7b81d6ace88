"""Make .venv hold what a lock file asks for: `python tools/venv.py dev` or `demo`. Needs only Python 3.11 and pip.

Packages come from wherever this machine's pip takes them; their hashes stand in the lock. uv, itself out of the
lock, does the installing because it is quicker; where it fails, pip does. A second run finds the stamp and returns.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit(f"omnichannel needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try: make PYTHON=python3.13")

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
LOG = VENV / "install.log"
# A set covers those behind it: with "dev" there, "demo" needs nothing.
COVERED_BY = {"dev": ("dev",), "demo": ("dev", "demo")}


def digest(name: str) -> str:
    """What the set depends on: its lock, and how the project itself installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    mine = [project["build-system"], project["project"], project["tool"]["hatch"]]
    lock = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    return hashlib.sha256((json.dumps(mine, sort_keys=True) + lock).encode()).hexdigest()


def stamp(name: str) -> Path:
    return VENV / f".installed-{name}"


def ready(name: str) -> bool:
    return stamp(name).is_file() and stamp(name).read_text("utf-8") == digest(name)


def run(*command: str | Path, env: dict[str, str] | None = None) -> bool:
    """Run quietly; everything it says goes to the log."""
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"\n$ {' '.join(map(str, command))}\n")
        log.flush()
        return subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, env=env, check=False).returncode == 0


def pip_setting(name: str) -> str | None:
    command = [PYTHON, "-m", "pip", "config", "get", f"global.{name}"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    variable = f"PIP_{name.replace('-', '_').upper()}"
    return os.environ.get(variable) or (found.stdout.strip() if found.returncode == 0 else None)


def uv_environment() -> dict[str, str]:
    """uv reads no pip configuration, so it is told the index and the certificates that pip uses here."""
    env = dict(os.environ)
    index, certificates = pip_setting("index-url"), pip_setting("cert")
    if index and not env.get("UV_INDEX_URL"):
        env.setdefault("UV_DEFAULT_INDEX", index)
    if certificates:
        env.setdefault("SSL_CERT_FILE", certificates)
    return env


def stanza(lock: str, package: str) -> str:
    """The lines of one package in a lock: name, version, hashes."""
    found = re.search(rf"^{package}==.*(?:\n[ \t]+.*)*", lock, re.MULTILINE)
    return found[0] + "\n" if found else ""


def count(lock: str) -> int:
    lines = re.findall(r"^[a-z0-9].*==.*", lock, re.MULTILINE)
    return sum(os.name == "nt" or "== 'win32'" not in line for line in lines)


def install(name: str) -> bool:
    lock_file = ROOT / "requirements" / f"{name}.txt"
    lock = lock_file.read_text("utf-8")
    pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install")
    only_uv = VENV / "uv.txt"
    only_uv.write_text(stanza(lock, "uv"), "utf-8")
    uv = (BIN / "uv", "pip", "install", "--python", PYTHON)
    env = uv_environment()
    itself = ("--no-build-isolation", "--no-deps", "-e", ".")
    quick = run(*pip, "--require-hashes", "--no-deps", "-r", only_uv) and run(
        *uv, "--require-hashes", "-r", lock_file, env=env
    )
    if not quick and not run(*pip, "--require-hashes", "-r", lock_file):
        return False
    return (quick and run(*uv, *itself, env=env)) or run(*pip, *itself)


def create() -> None:
    print(f"Creating .venv with Python {sys.version.split()[0]}", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit(f"{made.stdout}{made.stderr}\nCould not create .venv. On Debian and Ubuntu: apt install python3-venv")


def main(name: str) -> None:
    if PYTHON.exists() and any(ready(one) for one in COVERED_BY[name]):
        return
    if not PYTHON.exists():
        create()
    if name == "demo" and stamp("dev").is_file():
        name = "dev"
    LOG.unlink(missing_ok=True)
    packages = count((ROOT / "requirements" / f"{name}.txt").read_text("utf-8"))
    print(f"Installing {packages} packages (up to a minute the first time)", flush=True)
    started = time.monotonic()
    if not install(name):
        print("".join(LOG.read_text("utf-8").splitlines(keepends=True)[-15:]))
        sys.exit(f"The installation failed. All it said: {LOG.relative_to(ROOT)}")
    stamp(name).write_text(digest(name), "utf-8")
    print(f"Ready after {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COVERED_BY:
        sys.exit("usage: python tools/venv.py dev|demo")
    main(sys.argv[1])
