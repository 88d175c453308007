"""What the tests need beyond Python packages: Chromium, PostgreSQL and axe. ``python -m tests.needs`` sees to it.

On Debian and its kin, as root, what is missing is installed; elsewhere the packages are named and the run fails,
so that no test is left out without anybody noticing.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
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


AXE = "axe-core@4.14.1"
AXE_SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
"""Deque's checker of accessibility, and what npm says of its archive."""


def axe() -> Path | None:
    """The script, once ``fetch_axe`` has been here."""
    file = _axe_folder() / "axe.min.js"
    return file if file.is_file() else None


def _axe_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "adserver-tests" / AXE


def fetch_axe() -> str:
    """Get it through npm, from whatever registry npm is set to; what went wrong, or nothing."""
    if axe() is not None:
        return ""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not there"
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", AXE, "--silent", "--pack-destination", folder]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            return f"npm pack {AXE}: {done.stderr.strip()[-300:]}"
        if base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode() != AXE_SHA512:
            return f"{AXE} is not what it was"
        with tarfile.open(archives[0]) as archive:
            member = archive.extractfile("package/axe.min.js")
            if member is None:
                return f"{AXE} holds no script"
            script = member.read()
    home = _axe_folder()
    home.mkdir(parents=True, exist_ok=True)
    half = home / f"axe.{os.getpid()}"
    half.write_bytes(script)
    half.replace(home / "axe.min.js")
    return ""


NEEDS: dict[str, Callable[[], str | None]] = {"chromium": chromium, "postgresql": postgres}


def main() -> int:
    """0 when everything is there; without axe its test is left out, and says so."""
    complaint = fetch_axe()
    if complaint:
        print(f"No test of accessibility with axe: {complaint}")
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
