"""Write requirements/*.txt: every release with its hashes, for any Python from 3.11 on; no index stands in them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMON = (
    "--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
    "--no-annotate", "--quiet", "--custom-compile-command", "make lock",
)  # fmt: skip
SETS = (
    ("dev", ("--all-extras", "--group", "dev")),
    # Resolved within the dev set, so that the two never pull against each other in one environment.
    ("demo", ("--extra", "demo", "--group", "build", "--constraint", "requirements/dev.txt")),
)


def main(*options: str) -> None:
    uv = Path(sys.executable).with_name("uv.exe" if sys.platform == "win32" else "uv")
    for name, asked in SETS:
        output = f"requirements/{name}.txt"
        command = [uv, "pip", "compile", "pyproject.toml", *COMMON, *asked, *options, "--output-file", output]
        subprocess.run(command, cwd=ROOT, check=True)
        print(f"{output}: {(ROOT / output).read_text('utf-8').count('==')} packages")


if __name__ == "__main__":
    main(*sys.argv[1:])
