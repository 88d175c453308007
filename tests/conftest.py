"""In which order the suite runs, and in how many processes."""

import os
from collections import defaultdict
from pathlib import Path

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: where servers start and clocks run down, a test waits."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folders take turns, a file each: no two processes are busy with Chromium for long, and the small files, of
    which the folder of unit tests has the most, come last, when it matters that all end at the same time."""
    files: dict[Path, dict[Path, int]] = defaultdict(dict)
    for item in items:
        seen = files[item.path.parent]
        seen.setdefault(item.path, len(seen))
    items.sort(key=lambda item: (files[item.path.parent][item.path], item.path.parent))
