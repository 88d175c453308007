"""A worker process: uvicorn with one application on the socket that all workers share."""

import logging
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adserver.processes import begin, begun
from adserver.settings import Settings, load_settings

if TYPE_CHECKING:  # what is large is loaded when the process has begun
    import uvicorn
    from starlette.types import ASGIApp

    from adserver.web.door import Door

GRACE_S = 10
"""How long a stopping worker waits for the requests in flight."""

log = logging.getLogger(__name__)


def uvicorn_config(app: "ASGIApp", doors: "Mapping[str, Door] | None", settings: Settings) -> "uvicorn.Config":
    """How uvicorn runs a worker; the hot ones of ``doors`` are reached by the fast lane as well."""
    import uvicorn

    from adserver.app import https_outside
    from adserver.web.uvicorn_settings import protocol_settings

    return uvicorn.Config(
        app,
        **protocol_settings(doors, https_outside=https_outside(settings), proxies=settings.trusted_proxies),
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,  # its line would hold the whole query; ours is written at the door
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=GRACE_S,
        backlog=settings.backlog,
        ssl_certfile=settings.ssl_certfile or None,
        ssl_keyfile=settings.ssl_keyfile or None,
    )


class _Uneventful(logging.Filter):
    """Drops uvicorn's warnings about what a client sent: anybody could fill the log with them."""

    _MESSAGES = ("Invalid HTTP request received.", "Unsupported upgrade request.", "No supported WebSocket library")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is for the operator."""
        return not record.getMessage().startswith(self._MESSAGES)


def main() -> None:
    """A worker process: ``python -m adserver.worker FD [demo] [GATE]``, started by the supervisor with its settings in
    the environment and the listening socket as file descriptor FD. It answers from when nobody holds the other end of
    the pipe GATE any more."""
    begin()
    import uvicorn

    from adserver.app import create_app
    from adserver.secret import read_secrets
    from adserver.telemetry import set_up_logging

    settings = load_settings()
    set_up_logging(settings.log_level)
    listening = socket.socket(fileno=int(sys.argv[1]))
    app, doors = create_app(settings, read_secrets(settings.secret, settings.data_dir), settings.valkey_url)
    served: ASGIApp = app
    hot = doors if settings.fast_lane else None
    if "demo" in sys.argv[2:]:
        from adserver.demo.sites import create_demo_app

        program = "adserver" if shutil.which("adserver") else Path(sys.executable).with_name("adserver")
        report = f"{program} report --data-dir {settings.data_dir}"
        hot = None  # its sites are told apart by host, which the fast lane does not look at
        served = create_demo_app(app, port=listening.getsockname()[1], report_command=report)
    logging.getLogger("uvicorn.access").propagate = False
    logging.getLogger("uvicorn.error").addFilter(_Uneventful())
    if urlsplit(settings.public_url).scheme == "http":
        log.warning("ADSERVER_PUBLIC_URL is plain http: browsers keep its cookie only on localhost")
    server = uvicorn.Server(uvicorn_config(served, hot, settings))
    for gate in filter(str.isdigit, sys.argv[2:]):
        os.read(int(gate), 1)
        os.close(int(gate))
    begun()
    server.run(sockets=[listening])


if __name__ == "__main__":
    main()
