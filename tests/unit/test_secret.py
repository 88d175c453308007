"""The secret: made once, kept to oneself, and refused when anybody could guess it."""

import os
import stat
from pathlib import Path

import pytest

from adserver.secret import MIN_CHARS, read_secrets
from adserver.settings import SettingError

GOOD = "k7Qm2vXp9Lr4Ts8Wd1Zc6Nb3Hf5Jg0Ya"
OTHER = "Zx3Lm8Qa1Rt6Yu9Io2Pw5Ed7Gh4Jk0Vb"


def refused(given: str, data_dir: Path) -> str:
    with pytest.raises(SettingError) as caught:
        read_secrets(given, data_dir)
    return str(caught.value)


def test_it_is_made_at_the_first_start_and_read_at_the_next(tmp_path: Path) -> None:
    (made,) = read_secrets("", tmp_path)
    assert len(made) >= 48
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert read_secrets("", tmp_path) == (made,)
    assert read_secrets("", tmp_path / "..") != (made,)
    (tmp_path.parent / "secret").unlink()


def test_it_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        read_secrets("", tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    read_secrets("", tmp_path)
    (tmp_path / "secret").chmod(mode)
    said = refused("", tmp_path)
    assert said == f"{tmp_path}/secret can be read by others; run: chmod 600 {tmp_path}/secret"


@pytest.mark.parametrize(
    "weak",
    [
        GOOD[: MIN_CHARS - 1],
        "a" * 64,
        "abcdabcdabcdabcdabcdabcdabcdabcdabcd",
        "changeme-changeme-changeme-changeme",
        "CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME",
        "your-secret-key-your-secret-key-example-0001",
        "adserver-default-secret-password-2026",
        "größe" + GOOD,
        f"{GOOD},short",
    ],
)
def test_a_weak_one_stops_the_start_without_being_shown(tmp_path: Path, weak: str) -> None:
    said = refused(weak, tmp_path)
    assert said.startswith("ADSERVER_SECRET: expected at least 32 random characters; make one with: ")
    assert weak not in said
    path = tmp_path / "secret"
    path.write_bytes(weak.encode())
    path.chmod(0o600)
    said = refused("", tmp_path)
    assert said.startswith(f"{path}: expected at least 32 random characters")
    assert weak not in said


@pytest.mark.parametrize("garbage", [b"\xff\xfe" * 40, b"\x00" * 64, "ü".encode() * 40])
def test_a_file_of_garbage_is_refused_in_words(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(garbage)
    path.chmod(0o600)
    assert refused("", tmp_path).startswith(f"{path}: expected at least 32 random characters")


def test_two_during_a_rotation_the_first_signs(tmp_path: Path) -> None:
    assert read_secrets(f" {GOOD} , {OTHER} ", tmp_path) == (GOOD.encode(), OTHER.encode())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [f"{GOOD},{OTHER},{GOOD[::-1]}", ",", " , "])
def test_none_and_three_are_not_understood(tmp_path: Path, given: str) -> None:
    said = refused(given, tmp_path)
    assert said == "ADSERVER_SECRET: expected one secret, or two while the older one is being replaced"


def test_an_empty_file_says_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "secret").touch(mode=0o600)
    assert str(tmp_path / "secret") in refused("", tmp_path)
