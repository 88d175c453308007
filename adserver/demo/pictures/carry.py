"""Things to carry: rucksack, map case, wool blanket."""

from adserver.demo.pictures.canvas import Canvas, Points, across, box, down, ellipse, mirror, path
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
    NAVY,
    PINE,
    PINE_DARK,
    PINE_LIGHT,
    ROSE_WALL,
    RUST,
    RUST_DARK,
    RUST_LIGHT,
    SAGE_WALL,
    SAND_WALL,
    STEEL_LIGHT,
)


def rucksack() -> Canvas:
    """A pine-green daypack with leather straps and a rust bedroll."""
    c = Canvas(*SAND_WALL)
    c.shadow(400, 704, 215, 20)
    c.line(path("M356 190 C352 104 448 104 444 190"), 15, LEATHER_DARK)
    strap = path("M262 290 C205 370 200 500 246 606")
    for side in (strap, mirror(strap)):
        c.line(side, 26, PINE_DARK)
    pocket = path("M262 452 C222 458 210 490 214 540 L222 604 C226 628 244 634 268 634 Z")
    for side in (pocket, mirror(pocket)):
        c.fill(side, down(PINE, PINE_DARK))
    body = path(
        "M268 300 C268 200 318 166 400 166 C482 166 532 200 532 300 L548 586 C548 626 524 644 492 644 "
        "L308 644 C276 644 252 626 252 586 Z"
    )
    c.fill(body, across(PINE_LIGHT, PINE, PINE_DARK))
    _bedroll(c)
    front = box(300, 452, 500, 622, 30)
    c.fill(box(296, 452, 504, 634, 30), PINE_DARK, alpha=0.5, blur=6, clip=body)
    c.fill(front, across(PINE_LIGHT, PINE))
    c.fill(path("M300 452 L500 452 L500 500 C470 520 330 520 300 500 Z"), PINE_DARK, alpha=0.45, clip=front)
    lid = path(
        "M258 306 C256 192 312 152 400 152 C488 152 544 192 542 306 L544 376 C544 400 528 408 504 408 "
        "L296 408 C272 408 256 400 256 376 Z"
    )
    c.fill(path("M258 380 L542 380 L538 436 L262 436 Z"), INK, alpha=0.4, blur=8, clip=body)
    c.fill(lid, across("#557f6c", PINE_LIGHT, PINE))
    c.fill(path("M256 340 L544 340 L544 410 L256 410 Z"), PINE_DARK, alpha=0.25, blur=14, clip=lid)
    c.line(path("M284 386 L516 386"), 2.5, CREAM_DARK, alpha=0.5)
    for x in (318, 456):
        _buckled_strap(c, x)
    patch = box(362, 262, 438, 322, 8)
    c.fill(patch, down(LEATHER_LIGHT, LEATHER))
    c.fill(path("M372 312 L392 280 L404 298 L412 288 L428 312 Z"), CREAM)
    return c


def _bedroll(c: Canvas) -> None:
    roll = box(216, 632, 584, 708, 38)
    c.fill(roll, down(RUST_LIGHT, RUST, RUST_DARK))
    for x in (248, 552):
        c.line(path(f"M{x} 636 L{x} 704"), 7, RUST_DARK, alpha=0.35, clip=roll)
    for x in (318, 456):
        c.fill(box(x, 630, x + 26, 710, 5), across(LEATHER_LIGHT, LEATHER, LEATHER_DARK))


def _buckled_strap(c: Canvas, x: float) -> None:
    c.fill(box(x + 3, 250, x + 29, 480, 8), INK, alpha=0.25, blur=4)
    c.fill(box(x, 240, x + 26, 476, 8), across(LEATHER_LIGHT, LEATHER, LEATHER_DARK))
    c.fill(box(x - 6, 418, x + 32, 452, 7), down(BRASS_LIGHT, BRASS, BRASS_DARK))
    c.fill(box(x + 2, 426, x + 24, 444, 4), LEATHER_DARK)
    c.line(path(f"M{x + 13} 420 L{x + 13} 450"), 4, BRASS_LIGHT)


