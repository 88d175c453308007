"""How long the machine itself does nothing while both cores are asked to work: ``python -m benchmarks.pauses``.

A loop on each core looks at the clock and does nothing else. Where the time jumps, the core was taken away: by the
host of a virtual machine, or by another program. No server can answer sooner than its core comes back.
"""

import json
import os
import subprocess
import sys
from time import perf_counter
from typing import NamedTuple

PAUSE_S = 0.001
"""Shorter jumps are the scheduler's and the clock's own."""

SECONDS = 4.0


class Pauses(NamedTuple):
    """Of one core: the share of time that was lost, and the longest pause in milliseconds."""

    share: float
    longest_ms: float


def found_on(cores: list[int], seconds: float = SECONDS) -> list[Pauses]:
    """The pauses of these cores while all of them are busy."""
    command = [sys.executable, "-m", "benchmarks.pauses"]
    loops = [subprocess.Popen([*command, str(core), str(seconds)], stdout=subprocess.PIPE, text=True) for core in cores]
    return [Pauses(*json.loads(loop.communicate(timeout=seconds + 30)[0])) for loop in loops]


def words(pauses: list[Pauses]) -> str:
    """For the published results."""
    if not pauses:
        return "not known"
    told = [f"{one.share:.1%} of the time, up to {one.longest_ms:.1f} ms" for one in pauses]
    return f"with both cores busy and nothing else running, they are gone for {' and '.join(told)}"


def watch(core: int, seconds: float) -> Pauses:
    """Look at the clock on ``core``."""
    os.sched_setaffinity(0, {core})
    lost = longest = 0.0
    before = began = perf_counter()
    while before < began + seconds:
        now = perf_counter()
        if now - before > PAUSE_S:
            lost += now - before
            longest = max(longest, now - before)
        before = now
    return Pauses(lost / seconds, longest * 1_000)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(watch(int(sys.argv[1]), float(sys.argv[2]))))
    else:
        print(words(found_on(sorted(os.sched_getaffinity(0))[:2])))
