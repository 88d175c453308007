"""``adserver key``: who may call the API."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adserver.commands.installation import expect_installation
from adserver.commands.stores import open_stores
from adserver.control import Control
from adserver.service.api_keys import KeyRefused, create_key, list_keys, read_scope, revoke_key
from adserver.settings import Settings
from adserver.storage.interfaces import StoreUnavailable


async def create(settings: Settings, scope_text: str, label: str, *, console: Console) -> int:
    """Print a new secret, once."""
    scope = read_scope(scope_text)
    if isinstance(scope, KeyRefused):
        return _refused(scope, console)
    async with open_stores(settings, wake_valkey=False) as control:
        made = create_key(control.keys, label=label, scope=scope, now=datetime.now(UTC))
        if isinstance(made, KeyRefused):
            return _refused(made, console)
        await _publish(control)
    console.print(f"Key {made.key.id} for {made.key.scope}. This is the only time that its secret is shown:")
    console.print(Text(made.secret, style="bold"), soft_wrap=True)
    return 0


async def list_all(settings: Settings, *, console: Console) -> int:
    """All keys, revoked ones too; no secrets."""
    expect_installation(settings)
    async with open_stores(settings, wake_valkey=False) as control:
        keys = list_keys(control.keys)
    table = Table("Key", "Begins with", "Scope", "Label", "Made", "Revoked")
    for key in keys:
        revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
        table.add_row(
            str(key.id),
            key.prefix,
            str(key.scope),
            Text(key.label),
            f"{key.created_at:%Y-%m-%d %H:%M}",
            revoked,
        )
    console.print(table if keys else "There are no keys yet.")
    return 0


async def revoke(settings: Settings, which: str, *, console: Console) -> int:
    """Make a key worthless, in all workers within two seconds."""
    expect_installation(settings)
    async with open_stores(settings, wake_valkey=False) as control:
        gone = revoke_key(control.keys, which, now=datetime.now(UTC))
        if isinstance(gone, KeyRefused):
            return _refused(gone, console)
        await _publish(control)
    console.print(f"Key {gone.id} ({gone.scope}) is revoked.")
    return 0


async def _publish(control: Control) -> None:
    try:
        await control.publish()
    except StoreUnavailable:
        return  # the server publishes it when it starts


def _refused(refused: KeyRefused, console: Console) -> int:
    console.print(Text(f"Nothing was changed: {refused.why}.", style="red"))
    return 1
