"""What is wrong with the folder of a creative."""

from pathlib import Path


class CreativeError(ValueError):
    """A creative that can not be used: which folder, which key or file of it, and what was expected there."""

    def __init__(self, folder: Path, key: str, expected: str) -> None:
        super().__init__(f"{folder}: {key}: expected {expected}")
        self.folder = folder
        self.key = key
        self.expected = expected
