"""The newspaper's pictures: a harbour at dawn, a bench at the pier."""

from adserver.demo.pictures.canvas import SIZE, Canvas, across, box, down, ellipse, path
from adserver.demo.pictures.palette import (
    CREAM,
    CREAM_SHADE,
    INK,
    LEATHER,
    LEATHER_DARK,
    MUSTARD_LIGHT,
    NAVY,
    NAVY_DARK,
    NAVY_LIGHT,
    RUST,
    RUST_DARK,
    RUST_LIGHT,
    SKY_WALL,
)

_BOARD = box(0, 0, SIZE, SIZE)


def harbour() -> Canvas:
    """A lighthouse on its headland, a ferry coming in; the middle two thirds are what a front page shows."""
    c = Canvas(*SKY_WALL)
    c.fill(_BOARD, down("#7fa3b8", "#a9c3c9", "#f0d9bd", "#f3c9a0"))
    c.fill(ellipse(286, 440, 150), "#fff1cf", alpha=0.7, blur=40)
    c.fill(ellipse(286, 440, 54), "#fff4d6")
    for x, y, wide in ((120, 230, 150), (420, 190, 200), (90, 300, 110), (560, 280, 170)):
        c.fill(box(x, y, x + wide, y + 14, 7), "#ffffff", alpha=0.45, blur=4)
        c.fill(box(x + 30, y - 12, x + wide - 26, y + 4, 8), "#ffffff", alpha=0.35, blur=4)
    outline = path("M0 470 C120 400 220 430 330 452 C430 470 470 440 560 452 L800 470 L800 520 L0 520 Z")
    c.fill(outline, "#93aab2")
    c.fill(path("M0 486 C100 450 180 470 260 484 L420 492 L800 490 L800 520 L0 520 Z"), "#6f8b98")
    c.fill(box(0, 492, SIZE, SIZE), down("#b8b9ad", "#6e8fa0", NAVY_LIGHT, NAVY))
    for step in range(9):
        half = 66 - step * 4
        glitter = box(286 - half, 502 + step * 13, 286 + half, 507 + step * 13, 3)
        c.fill(glitter, "#fff1cf", alpha=0.55 - step * 0.04)
    _ferry(c)
    _headland(c)
    for x, y in ((150, 340), (196, 318), (236, 352), (470, 330)):
        wings = path(f"M{x - 16} {y - 4} Q{x - 8} {y - 12} {x} {y} Q{x + 8} {y - 12} {x + 16} {y - 4}")
        c.line(wings, 3, NAVY_DARK)
    return c


def _ferry(c: Canvas) -> None:
    c.fill(path("M150 556 L470 556 L446 604 L182 604 Z"), down(NAVY, NAVY_DARK))
    c.fill(box(150, 552, 470, 560, 3), CREAM)
    c.fill(box(196, 514, 420, 554, 6), down("#fffaf0", CREAM_SHADE))
    c.fill(box(228, 484, 380, 516, 6), down("#fffaf0", CREAM_SHADE))
    for x in range(212, 410, 26):
        c.fill(box(x, 526, x + 14, 542, 3), NAVY_LIGHT)
    for x in range(242, 372, 24):
        c.fill(box(x, 494, x + 14, 506, 3), NAVY_LIGHT)
    c.fill(path("M290 442 L330 442 L336 486 L284 486 Z"), across(RUST_LIGHT, RUST_DARK))
    c.fill(box(287, 452, 333, 462), CREAM)
    outline = path("M300 440 C280 400 350 400 320 360 C360 330 330 310 380 300 C350 340 390 370 340 400 Z")
    c.fill(outline, "#ffffff", alpha=0.4, blur=8)
    outline = path("M140 606 C220 594 420 594 490 606 C420 616 220 618 140 606 Z")
    c.fill(outline, "#ffffff", alpha=0.6, blur=2)


def _headland(c: Canvas) -> None:
    outline = path("M800 420 C740 430 690 470 640 480 C590 494 560 540 520 560 C500 580 560 600 800 610 Z")
    c.fill(outline, down("#55705a", "#3c5346"))
    outline = path("M520 560 C500 580 560 600 800 612 L800 640 C700 640 540 620 506 580 Z")
    c.fill(outline, LEATHER_DARK, alpha=0.8)
    tower = path("M656 236 L712 236 L728 486 L640 486 Z")
    c.fill(tower, across("#fffaf0", CREAM, "#cdbf9f"))
    for top in (276, 356, 436):
        c.fill(box(630, top, 740, top + 36), across(RUST_LIGHT, RUST, RUST_DARK), clip=tower)
    c.fill(box(644, 226, 724, 240, 4), INK)
    c.fill(box(662, 188, 706, 228, 4), down(MUSTARD_LIGHT, "#fff4d6"))
    c.fill(path("M652 190 L684 152 L716 190 Z"), down(RUST, RUST_DARK))
    c.fill(path("M736 440 L800 440 L800 500 L736 500 Z"), down("#fffaf0", CREAM_SHADE))
    c.fill(path("M724 442 L756 402 L800 402 L800 442 Z"), RUST_DARK)
    c.fill(box(756, 458, 776, 482, 2), NAVY)


def bakery() -> Canvas:
    """A shop front with a striped awning."""
    c = Canvas(*SKY_WALL)
    c.fill(_BOARD, down("#e9d7bd", "#e2c6a3"))
    for row in range(9):
        for column in range(-1, 9):
            x, y = column * 100 + (row % 2) * 50, row * 70
            c.fill(box(x + 3, y + 3, x + 97, y + 67, 4), "#dcbf99", alpha=0.5)
    c.fill(box(0, 640, SIZE, SIZE), down("#a7a093", "#8b8579"))
    c.fill(box(80, 250, 500, 640, 6), down(NAVY, NAVY_DARK))
    c.fill(box(108, 350, 472, 560, 4), down("#ffe3a6", "#f7c877"))
    for y, places in ((470, (150, 220, 290, 360, 430)), (548, (170, 250, 330, 410))):
        c.fill(box(108, y, 472, y + 10), LEATHER_DARK)
        for x in places:
            loaf = path(f"M{x - 34} {y} C{x - 34} {y - 52} {x + 34} {y - 52} {x + 34} {y} Z")
            c.fill(loaf, down("#d79a55", LEATHER))
            for dx in (-12, 4, 20):
                c.line(path(f"M{x + dx - 6} {y - 14} L{x + dx} {y - 30}"), 4, "#f3cf96")
    c.fill(path("M108 350 L220 350 L108 500 Z"), "#ffffff", alpha=0.18)
    c.fill(box(540, 270, 700, 640, 6), down(RUST, RUST_DARK))
    c.fill(box(566, 300, 674, 480, 4), down("#ffe3a6", "#f7c877"))
    c.fill(ellipse(674, 540, 9), MUSTARD_LIGHT)
    c.fill(box(592, 370, 648, 404, 5), CREAM)
    for stripe in range(10):
        left = 60 + stripe * 68
        top = left + 14 - stripe * 3
        colour = CREAM if stripe % 2 else RUST
        c.fill(path(f"M{top} 200 L{top + 68} 200 L{left + 68} 300 L{left} 300 Z"), colour)
        c.fill(path(f"M{left} 300 L{left + 68} 300 C{left + 68} 340 {left} 340 {left} 300 Z"), colour)
    c.fill(box(60, 292, 740, 308), INK, alpha=0.12, blur=5)
    c.fill(box(60, 336, 740, 372), INK, alpha=0.16, blur=10)
    return c
