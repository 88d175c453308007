"""The clock that a simulation sets, and that all processes of a server read."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from adserver.clock import clock_of, make_clock, own_clock_problem, real_pause
from adserver.settings import SettingError, Settings, load_settings


def test_without_the_setting_it_is_the_systems() -> None:
    assert clock_of("") is time.time
    assert Settings().clock == ""


def test_it_stands_until_it_is_set_and_every_process_sees_that(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    made = make_clock(file, 1_780_272_000.0, 8_640.0)
    read = clock_of(load_settings({"ADSERVER_CLOCK": str(file)}).clock)
    assert made() == read() == 1_780_272_000.0
    made.show(1_780_272_060.5)
    assert made() == read() == 1_780_272_060.5
    elsewhere = f"from adserver.clock import clock_of; print(clock_of({str(file)!r})())"
    assert (
        subprocess.run([sys.executable, "-c", elsewhere], capture_output=True, check=True).stdout == b"1780272060.5\n"
    )


def test_who_reads_it_while_it_is_set_reads_what_it_was_set_to(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    made = make_clock(file, 1_780_272_000.0, 8_640.0)
    reading = f"""
from adserver.clock import clock_of
read = clock_of({str(file)!r})
print(min(read() for _ in range(3_000_000)))
"""
    with subprocess.Popen([sys.executable, "-c", reading], stdout=subprocess.PIPE) as reader:
        moment = 1_780_272_000.0
        while reader.poll() is None:
            for _ in range(1_000):
                moment += 0.25
                made.show(moment)
        assert reader.stdout
        assert float(reader.stdout.read()) >= 1_780_272_000.0


def test_who_reads_it_does_not_set_it(tmp_path: Path) -> None:
    make_clock(tmp_path / "clock", 0.0, 1.0)
    read = clock_of(str(tmp_path / "clock"))
    with pytest.raises(TypeError):
        read.show(1.0)  # type: ignore[attr-defined]


def test_a_pause_is_as_short_as_the_clock_is_fast(tmp_path: Path) -> None:
    fast = make_clock(tmp_path / "clock", 0.0, 100.0)
    assert real_pause(time.time, 5.0, 0.5) == 5.0
    assert real_pause(fast, 500.0, 0.5) == 5.0
    assert real_pause(fast, 5.0, 0.5) == 0.5


def test_a_file_that_is_no_clock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "long").write_bytes(bytes(17))
    for name in ("empty", "long", "absent", "."):
        with pytest.raises(SettingError, match="ADSERVER_CLOCK: expected a file that a simulation keeps"):
            load_settings({"ADSERVER_CLOCK": str(tmp_path / name)})


@pytest.mark.parametrize(
    ("host", "public_url", "what"),
    [
        ("127.0.0.1", "", ""),
        ("::1", "http://localhost:8000", ""),
        ("localhost", "http://ads.localhost", ""),
        ("0.0.0.0", "", "listens on 0.0.0.0"),
        ("ads.example", "", "listens on ads.example"),
        ("127.0.0.1", "https://ads.example", "reached at ads.example"),
    ],
)
def test_a_public_server_goes_by_the_true_time(host: str, public_url: str, what: str) -> None:
    problem = own_clock_problem(host, public_url)
    assert what in problem
    assert bool(problem) is bool(what)
