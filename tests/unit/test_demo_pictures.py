"""The drawn pictures: one for each product, all of one size, none like another."""

import io

import pytest
from PIL import Image, ImageChops, ImageStat

from adserver.demo.pictures import draw_all, news_picture, picture
from adserver.demo.pictures.canvas import box, ellipse, mirror, path, turn
from adserver.demo.products import KINDS, PRODUCTS, DemoProduct


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image.convert("RGB")


def test_every_product_has_a_square_picture_of_its_own() -> None:
    draw_all()
    images = [opened(picture(product.id)) for product in PRODUCTS]
    assert [image.size for image in images] == [(800, 800)] * 12
    for at, image in enumerate(images):
        for other in images[at + 1 :]:
            difference = ImageStat.Stat(ImageChops.difference(image, other)).mean
            assert sum(difference) > 10


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.slug)
def test_something_is_drawn_in_the_middle(product: DemoProduct) -> None:
    image = opened(picture(product.id))
    assert max(ImageStat.Stat(image.crop((200, 250, 600, 650))).stddev) > 15


def test_a_picture_is_drawn_once() -> None:
    assert picture("WND-101") is picture("WND-101")


def test_the_newspaper_has_pictures_of_the_same_size() -> None:
    assert opened(news_picture("harbour")).size == opened(news_picture("bakery")).size == (800, 800)


@pytest.mark.parametrize("name", ["WND-999", "", "harbour", "../products.py"])
def test_what_is_not_sold_has_no_picture(name: str) -> None:
    with pytest.raises(KeyError):
        picture(name)


def test_outlines() -> None:
    assert path("M0 0 L10 0 L10 5 Z") == [(0, 0), (10, 0), (10, 5)]
    assert path("M0 0 Q5 10 10 0")[-1] == (10, 0)
    assert path("M-1.5 0 C0 1 2 3 4 -5")[-1] == (4, -5)
    assert mirror([(100, 7)]) == [(700, 7)]
    assert turn([(410, 400)], 90) == [pytest.approx((400, 410))]
    for outline in (ellipse(50, 60, 10, 5), box(40, 55, 60, 65, 3)):
        assert (min(x for x, _ in outline), max(x for x, _ in outline)) == pytest.approx((40, 60))
        assert (min(y for _, y in outline), max(y for _, y in outline)) == pytest.approx((55, 65))


def test_the_shop_is_complete() -> None:
    assert len(PRODUCTS) == 12
    assert len({product.id for product in PRODUCTS}) == len({product.slug for product in PRODUCTS}) == 12
    assert {product.kind for product in PRODUCTS} == set(KINDS)
    reduced = [product for product in PRODUCTS if product.sale_price is not None]
    assert [product.pays < product.price for product in reduced] == [True]
