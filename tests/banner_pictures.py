"""A banner to be drawn as a picture, and what it is drawn by."""

from adserver.creative.library import creative_folders
from adserver.creative.raster.banner_picture import BannerPicture, PictureTile
from adserver.creative.raster.layout import find_layouts
from tests.shop import encoded, shoe

CREATIVES = sorted({folder.parent for folder in creative_folders()})
DESIGNS = find_layouts(CREATIVES)
SHOE = encoded(shoe().resize((160, 120)))
TILE = PictureTile("Trail boots, waterproof", "89.00 £", "119.00 £", "-25%", "T", SHOE)
BANNER = BannerPicture(
    creative="grid",
    size="300x250",
    density=1,
    kind="png",
    lang="en",
    dir="ltr",
    advertiser_name="Northpeak",
    because="viewed",
    headline="Still interested?",
    offer_text="10 % off",
    coupon="PEAK10",
    ends_text="Ends in 2 d",
    action="Shop now",
    ad_label="Ad",
    accent="#0b6b4f",
    on_accent="#ffffff",
    accent_text="#0b6b4f",
    tiles=(TILE, TILE._replace(title="Mug", was_price_text="", badge="", picture=None), TILE),
)
