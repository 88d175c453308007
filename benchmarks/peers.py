"""The servers ours is compared with, each one process, all on one Valkey. What is not installed is left out."""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from redis import Redis

from benchmarks import naive
from benchmarks.address import Address
from benchmarks.stage import PRODUCTS, Target

CONSTANT = "constant"
"""The floor among them."""

_HERE = Path(__file__).parent
_INSTALLED = _HERE.parent / "artifacts" / "bench-fastify"
_NGINX_PRODUCTS = "nginx:products"
_START_S = 20.0


class AbsentError(Exception):
    """A peer that can not run on this machine; the text says why."""


@contextmanager
def running_peers(valkey_url: str) -> Iterator[tuple[list[Target], dict[str, str]]]:
    """Those that could be started, the naive one first, and why the others could not."""
    _write_products(valkey_url)
    absent = {}
    with ExitStack() as stack:
        running = [stack.enter_context(_python("naive", valkey_url)), stack.enter_context(_python(CONSTANT))]
        optional: dict[str, Callable[[str], Iterator[Target]]] = {"fastify": _fastify, "nginx": _nginx}
        for name, start in optional.items():
            try:
                running.append(stack.enter_context(contextmanager(start)(valkey_url)))
            except AbsentError as error:
                absent[name] = str(error)
        yield running, absent


@contextmanager
def _python(name: str, *args: str) -> Iterator[Target]:
    """One of the modules beside this one, on a listening socket that it inherits."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(2_048)
        number = listening.fileno()
        command = (sys.executable, "-m", f"benchmarks.{name}", str(number), *args)
        with _process(*command, pass_fds=[number]) as process:
            yield _target(name, listening.getsockname()[1], process)


def _fastify(valkey_url: str) -> Iterator[Target]:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise AbsentError(f"{program} is not installed")
    _install()
    where = valkey_url.removeprefix("unix://")
    with _process("node", "server.mjs", where, cwd=_INSTALLED, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise AbsentError("Fastify did not start")
        yield _target("fastify", int(line), process)


def _install() -> None:
    """What package-lock.json names, once, into a folder that Git does not see."""
    lock = (_HERE / "fastify/package-lock.json").read_bytes()
    done = _INSTALLED / "installed.lock"
    shutil.copytree(_HERE / "fastify", _INSTALLED, dirs_exist_ok=True)
    if done.exists() and done.read_bytes() == lock:
        return
    npm = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=_INSTALLED,
        capture_output=True,
        text=True,
        check=False,
    )
    if npm.returncode:
        raise AbsentError(f"npm ci failed: {npm.stderr.strip().splitlines()[-1:]}")
    done.write_bytes(lock)


def _nginx(valkey_url: str) -> Iterator[Target]:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise AbsentError("nginx is not installed")
    if not valkey_url.startswith("unix://"):
        raise AbsentError("its Valkey must be on a unix socket")
    with tempfile.TemporaryDirectory(prefix="bench-nginx-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        valkey = f"unix:{valkey_url.removeprefix('unix://')}"
        text = (_HERE / "nginx/nginx.conf.in").read_text("utf-8")
        config = Path(folder) / "nginx.conf"
        config.write_text(text.format(lua=_HERE / "nginx", folder=folder, valkey=valkey, port=port), "utf-8")
        log = f"{folder}/start.log"
        with _process(program, "-e", log, "-c", str(config), stderr=subprocess.DEVNULL) as process:
            if not _listens(port, process):
                lines = Path(log).read_text("utf-8", "replace").strip().splitlines()
                raise AbsentError(f"nginx did not start: {lines[-1][-120:] if lines else 'no word why'}")
            yield _target("nginx", port, process)


def _write_products(valkey_url: str) -> None:
    """What each peer reads for its ads, as each would store it."""
    products = {
        i: {
            "title": f"Product {i}",
            "price": "10,90 €",
            "image": f"https://shop.test/img/{i}.png",
            "link": f"https://shop.test/p/{i}",
        }
        for i in PRODUCTS
    }
    lines = {i: "\n".join(p[name] for name in ("link", "image", "title", "price")) for i, p in products.items()}
    with closing(Redis.from_url(valkey_url)) as valkey:
        for i in PRODUCTS:
            valkey.hset(naive.PRODUCTS, i, json.dumps(products[i]))
            valkey.hset(_NGINX_PRODUCTS, i, lines[i])


def _target(name: str, port: int, process: "subprocess.Popen[bytes]") -> Target:
    return Target(name=name, address=Address(host="127.0.0.1", port=port), workers=[process.pid], helpers=[])


def _listens(port: int, process: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.02)  # between two questions, not instead of one
    return False


@contextmanager
def _process(*command: str, **how: object) -> Iterator["subprocess.Popen[bytes]"]:
    process: subprocess.Popen[bytes] = subprocess.Popen(command, **how)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        process.wait(_START_S)
        if process.stdout is not None:
            process.stdout.close()
