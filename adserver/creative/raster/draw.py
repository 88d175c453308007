"""A banner -> its picture."""

from collections.abc import Mapping

from PIL import Image

from adserver.creative.raster.banner_picture import BannerNotDrawn, BannerPicture, PictureTile
from adserver.creative.raster.encode import encoded
from adserver.creative.raster.general import general_layouts
from adserver.creative.raster.layout import Layout, Layouts
from adserver.creative.raster.sheet import Sheet

MOST_PRODUCTS = 20


def draw(banner: BannerPicture, designs: Mapping[str, Layouts]) -> bytes:
    """A file of the banner's kind, ``density`` times as large as its size. ``designs`` are the layouts by the name of
    the creative; one without gets a general layout. Raises BannerNotDrawn for a size that is none."""
    return encoded(drawn(banner, designs), banner.kind)


def drawn(banner: BannerPicture, designs: Mapping[str, Layouts]) -> Image.Image:
    """The same before it is packed."""
    if banner.density not in (1, 2):
        raise BannerNotDrawn("density: expected 1 or 2")
    design, layout = _chosen(banner, designs)
    sheet = Sheet(banner, design, layout)
    for element in layout.frame:
        sheet.paint(element, (0, 0), None)
    for place, (left, top, kind) in enumerate(layout.tiles[: len(banner.tiles)]):
        _draw_tile(sheet, design, banner.tiles[place], (left, top), kind)
    for element in layout.over:
        sheet.paint(element, (0, 0), None)
    return sheet.image


def _draw_tile(sheet: Sheet, design: Layouts, tile: PictureTile, corner: tuple[float, float], kind: int) -> None:
    was = bool(tile.was_price_text)
    elements = design.kinds[kind].elements(0, was=was)
    elements = design.kinds[kind].elements(sheet.title_lines(elements, tile), was=was)
    for element in elements:
        sheet.paint(element, corner, tile)


def _chosen(banner: BannerPicture, designs: Mapping[str, Layouts]) -> tuple[Layouts, Layout]:
    offer = (2 if banner.ends_text else 1) if banner.offer_text or banner.coupon else 0
    count = min(len(banner.tiles), MOST_PRODUCTS)
    design = designs.get(banner.creative)
    layout = design.choose(banner.size, count, offer=offer) if design else None
    if design is None or layout is None or any(kind >= len(design.kinds) for *_, kind in layout.tiles):
        design = general_layouts(banner.size, count, offer)
        if design is None:
            raise BannerNotDrawn("size: expected one like 300x250")
        layout = design.layouts[0]
    return design, layout
