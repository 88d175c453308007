"""The lock holds all that any Python from 3.11.0 on needs, not only the one that it was written under."""

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import cast

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKED = [
    Requirement(line.removesuffix("\\").strip())
    for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    if re.match(r"[A-Za-z0-9]", line)
]


@pytest.mark.parametrize("version", ["3.11.0", "3.11.2", "3.11.3", "3.12.0", "3.13.0", "3.14.0"])
def test_nothing_is_missing_on(version: str) -> None:
    here = dict(cast("dict[str, str]", default_environment()))
    here |= {"python_full_version": version, "python_version": version.rpartition(".")[0]}

    def wanted(requirement: Requirement, extra: str = "") -> bool:
        return requirement.marker is None or requirement.marker.evaluate({**here, "extra": extra})

    locked = {canonicalize_name(found.name): found for found in LOCKED if wanted(found)}
    missing = []
    for name, found in locked.items():
        try:
            needed = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:
            assert found.marker is not None, f"{name} is locked for everybody, and not installed"
            continue
        missing += [
            f"{name}: {other}" for other in needed if wanted(other) and canonicalize_name(other.name) not in locked
        ]
    assert missing == []
    assert len(locked) > 50


def test_everything_has_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    for entry in re.split(r"\n(?=[A-Za-z0-9])", text):
        assert "--hash=sha256:" in entry, entry[:80]
    assert "://" not in text
