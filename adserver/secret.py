"""The secret that signs everything: given by the operator, or made at the first start."""

import os
import re
import secrets
import stat
from pathlib import Path

from adserver.settings import SettingError

MIN_CHARS = 32
_WELL_KNOWN = re.compile(
    "changeme|replaceme|secret|password|passphrase|example|placeholder|insecure|default|adserver|sample|test|your|key"
)
_LEFT_MIN_CHARS = 16
"""Characters that must be left of a secret without the words that stand in every example file."""


def read_secrets(given: str, data_dir: Path) -> tuple[bytes, ...]:
    """The secrets in use, the signing one first.

    ``given`` is ADSERVER_SECRET; when it is empty, ``<data_dir>/secret`` is read, or made with mode 0600.
    Raises SettingError for one that is short, guessable, or readable by others.
    """
    if given:
        return _checked(given, "ADSERVER_SECRET")
    path = data_dir / "secret"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingError(f"{path} can be read by others; run: chmod 600 {path}") from None
        return _checked(path.read_bytes().decode("ascii", "replace").strip(), str(path))
    made = secrets.token_urlsafe(48)
    with os.fdopen(handle, "w") as file:
        file.write(made + "\n")
    return (made.encode(),)


def _checked(text: str, where: str) -> tuple[bytes, ...]:
    found = [part.strip() for part in text.split(",") if part.strip()]
    if not 1 <= len(found) <= 2:
        raise SettingError(f"{where}: expected one secret, or two while the older one is being replaced")
    for secret in found:
        if len(secret) < MIN_CHARS or not secret.isascii() or _is_guessable(secret):
            raise SettingError(
                f"{where}: expected at least {MIN_CHARS} random characters; "
                'make one with: python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
            )
    return tuple(secret.encode() for secret in found)


def _is_guessable(secret: str) -> bool:
    """Whether it is made of few characters, or of the words of example files."""
    letters = re.sub(r"[\W_]+", "", secret.lower())
    return len(set(secret)) < 5 or len(_WELL_KNOWN.sub("", letters)) < _LEFT_MIN_CHARS
