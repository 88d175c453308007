"""Two processes that ask for the ads of one visitor at the same moment."""

import subprocess
import sys
from collections.abc import Callable
from typing import IO, cast

AT_ONCE = 100


def race(url: str, visitor: str, meanwhile: Callable[[], None] = lambda: None) -> list[int]:
    """How many ads each of the two got; both ask ``AT_ONCE`` times, and ``meanwhile`` happens to the server."""
    command = [sys.executable, "-m", "tests.contract.claims_worker", url, visitor, str(AT_ONCE)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        for process in processes:
            assert cast("IO[str]", process.stdout).readline() == "ready\n"
        for process in processes:
            stdin = cast("IO[str]", process.stdin)
            stdin.write("go\n")
            stdin.flush()
        meanwhile()
        return [int(process.communicate(timeout=30)[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe and not pipe.closed:
                    pipe.close()
