"""What the tests need beyond Python packages: Chromium and PostgreSQL. ``python -m tests.needs`` sees to it.

On Debian and its kin, as root, what is missing is installed; elsewhere the packages are named and the run fails,
so that no test is left out without anybody noticing.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_POSTGRES_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin")


def chromium() -> str | None:
    """Path of a Chromium or Chrome; ADSERVER_TEST_CHROMIUM names another one."""
    given = os.environ.get("ADSERVER_TEST_CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome")
    return given or next((found for name in names if (found := shutil.which(name))), None)


def postgres() -> str | None:
    """Path of PostgreSQL's initdb."""
    folders = [str(path) for pattern in _POSTGRES_FOLDERS for path in Path("/").glob(pattern.lstrip("/"))]
    return shutil.which("initdb", path=os.pathsep.join([os.environ.get("PATH", ""), *folders]))


NEEDS: dict[str, Callable[[], str | None]] = {"chromium": chromium, "postgresql": postgres}


def main() -> int:
    """0 when everything is there."""
    missing = [package for package, find in NEEDS.items() if find() is None]
    if not missing:
        return 0
    print(f"The tests need these packages: {' '.join(missing)}")
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"Please install them, on Debian: sudo apt-get install {' '.join(missing)}")
        return 1
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
    ):
        print("+", " ".join(step), flush=True)
        subprocess.run(step, env=environment, stdout=subprocess.DEVNULL, check=True)
    return 0 if all(find() for find in NEEDS.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
