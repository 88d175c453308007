"""A creative as it is checked: in every size and count, with content that is usual and content that is not."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import lxml.html

from adserver.creative.banner import Banner
from adserver.creative.creative import Creative
from adserver.creative.options import Option, OptionType
from adserver.creative.samples import SAMPLES, Sample, fitted
from adserver.model.line_item import OptionValue

IMPRESSION, WHY, CLICK, PRIVACY = "/check/seen", "/check/why", "/check/click", "/check/privacy"

_SAMPLES = ("typical", "german", "rtl", "no_pictures")


class Rendered(NamedTuple):
    """One banner: what it was made of, how many products it shows, and the document."""

    banner: Banner
    shown: int
    html: bytes
    tree: lxml.html.HtmlElement

    @property
    def where(self) -> str:
        """``300x250 of 4``; a house banner is its size."""
        return f"{self.banner.size} of {self.shown}" if self.shown else self.banner.size


def rendered(creative: Creative) -> list[Rendered]:
    """Every size and count with every sample; and of the most products with each option as it may also be set."""
    found = []
    for size in creative.manifest.sizes:
        most = creative.max_products(size)
        for count in range(creative.min_products, most + 1):
            found += [_render(creative, size, count, SAMPLES[name], {}) for name in _SAMPLES]
        found += [_render(creative, size, most, SAMPLES["german"], given) for given in settings_of(creative.options)]
    return found


def settings_of(options: Mapping[str, Option]) -> Iterator[Mapping[str, OptionValue]]:
    """Each option on its own, in each value that is not its default."""
    for name, option in options.items():
        match option.type:
            case OptionType.CHOICE:
                yield from ({name: choice} for choice in option.choices if choice != option.default)
            case OptionType.YES_NO:
                yield {name: not option.default}
            case OptionType.NUMBER:
                yield {name: option.most}
            case OptionType.TEXT:
                yield {name: ("Wochenendangebote " * 60)[: int(option.most)].strip()}
            case OptionType.COLOR:
                yield {name: "#ffd400"}


def sample_banner(
    creative: Creative, size: str, count: int, sample: Sample, options: Mapping[str, OptionValue]
) -> Banner:
    """A sample as a banner of so many products."""
    room = creative.picture_box(size, count) if count else (1, 1)
    repeated = (sample.tiles * (count // len(sample.tiles) + 1))[:count]
    return Banner(
        size=size,
        advertiser_name=sample.advertiser_name,
        lang=sample.lang,
        tiles=fitted(repeated, *room),
        impression_url=IMPRESSION,
        why_url=WHY,
        click_url=CLICK,
        privacy_url=PRIVACY,
        offer_text=sample.offer_text,
        coupon=sample.coupon,
        ends_in=1_505 if sample.coupon else None,
        because=sample.because,
        color=sample.color,
        options=options,
    )


def _render(creative: Creative, size: str, count: int, sample: Sample, options: Mapping[str, OptionValue]) -> Rendered:
    banner = sample_banner(creative, size, count, sample, options)
    html = creative.render(banner)
    return Rendered(banner, count, html, lxml.html.document_fromstring(html))
