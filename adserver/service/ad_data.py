"""The decision as data, for slots that draw the ad themselves."""

from datetime import UTC, datetime

from adserver.service.render_ad import AdData, DataTile


def as_json(data: AdData) -> dict[str, object]:
    """What ``/ad.json`` answers: texts as they are to be shown, None where there is nothing to show."""
    return {
        "placement": data.placement,
        "size": data.size,
        "width": data.width,
        "height": data.height,
        "creative": data.creative,
        "label": data.words["ad"],
        "lang": data.lang,
        "dir": data.dir,
        "advertiser": {"name": data.advertiser},
        "products": [_product(tile) for tile in data.tiles],
        "offer": _offer(data),
        "click_url": data.click_url,
        "impression_url": data.impression_url,
        "why_url": data.why_url,
        "hide_url": data.hide_url or None,
        "privacy_url": data.privacy_url,
    }


def _product(tile: DataTile) -> dict[str, object]:
    picture = tile.picture
    return {
        "id": tile.product_id,
        "title": tile.title,
        "brand": tile.brand or None,
        "price": tile.price_text,
        "was_price": tile.was_price_text or None,
        "discount_percent": tile.discount or None,
        "image": picture.url if picture else None,
        "image_2x": picture.url_2x if picture else None,
        "image_width": picture.width if picture else None,
        "image_height": picture.height if picture else None,
        "click_url": tile.click_url,
    }


def _offer(data: AdData) -> dict[str, object] | None:
    if not (data.offer_text or data.coupon or data.ends_at):
        return None
    ends = datetime.fromtimestamp(data.ends_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if data.ends_at else None
    return {"text": data.offer_text or None, "coupon": data.coupon or None, "ends": ends}
