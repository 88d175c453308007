"""The wire format (RESP), written by hiredis and never by hand: no value can end its own frame."""

from collections.abc import Callable
from typing import cast

import hiredis

pack = cast("Callable[[tuple[str | int | bytes, ...]], bytes]", hiredis.pack_command)
"""A command and its arguments as bytes for the wire. hiredis' own type says a tuple of one."""
