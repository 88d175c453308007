"""The process in which pictures are decoded: ``python -m adserver.creative.picture_process``.

Orders come on standard input, answers go to standard output, one after the other, until the input ends. It can open
no file and no connection, and is given little memory and time: a picture that does harm does it to this process only.
"""

import io
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image, ImageCms

from adserver.creative.picture import make_picture
from adserver.creative.picture_order import ANSWER, KINDS, ORDER, PictureRefused

MEMORY_BYTES = 150_000_000
"""Beyond what the process has when it starts; with that it stays below 200 MB."""

CPU_S = 2
"""Processor time for one picture."""

_NICE = 10


def main() -> None:
    """Until the input ends."""
    _rehearse()
    orders, answers = sys.stdin.buffer, sys.stdout.buffer
    _give_up_rights()
    while head := orders.read(ORDER.size):
        length, width, height, kind = ORDER.unpack(head)
        raw = orders.read(length)
        if len(raw) < length:
            return
        _allow_time()
        _answer(answers, raw, width, height, KINDS[kind])


def _rehearse() -> None:
    """What Pillow loads when it is first needed is loaded now, while files can still be opened."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifVersion] = b"0232"
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        file = io.BytesIO()
        frames = [Image.linear_gradient("L").convert("P" if kind == "GIF" else "RGB") for _ in range(2)]
        more = {"save_all": True, "append_images": frames[1:]} if kind == "GIF" else {}
        frames[0].save(file, kind, icc_profile=profile, exif=exif, **more)
        for raw in (file.getvalue(), file.getvalue()[:400], b"nothing"):
            for made in KINDS:
                with suppress(PictureRefused):
                    make_picture(raw, 16, 16, made)


def _give_up_rights() -> None:
    os.nice(_NICE)
    limit = _memory() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def _memory() -> int:
    """Bytes of address space in use; a guess where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return 400_000_000


def _allow_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + CPU_S, resource.RLIM_INFINITY))


def _answer(answers: BinaryIO, raw: bytes, width: int, height: int, kind: str) -> None:
    try:
        made, body = 1, make_picture(raw, width, height, kind)
    except PictureRefused as error:
        made, body = 0, error.refusal.value.encode()
    answers.write(ANSWER.pack(made, len(body)) + body)
    answers.flush()


if __name__ == "__main__":
    main()