def map_case() -> Canvas:
    """Waxed canvas around a map of an island, with a compass on a cord."""
    c = Canvas(*SAGE_WALL)
    c.shadow(400, 686, 210, 18)
    c.line(path("M262 236 C250 52 550 52 538 236"), 20, LEATHER_DARK)
    body = box(212, 200, 588, 682, 26)
    c.fill(body, across("#8a8a5c", "#7b7b50", "#62633f"))
    c.line(path("M226 216 L226 668"), 2.5, CREAM_DARK, alpha=0.5)
    c.line(path("M574 216 L574 668"), 2.5, CREAM_DARK, alpha=0.5)
    window = box(252, 306, 548, 642, 12)
    c.fill(box(246, 300, 554, 648, 16), LEATHER_DARK, alpha=0.55)
    _map(c, window)
    c.fill(path("M252 306 L372 306 L252 520 Z"), "#ffffff", alpha=0.22, clip=window)
    flap = path("M204 208 C204 188 216 180 236 180 L564 180 C584 180 596 188 596 208 L596 262 L204 262 Z")
    c.fill(box(206, 250, 594, 284, 8), INK, alpha=0.35, blur=6, clip=body)
    c.fill(flap, down(LEATHER_LIGHT, LEATHER, LEATHER_DARK))
    c.line(path("M222 248 L578 248"), 2.5, CREAM_SHADE, alpha=0.6)
    for x in (270, 400, 530):
        c.fill(ellipse(x, 220, 13), down(BRASS_LIGHT, BRASS_DARK))
        c.fill(ellipse(x, 219, 7), BRASS_LIGHT)
    _compass(c, 560, 596)
    return c


def _map(c: Canvas, window: Points) -> None:
    c.fill(window, down("#cfe3e4", "#b5d2d6"))
    island = path(
        "M300 340 C360 300 470 316 500 372 C540 430 500 470 512 530 C520 600 430 640 360 612 "
        "C300 600 270 560 296 500 C312 460 262 400 300 340 Z"
    )
    c.line(island, 9, "#ffffff", alpha=0.6, clip=window)
    c.fill(island, "#f3ecd2", clip=window)
    c.fill(
        path("M330 360 C380 330 440 350 450 400 C450 450 380 470 350 440 C320 420 310 380 330 360 Z"),
        "#cdd9a8",
    )
    for grow in (0, 14, 28, 40):
        ring = ellipse(398, 400, 58 - grow, 44 - grow * 0.8)
        c.line([*ring, ring[0]], 2, "#a08d5c", alpha=0.8)
    for grow in (0, 14, 26):
        ring = ellipse(424, 540, 52 - grow, 40 - grow)
        c.line([*ring, ring[0]], 2, "#a08d5c", alpha=0.8)
    c.line(path("M470 372 C460 450 480 480 462 620"), 4, "#7fb2bd", clip=island)
    trail = path("M322 572 C330 500 360 500 372 470 C390 430 430 470 450 430")
    for start in range(0, len(trail) - 4, 6):
        c.line(trail[start : start + 4], 5, RUST)
    c.fill(ellipse(322, 574, 9), RUST)
    c.line(path("M441 400 L461 420"), 6, RUST)
    c.line(path("M461 400 L441 420"), 6, RUST)
    for x in (326, 400, 474):
        c.line(path(f"M{x} 306 L{x} 642"), 2, "#7d8f86", alpha=0.3)
    for y in (390, 474, 558):
        c.line(path(f"M252 {y} L548 {y}"), 2, "#7d8f86", alpha=0.3)


