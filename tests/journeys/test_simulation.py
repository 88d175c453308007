"""A simulated day with a real server: what is true in it is what the server decides, counts and learns."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uvloop

from adserver.clock import make_clock
from adserver.simulator.laws import Findings
from adserver.simulator.simulate import simulate
from adserver.simulator.world import World
from tests.server import running_server


@pytest.fixture(scope="module")
def day() -> Findings:
    return uvloop.run(simulate(World(seed=3)))


@pytest.mark.long
def test_a_simulated_day_breaks_no_law(day: Findings) -> None:
    assert day.complaints() == []
    assert day.ads > 3_000
    assert day.learned.best > 0.7
    assert 0.5 < day.lift.measured < 2.0


@pytest.mark.long
def test_the_true_lift_is_where_the_interval_says() -> None:
    """Twenty worlds, five minutes."""
    command = [sys.executable, "-m", "adserver", "simulate", "--seeds", "20", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1_800, check=False)
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["wrong"] == []
    assert done.returncode == 0
    assert sum(world["lift"]["is_covered"] for world in told["worlds"]) >= 17


def test_a_public_server_refuses_another_clock(tmp_path: Path) -> None:
    make_clock(tmp_path / "clock", 1_780_272_000.0, 100.0)
    with running_server(accounts="", start=False, ADSERVER_CLOCK=str(tmp_path / "clock")) as server:
        done = subprocess.run(
            [*server.command("serve"), "--host", "0.0.0.0", "--port", "0"],
            env=server.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert "ADSERVER_CLOCK: expected to be empty on a server that listens on 0.0.0.0" in done.stderr
    assert "Traceback" not in done.stderr
