"""Things for the table and the pocket: enamel mug, flask, folding knife."""

from adserver.demo.pictures.canvas import Canvas, Points, across, box, down, ellipse, path, turn
from adserver.demo.pictures.palette import (
    BRASS,
    BRASS_DARK,
    BRASS_LIGHT,
    CREAM,
    CREAM_DARK,
    CREAM_SHADE,
    INK,
    LEATHER,
    LEATHER_DARK,
    LEATHER_LIGHT,
    MUSTARD,
    MUSTARD_DARK,
    MUSTARD_LIGHT,
    NAVY,
    NAVY_DARK,
    NAVY_LIGHT,
    ROSE_WALL,
    RUST,
    RUST_DARK,
    SAGE_WALL,
    SKY_WALL,
    STEEL,
    STEEL_DARK,
    STEEL_LIGHT,
)


def mug() -> Canvas:
    """Cream enamel with a navy rim and a range of hills around it."""
    c = Canvas(*SKY_WALL)
    c.shadow(390, 668, 170, 18)
    for steam in ("M340 240 C310 200 366 176 336 122", "M420 236 C388 192 448 168 418 104"):
        c.line(path(steam), 13, "#ffffff", alpha=0.75, blur=5)
    handle = path("M536 372 C664 346 668 574 520 578")
    c.line(handle, 38, CREAM_DARK)
    c.line([(x - 3, y - 4) for x, y in handle], 27, CREAM)
    body = path("M226 296 L246 612 C250 652 274 668 312 668 L468 668 C506 668 530 652 534 612 L554 296 Z")
    c.fill(body, across(CREAM_SHADE, "#fffaf0", CREAM, CREAM_SHADE, CREAM_DARK))
    c.fill(
        path("M220 560 L304 448 L348 502 L424 400 L492 500 L516 474 L570 560 L570 620 L220 620 Z"),
        across(NAVY_LIGHT, NAVY, NAVY_DARK),
        clip=body,
    )
    c.fill(path("M424 400 L392 444 L412 438 L424 456 L440 440 L456 448 Z"), CREAM, clip=body)
    c.fill(
        path("M220 576 C300 530 380 600 460 566 C510 548 540 556 570 566 L570 622 L220 622 Z"),
        NAVY_DARK,
        clip=body,
    )
    c.fill(ellipse(318, 404, 26), RUST)
    for x, y in (
        (262, 352),
        (376, 350),
        (500, 370),
        (270, 640),
        (350, 648),
        (440, 640),
        (510, 420),
        (288, 470),
        (470, 644),
        (420, 340),
    ):
        c.fill(ellipse(x, y, 3.2), NAVY, alpha=0.55)
    c.fill(path("M226 296 L236 460 L262 460 L258 296 Z"), "#ffffff", alpha=0.35, blur=8, clip=body)
    c.fill(ellipse(390, 296, 168, 38), down(NAVY_LIGHT, NAVY_DARK))
    c.fill(ellipse(390, 298, 152, 29), CREAM_DARK)
    c.fill(ellipse(390, 308, 142, 21), down("#4d2f20", "#7a4d31"))
    c.line(path("M240 620 C250 656 274 664 312 664 L468 664 C506 664 530 656 540 620"), 9, NAVY, clip=body)
    return c


def flask() -> Canvas:
    """A mustard vacuum flask with its steel cup beside it."""
    c = Canvas(*ROSE_WALL)
    c.shadow(350, 700, 130, 18)
    c.shadow(566, 702, 86, 13)
    body = path(
        "M306 262 L414 262 C444 276 452 300 452 332 L452 668 C452 690 440 700 418 700 L302 700 "
        "C280 700 268 690 268 668 L268 332 C268 300 276 276 306 262 Z"
    )
    c.fill(body, across(MUSTARD_DARK, MUSTARD_LIGHT, MUSTARD, MUSTARD_DARK))
    c.fill(box(260, 664, 460, 702), across(STEEL_DARK, STEEL_LIGHT, STEEL, STEEL_DARK), clip=body)
    c.fill(box(300, 244, 420, 266, 5), across(STEEL_DARK, STEEL_LIGHT, STEEL, STEEL_DARK))
    lid = box(304, 126, 416, 246, 20)
    c.fill(lid, across(RUST_DARK, RUST, RUST_DARK))
    for step in range(6):
        x = 318 + step * 17
        c.line(path(f"M{x} 152 L{x} 234"), 5, RUST_DARK, alpha=0.7, clip=lid)
    c.fill(box(312, 128, 408, 142, 8), "#e08a63", alpha=0.7)
    c.line(path("M306 186 C220 200 216 320 258 352"), 9, LEATHER)
    c.fill(box(262, 346, 458, 366), MUSTARD_DARK, alpha=0.5, clip=body)
    c.fill(ellipse(360, 490, 62), CREAM)
    badge = ellipse(360, 490, 54)
    c.fill(badge, "#f4c9a0")
    c.fill(ellipse(374, 476, 18), RUST)
    c.fill(path("M290 540 L338 476 L362 504 L384 484 L430 540 L430 560 L290 560 Z"), NAVY, clip=badge)
    c.fill(box(286, 290, 300, 650, 7), "#ffffff", alpha=0.4, blur=3)
    _cup(c)
    return c


