"""Gets Chromium for the tests of the page: `python3 tools/ci/chromium.py`.

Where it is not there already it is Debian's package, which root can install. The exit code is 0
when it is there then. Standard library only: it runs before any package is there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PROGRAM = "chromium"
LIMIT_S = 600
COMMANDS = (
    ("apt-get", "update"),
    ("apt-get", "install", "--yes", "--no-install-recommends", PROGRAM),
)


def install() -> str | None:
    """Installs the package; returns what is in the way, if anything is."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get"
    if os.geteuid() != 0:
        return "only root can install it"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in COMMANDS:
        try:
            done = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, timeout=LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"`{' '.join(command)}` takes too long"
        if done.returncode != 0:
            return f"`{' '.join(command)}` fails"
    return None


def main() -> int:
    """Tells where Chromium is, or why it is not to be had."""
    problem = None if shutil.which(PROGRAM) else install()
    found = shutil.which(PROGRAM)
    if found is None:
        print(f"no {PROGRAM}: {problem or 'the package brings no program of that name'}")
        return 1
    print(f"{PROGRAM}: {found}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
