"""The secret that signs everything: given by the operator, or made at the first start."""

import os
import secrets
import stat
from pathlib import Path

from adserver.settings import SettingError

MIN_CHARS = 32
_WELL_KNOWN = (
    "changeme",
    "change-me",
    "secret",
    "password",
    "example",
    "insecure",
    "default",
    "adserver",
    "test",
)


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
        weak = any(word * 2 in secret.lower() or secret.lower().startswith(word) for word in _WELL_KNOWN)
        if len(secret) < MIN_CHARS or len(set(secret)) < 10 or weak or not secret.isascii():
            raise SettingError(
                f"{where}: expected at least {MIN_CHARS} random characters; "
                'make one with: python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
            )
    return tuple(secret.encode() for secret in found)