def _cup(c: Canvas) -> None:
    for steam in ("M546 520 C526 488 566 470 546 430", "M592 524 C574 496 610 480 592 446"):
        c.line(path(steam), 9, "#ffffff", alpha=0.75, blur=4)
    cup = path("M484 566 L500 684 C502 698 510 702 524 702 L612 702 C626 702 634 698 636 684 L652 566 Z")
    c.fill(cup, across(STEEL_DARK, STEEL_LIGHT, STEEL, STEEL_DARK))
    c.fill(ellipse(568, 566, 86, 19), down(STEEL, STEEL_LIGHT))
    c.fill(ellipse(568, 568, 76, 14), down("#6b4a2c", "#a8743f"))


def knife() -> Canvas:
    """An oak-handled pocket knife, half a turn towards the corner."""
    c = Canvas(*SAGE_WALL)

    def laid(outline: str) -> Points:
        return turn(path(outline), -34, 420, 400)

    c.shadow(410, 590, 230, 22, 0.2)
    c.line(laid("M150 412 C70 392 50 470 96 486 C132 498 160 460 152 420"), 9, RUST)
    blade = laid("M452 350 L650 346 C712 350 760 376 786 410 C700 432 570 440 452 440 Z")
    c.fill(blade, across(STEEL, STEEL_LIGHT, STEEL))
    c.fill(laid("M452 410 C560 414 690 408 786 410 C700 432 570 440 452 440 Z"), STEEL_LIGHT, clip=blade)
    c.line(laid("M452 410 C560 414 690 408 780 410"), 2.5, STEEL_DARK, alpha=0.7)
    c.line(laid("M500 366 L566 364"), 6, STEEL_DARK, alpha=0.8)
    handle = laid(
        "M140 404 C134 358 166 340 214 346 C280 354 330 340 400 336 L470 336 L478 452 L400 458 "
        "C340 462 290 450 226 460 C176 466 146 448 140 404 Z"
    )
    c.fill(handle, LEATHER_DARK)
    oak = laid(
        "M140 404 C134 358 166 340 214 346 C280 354 330 340 400 336 L420 336 L426 446 L400 448 "
        "C340 452 290 440 226 450 C176 456 146 442 140 404 Z"
    )
    c.fill(oak, down(LEATHER_LIGHT, LEATHER))
    grains = (
        "M150 380 C220 366 320 384 424 362",
        "M150 404 C240 396 330 412 426 396",
        "M160 426 C240 420 320 434 426 424",
        "M190 362 C260 372 330 360 424 348",
    )
    for grain in grains:
        c.line(laid(grain), 3, LEATHER_DARK, alpha=0.55, clip=oak)
    c.line(laid("M152 370 C200 350 300 362 420 342"), 8, "#e0b088", alpha=0.6, clip=oak, blur=2)
    bolster = laid("M414 332 L474 332 C484 370 484 420 480 456 L420 458 Z")
    c.fill(bolster, across(BRASS, BRASS_LIGHT, BRASS_DARK))
    c.line(laid("M428 334 L434 456"), 3, BRASS_DARK, alpha=0.7, clip=bolster)
    for x, y in ((250, 398), (350, 396)):
        c.fill(turn(ellipse(x, y, 10), -34, 420, 400), down(BRASS_LIGHT, BRASS_DARK))
    c.fill(turn(ellipse(452, 394, 13), -34, 420, 400), down(STEEL_LIGHT, STEEL_DARK))
    c.fill(turn(ellipse(166, 408, 9), -34, 420, 400), INK)
    return c
