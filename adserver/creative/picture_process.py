"""The process in which pictures are decoded: ``python -m adserver.creative.picture_process``.

Orders come on standard input, answers go to standard output, one after the other, until the input ends. It can open
no file and no connection, and is given little memory and time: a picture that does harm does it to this process only.
"""

import io
import sys
from contextlib import suppress
from typing import BinaryIO

from PIL import ExifTags, Image, ImageCms

from adserver.creative.confined import allow_time, give_up_rights
from adserver.creative.picture import make_picture
from adserver.creative.picture_order import ANSWER, KINDS, ORDER, PictureRefused

MEMORY_BYTES = 150_000_000
"""Beyond what the process has when it starts; with that it stays below 200 MB."""

CPU_S = 2
"""Processor time for one picture."""


def main() -> None:
    """Until the input ends."""
    _rehearse()
    orders, answers = sys.stdin.buffer, sys.stdout.buffer
    give_up_rights(MEMORY_BYTES)
    while head := orders.read(ORDER.size):
        length, width, height, kind = ORDER.unpack(head)
        raw = orders.read(length)
        if len(raw) < length:
            return
        allow_time(CPU_S)
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


def _answer(answers: BinaryIO, raw: bytes, width: int, height: int, kind: str) -> None:
    try:
        made, body = 1, make_picture(raw, width, height, kind)
    except PictureRefused as error:
        made, body = 0, error.refusal.value.encode()
    answers.write(ANSWER.pack(made, len(body)) + body)
    answers.flush()


if __name__ == "__main__":
    main()
