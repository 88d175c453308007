"""How each of our processes begins and ends: without looking for garbage where there is none."""

import atexit
import gc

READY = b"ready"
"""What the first background worker says when the stores are as workers need them; else it says why they are not."""


def begin() -> None:
    """Before anything large is imported. What is imported stays: looking through it again and again took a fifth of
    the time to start, and once more at the end, when all of it goes with the process anyway."""
    gc.disable()
    atexit.register(gc.freeze)


def begun() -> None:
    """What is here now stays; from here on garbage is collected. Nothing happens in a process of somebody else's."""
    if gc.isenabled():
        return
    gc.freeze()
    gc.enable()
