"""``adserver demo``: a shop, a newspaper and the ad server on this machine."""

import asyncio
import os
from pathlib import Path

from rich.console import Console
from rich.panel import Panel

from adserver.commands.accounts import apply
from adserver.demo.world import WORLDS, write_demo
from adserver.notes import only_server
from adserver.settings import Settings
from adserver.supervisor import Supervisor


def default_folder() -> Path:
    """Where the demo keeps its data: the same folder each time, so that a second start knows the first's visitors."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "adserver-demo"


def shops(port: int) -> str:
    """Where the demo's pictures come from, as the setting ``fetch_allow`` has it: this very machine."""
    return ",".join(f"{world.shop_host}:{port}" for world in WORLDS)


def demo(settings: Settings, *, console: Console) -> int:
    """Write the demo's accounts and feeds, then serve until stopped. Raises what ``Supervisor.run`` raises."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with only_server(settings.data_dir):  # a demo that runs keeps its files
        accounts_file = write_demo(settings.port, settings.data_dir / "demo")
    quiet = Console(quiet=True)
    code = asyncio.run(apply(settings, accounts_file, dry_run=False, prune=True, console=quiet))
    if code:
        console.print("The demo's own accounts were refused; please report this.", style="red")
        return code
    welcome = Panel(
        f"Open [bold]http://localhost:{settings.port}/[/bold] in a browser.\n"
        "A shop, a newspaper and the ad server are there to click through.\n"
        f"Its data is in {settings.data_dir}. Ctrl+C ends it.",
        title="adserver demo",
        expand=False,
    )
    Supervisor(settings, demo=True, on_listening=lambda: console.print(welcome)).run()
    return 0