def _compass(c: Canvas, x: float, y: float) -> None:
    c.line(path(f"M532 262 C530 380 600 420 {x} {y - 66}"), 5, RUST)
    c.fill(ellipse(x + 6, y + 10, 72), INK, alpha=0.35, blur=8)
    c.fill(ellipse(x, y - 70, 13), BRASS_DARK)
    c.fill(ellipse(x, y, 70), down(BRASS_LIGHT, BRASS, BRASS_DARK))
    c.fill(ellipse(x, y, 56), down(CREAM, CREAM_SHADE))
    for dx, dy in ((0, -47), (47, 0), (0, 47), (-47, 0)):
        c.fill(ellipse(x + dx, y + dy, 4), INK)
    c.fill([(x + 24, y - 34), (x + 9, y + 7), (x - 9, y - 7)], RUST)
    c.fill([(x - 24, y + 34), (x + 9, y + 7), (x - 9, y - 7)], NAVY)
    c.fill(ellipse(x, y, 6), BRASS_DARK)
    c.fill(
        path(f"M{x - 46} {y - 20} Q{x - 30} {y - 50} {x + 4} {y - 52} Q{x - 26} {y - 34} {x - 46} {y - 20} Z"),
        STEEL_LIGHT,
        alpha=0.7,
    )


_STRIPES = (
    (0.10, 0.17, NAVY),
    (0.20, 0.225, RUST),
    (0.44, 0.56, MUSTARD),
    (0.40, 0.42, RUST),
    (0.58, 0.60, RUST),
    (0.775, 0.80, RUST),
    (0.83, 0.90, NAVY),
)


def blanket() -> Canvas:
    """A folded throw of cream wool, striped and fringed."""
    c = Canvas(*ROSE_WALL)
    c.shadow(400, 660, 260, 20)
    for layer, (left, right) in enumerate(((168, 632), (176, 626), (170, 634))):
        top = 588 - 76 * layer
        fold = box(left, top, right, top + 76, 36)
        c.fill(fold, down(CREAM, CREAM_SHADE, CREAM_DARK))
        for start, end, colour in _STRIPES:
            x1, x2 = left + (right - left) * start, left + (right - left) * end
            c.fill(box(x1, top, x2, top + 76), colour, clip=fold, alpha=0.9)
        c.fill(box(left, top + 50, right, top + 80), LEATHER_DARK, clip=fold, alpha=0.28, blur=8)
    face = path(
        "M262 268 C300 256 500 256 538 268 L636 412 C640 430 620 436 600 436 L200 436 C180 436 160 430 164 412 Z"
    )
    c.fill(face, down(CREAM_SHADE, CREAM))
    for start, end, colour in _STRIPES:
        near = [164 + 472 * share for share in (start, end)]
        far = [262 + 276 * share for share in (start, end)]
        c.fill([(far[0], 250), (far[1], 250), (near[1], 436), (near[0], 436)], colour, clip=face, alpha=0.9)
    _drape(c)
    return c


def _drape(c: Canvas) -> None:
    """The end that hangs over the front, with its fringe."""
    c.fill(box(178, 430, 634, 522, 10), INK, alpha=0.3, blur=8, clip=box(172, 430, 630, 664, 30))
    front = path("M164 408 C280 400 520 400 636 408 L632 494 L168 494 Z")
    c.fill(front, down("#fffaf0", CREAM, CREAM_SHADE))
    for start, end, colour in _STRIPES:
        c.fill(box(164 + 472 * start, 400, 164 + 472 * end, 500), colour, clip=front)
    c.fill(box(160, 398, 640, 424), "#ffffff", alpha=0.35, blur=7, clip=front)
    c.fill(box(160, 458, 640, 500), LEATHER_DARK, alpha=0.16, blur=12, clip=front)
    for step in range(33):
        x = 176 + step * 14
        lean = (step * 7) % 5 - 2
        c.line([(x, 490), (x + lean, 530)], 7, down(CREAM, CREAM_DARK))
        c.fill(ellipse(x, 498, 5.5), CREAM_SHADE)
