"""Where in a picture the product is, and how the picture looks as a person sees it."""

import io

from PIL import Image, ImageChops, ImageCms

_LOOK = 256
"""Pixels of the longer side of the copy that borders are looked for in: specks of dust vanish in it."""

_LIGHT = 200
"""A border whose darkest channel is below this is part of the picture."""

_NEARLY_WHITE = 244
_MARGIN = 0.06
"""What stays of a border that is not white, as a share of the product's longer side."""

_TOLERANCE = 14
"""How much a border may differ from its colour in any channel: what JPEG makes of white."""

_WHITE = (255, 255, 255)
_SLATE = (91, 100, 114)
"""The ground of what would not be seen on white."""

_TURNS = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}

Box = tuple[int, int, int, int]


def opaque(image: Image.Image) -> Image.Image:
    """``image`` in RGB or CMYK, on white where it is transparent; a white drawing on slate."""
    if image.mode in ("RGB", "CMYK"):
        return image
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 256, "L").convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    drawing = image.convert("RGBA")
    alpha = drawing.getchannel("A")
    ground = Image.new("RGB", image.size, _SLATE if _is_white(drawing, alpha) else _WHITE)
    ground.paste(drawing, mask=alpha)
    return ground


def product_box(picture: Image.Image, ratio: float) -> Box:
    """The part of the picture without borders of one light colour; all of it where there is nothing else. Of a border
    that is not white as much stays as fills a tile of this ``ratio`` (width to height)."""
    scale = max(1.0, max(picture.size) / _LOOK)
    small = picture.resize(_scaled(picture, 1 / scale), Image.Resampling.BOX, reducing_gap=1.5).convert("RGB")
    ground = _border_color(small)
    if min(ground) < _LIGHT:
        return 0, 0, picture.width, picture.height
    differs = ImageChops.difference(small, Image.new("RGB", small.size, ground))
    red, green, blue = differs.split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    found = most.point(lambda value: 255 if value > _TOLERANCE else 0).getbbox()
    if found is None:
        return 0, 0, picture.width, picture.height
    # White goes over into the tile's own ground; on any other colour the product must not touch the edge.
    edge = 1 if min(ground) >= _NEARLY_WHITE else 1 + _MARGIN * max(found[2] - found[0], found[3] - found[1])
    across, down = picture.width / small.width, picture.height / small.height
    left, top = max(0, int((found[0] - edge) * across)), max(0, int((found[1] - edge) * down))
    right = min(picture.width, int((found[2] + edge) * across) + 1)
    bottom = min(picture.height, int((found[3] + edge) * down) + 1)
    if scale > 1 and 4 * (right - left) * (bottom - top) < picture.width * picture.height:
        finer = product_box(picture.crop((left, top, right, bottom)), ratio)
        return left + finer[0], top + finer[1], left + finer[2], top + finer[3]
    box = left, top, right, bottom
    return box if min(ground) >= _NEARLY_WHITE else _spread(box, picture.size, ratio)


def _spread(box: Box, size: tuple[int, int], ratio: float) -> Box:
    """``box`` grown towards the tile's ``ratio`` (width to height) as far as the picture of ``size`` has room: its own
    ground fills the tile better than ours."""
    left, top, right, bottom = box
    if (right - left) < (bottom - top) * ratio:
        left, right = _grown(left, right, round((bottom - top) * ratio), size[0])
    else:
        top, bottom = _grown(top, bottom, round((right - left) / ratio), size[1])
    return left, top, right, bottom


def _grown(low: int, high: int, length: int, limit: int) -> tuple[int, int]:
    """The span of ``length``, or of all up to ``limit``, around the middle of another one."""
    length = max(high - low, min(length, limit))
    begin = min(max(0, (low + high - length) // 2), limit - length)
    return begin, begin + length


def as_shown(picture: Image.Image, turned: int, profile: bytes | None) -> Image.Image:
    """Turned as EXIF's orientation ``turned`` (1 to 8) says, in sRGB."""
    for turn in _TURNS.get(turned, ()):
        picture = picture.transpose(turn)
    return _in_srgb(picture, profile)


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if profile and b"sRGB" not in profile[:4_096]:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a profile that is damaged, or of another kind of picture
        else:
            if converted is not None:
                picture = converted
    plain = picture.convert("RGB")
    plain.info.clear()
    return plain


def _border_color(small: Image.Image) -> tuple[int, int, int]:
    """The colour that most corners have."""
    right, bottom = small.width - 1, small.height - 1
    corners = [_pixel(small, x, y) for x, y in ((0, 0), (right, 0), (0, bottom), (right, bottom))]
    return max(corners, key=lambda one: sum(_near(one, other) for other in corners))


def _pixel(image: Image.Image, x: int, y: int) -> tuple[int, int, int]:
    value = image.getpixel((x, y))
    return (int(value[0]), int(value[1]), int(value[2])) if isinstance(value, tuple) else _WHITE


def _near(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return all(abs(a - b) <= _TOLERANCE for a, b in zip(one, other, strict=True))


def _is_white(drawing: Image.Image, alpha: Image.Image) -> bool:
    """Whether what can be seen of it is nearly white."""
    seen = drawing.convert("L").histogram(alpha.point(lambda value: 255 if value > 127 else 0))
    return sum(seen) > 0 and sum(seen[:232]) <= 0.02 * sum(seen)


def _scaled(picture: Image.Image, scale: float) -> tuple[int, int]:
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
