"""Benchmarks that nobody runs every day go on running."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_worker_is_taken_apart() -> None:
    few = ["--requests", "32", "--repeats", "1", "--visitors", "8", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.inside", *few],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    found = json.loads(done.stdout)
    assert {kind: set(counts) for kind, counts in found.items()} == {kind: {"1", "4", "32"} for kind in ("pixel", "ad")}
