"""The pictures of a row: one for the banner, a few to choose from."""

from collections.abc import Mapping

from adserver.catalog.link import read_link, read_links
from adserver.catalog.problem import RowProblems
from adserver.catalog.problem_kinds import IMAGE_IS_SVG, IMAGE_MISSING, IMAGE_UNUSABLE, PLACEHOLDER
from adserver.catalog.text import has_placeholder, means_none

MORE_IMAGES = 2
"""Additional pictures kept per product."""


def read_images(row: Mapping[str, str], problems: RowProblems) -> tuple[str, tuple[str, ...]]:
    """The picture, empty where there is none, and at most ``MORE_IMAGES`` others.

    Where ``image_link`` has a list of addresses, the first is the picture.
    """
    text = row.get("image_link", "")
    more = row.get("additional_image_link", "")
    image_link = read_link(text) if text.count("://") == 1 else ""
    if image_link and not more and not image_link.endswith((".svg", ".SVG")):
        return image_link, ()
    others: list[str] = []
    if not image_link:
        image_link, *others = _several(text, "image_link", problems) or [""]
        if not image_link and means_none(text):
            problems.tell(IMAGE_MISSING, "image_link", text)
    if image_link.endswith((".svg", ".SVG")):
        problems.tell(IMAGE_IS_SVG, "image_link", text)
    others += _several(more, "additional_image_link", problems)
    return image_link, tuple(link for link in dict.fromkeys(others) if link != image_link)[:MORE_IMAGES]


def _several(text: str, field: str, problems: RowProblems) -> list[str]:
    """The first usable addresses of ``text``; one problem where there is text and none of them is."""
    if not text or means_none(text):
        return []
    links = read_links(text, 1 + MORE_IMAGES)
    if not links:
        problems.tell(PLACEHOLDER if has_placeholder(text) else IMAGE_UNUSABLE, field, text)
    return links
