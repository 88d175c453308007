"""What a process may do that works on what strangers send: no file, no connection, little memory and time."""

import os
import resource
from pathlib import Path

_NICE = 10


def give_up_rights(memory_bytes: int) -> None:
    """For good. ``memory_bytes`` of address space are allowed beyond what is in use now."""
    os.nice(_NICE)
    limit = _memory() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def allow_time(cpu_s: int) -> None:
    """From now on, in seconds of a processor; whoever needs more is ended."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + cpu_s, resource.RLIM_INFINITY))


def _memory() -> int:
    """Bytes of address space in use; a guess where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return 400_000_000
