"""Things to wear: boots, sunglasses, cap."""

from itertools import pairwise

from adserver.demo.pictures.canvas import Canvas, Points, across, box, down, ellipse, mirror, path, shift
from adserver.demo.pictures.palette import (
    BRASS,
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
    RUST_LIGHT,
    SAND_WALL,
    SKY_WALL,
)


def boots() -> Canvas:
    """A pair of leather hiking boots with red laces."""
    c = Canvas(*SKY_WALL)
    c.shadow(392, 676, 270, 18)
    c.shadow(540, 634, 170, 14, 0.22)
    _boot(c, 42, -22, far=True)
    _boot(c, -76, 22, far=False)
    return c


def _boot(c: Canvas, dx: float, dy: float, *, far: bool) -> None:
    def at(outline: str) -> Points:
        return shift(path(outline), dx, dy)

    light, mid, dark = (LEATHER, "#83512f", LEATHER_DARK) if far else (LEATHER_LIGHT, LEATHER, LEATHER_DARK)
    c.fill(at("M366 190 L378 132 C386 116 436 128 436 146 L436 260 L370 250 Z"), down(light, dark))
    upper = at(
        "M262 200 C266 180 284 176 306 178 L408 190 C426 192 434 206 432 226 C430 300 444 366 496 402 "
        "C548 430 632 434 674 486 C696 516 698 550 694 590 L240 590 C236 520 262 440 262 330 Z"
    )
    c.fill(upper, across(mid, light, mid))
    c.fill(at("M230 450 C296 462 330 520 336 600 L226 600 Z"), dark, clip=upper, alpha=0.7)
    c.fill(at("M578 424 C540 480 548 540 566 600 L710 600 L710 400 Z"), dark, clip=upper, alpha=0.7)
    c.fill(
        at("M434 216 C426 310 446 366 500 404 L448 440 C386 400 366 330 376 216 Z"),
        dark,
        clip=upper,
        alpha=0.5,
    )
    for seam in ("M578 424 C540 480 548 540 566 590", "M236 450 C296 462 330 520 336 590"):
        c.line(at(seam), 2.5, CREAM_DARK, alpha=0.7, clip=upper)
    c.line(
        at("M372 216 C362 330 382 404 446 444 C476 460 500 500 506 590"),
        2.5,
        CREAM_DARK,
        alpha=0.6,
        clip=upper,
    )
    c.fill(at("M276 250 L306 250 L310 540 L266 540 Z"), "#ffffff", alpha=0.14, blur=12, clip=upper)
    collar = at(
        "M252 204 C246 172 274 160 308 164 L412 176 C444 180 446 220 414 222 L298 210 C276 208 258 222 252 204 Z"
    )
    c.fill(collar, down(RUST_LIGHT, RUST, RUST_DARK))
    _laces(c, dx, dy, bow=not far)
    c.line(at("M258 188 C230 174 230 228 258 232"), 9, RUST_DARK)
    c.fill(
        at("M230 572 L696 572 C702 588 702 598 698 606 L228 606 C224 594 226 582 230 572 Z"),
        down(CREAM, CREAM_SHADE),
    )
    sole = at(
        "M226 600 L700 600 C706 624 700 644 686 648 L534 648 L520 634 L408 634 L394 654 L240 654 "
        "C226 646 222 620 226 600 Z"
    )
    c.fill(sole, down("#45484a", INK))
    for x in (*range(248, 384, 26), *range(540, 684, 26)):
        c.fill(shift(box(x, 634, x + 12, 660, 3), dx, dy), INK)


def _laces(c: Canvas, dx: float, dy: float, *, bow: bool) -> None:
    eyes = [
        ((380 + dx, 250 + dy), (436 + dx, 240 + dy)),
        ((382 + dx, 292 + dy), (442 + dx, 284 + dy)),
        ((392 + dx, 334 + dy), (458 + dx, 328 + dy)),
        ((414 + dx, 374 + dy), (482 + dx, 368 + dy)),
        ((444 + dx, 408 + dy), (514 + dx, 398 + dy)),
    ]
    for (a, b), (e, f) in pairwise(eyes):
        c.line([a, f], 7, RUST_DARK)
        c.line([b, e], 7, RUST)
    for a, b in eyes:
        c.line([a, b], 8, RUST_LIGHT)
        for eye in (a, b):
            c.fill(ellipse(*eye, 9), BRASS)
            c.fill(ellipse(*eye, 4.5), BRASS_LIGHT)
    if bow:
        knot = (408 + dx, 246 + dy)
        for outline in (
            "M0 0 C-60 -40 -96 24 -40 40 C-10 44 0 20 0 0",
            "M0 0 C50 -56 112 -14 66 22 C36 38 10 22 0 0",
            "M0 0 C-14 50 -40 60 -52 96",
            "M0 0 C24 40 60 50 62 92",
        ):
            c.line(shift(path(outline), *knot), 6.5, RUST)
        c.fill(ellipse(*knot, 10), RUST_DARK)


def sunglasses() -> Canvas:
    """Tortoiseshell frames with dark amber lenses."""
    c = Canvas(*ROSE_WALL)
    c.shadow(400, 560, 250, 20, 0.24)
    temple = path("M126 368 C138 304 172 268 232 252 C262 245 286 250 292 270")
    for side in (temple, mirror(temple)):
        c.line(side, 19, LEATHER_DARK)
        c.line(shift(side, 0, -4), 5, LEATHER_LIGHT, alpha=0.6)
    frame = path(
        "M104 372 C104 344 128 336 170 334 C240 330 330 332 362 350 C384 362 388 392 382 428 "
        "C372 500 326 548 258 548 C172 548 128 494 120 420 L112 410 C104 400 104 390 104 372 Z"
    )
    lens = path(
        "M146 382 C150 366 176 362 206 360 C260 358 322 360 342 372 C358 382 356 404 352 428 "
        "C344 482 310 520 256 520 C190 520 152 474 146 382 Z"
    )
    c.line(path("M372 396 C386 366 414 366 428 396"), 24, "#6b3d20")
    for outline, glass in ((frame, lens), (mirror(frame), mirror(lens))):
        c.fill(outline, down("#a9683a", "#7a4524", "#57301a"))
        _tortoise(c, outline)
        c.fill(glass, down("#3a2a22", "#7a4a24", "#d08a3e"))
    for start in (0, 338):
        glass = lens if not start else mirror(lens)
        c.fill(
            path(f"M{190 + start} 350 L{250 + start} 350 L{190 + start} 530 L{130 + start} 530 Z"),
            "#ffffff",
            alpha=0.16,
            clip=glass,
        )
        c.fill(
            path(f"M{268 + start} 350 L{284 + start} 350 L{224 + start} 530 L{208 + start} 530 Z"),
            "#ffffff",
            alpha=0.16,
            clip=glass,
        )
    c.line(path("M124 348 C200 336 320 338 362 354"), 5, "#d89a66", alpha=0.8)
    c.line(mirror(path("M124 348 C200 336 320 338 362 354")), 5, "#d89a66", alpha=0.8)
    for x in (120, 680):
        c.fill(ellipse(x, 372, 6, 9), BRASS_LIGHT)
    return c


def _tortoise(c: Canvas, outline: Points) -> None:
    left = min(x for x, _ in outline)
    for dx, y, rx, ry in (
        (30, 470, 26, 14),
        (70, 352, 30, 10),
        (150, 350, 26, 9),
        (232, 356, 24, 11),
        (268, 440, 14, 22),
        (120, 536, 34, 12),
        (210, 528, 26, 14),
        (22, 410, 14, 18),
    ):
        c.fill(ellipse(left + dx, y, rx, ry), "#3d2011", alpha=0.55, blur=4, clip=outline)
        c.fill(ellipse(left + dx + 26, y + 4, rx / 2, ry / 2), "#d99a55", alpha=0.5, blur=4, clip=outline)


def cap() -> Canvas:
    """A five-panel cap, mustard in front and navy behind."""
    c = Canvas(*SAND_WALL)
    c.shadow(430, 586, 290, 18)
    crown = path("M150 512 C128 330 226 214 372 206 C520 202 604 300 612 498 C560 540 240 560 150 512 Z")
    c.fill(crown, across(NAVY_DARK, NAVY, NAVY_LIGHT))
    front = path("M372 206 C520 202 604 300 612 498 C560 520 480 530 404 532 C440 420 430 300 372 206 Z")
    c.fill(front, across(MUSTARD_DARK, MUSTARD, MUSTARD_LIGHT))
    c.line(path("M372 206 C430 300 440 420 404 532"), 3, CREAM_SHADE, alpha=0.7, clip=crown)
    c.line(path("M366 208 C300 290 262 400 270 534"), 3, NAVY_LIGHT, clip=crown)
    c.fill(
        path("M150 440 C300 520 480 510 620 440 L620 560 L150 560 Z"),
        NAVY_DARK,
        alpha=0.35,
        blur=18,
        clip=crown,
    )
    c.fill(path("M150 512 C240 558 420 560 612 498 L612 474 C440 530 240 530 148 484 Z"), NAVY_DARK, clip=crown)
    c.fill(ellipse(372, 206, 20, 10), down(RUST_LIGHT, RUST_DARK))
    for x, y in ((300, 300), (238, 372)):
        c.fill(ellipse(x, y, 8), NAVY_DARK)
        c.fill(ellipse(x, y, 4), BRASS)
    patch = path("M456 332 L548 324 C562 356 570 390 572 420 L468 430 C468 396 464 362 456 332 Z")
    c.fill(patch, down(CREAM, CREAM_SHADE))
    c.fill(path("M472 418 L508 362 L526 388 L540 372 L564 410 Z"), NAVY)
    c.fill(ellipse(486, 358, 9), RUST)
    c.fill(path("M396 540 C470 560 620 560 756 580 L620 530 L420 520 Z"), INK, alpha=0.3, blur=8, clip=crown)
    brim = path(
        "M398 540 C470 536 560 520 612 486 C676 490 746 522 768 566 C774 582 764 590 750 586 "
        "C640 556 520 566 430 588 C406 582 392 560 398 540 Z"
    )
    c.fill(brim, down(RUST_LIGHT, RUST, RUST_DARK))
    for outline in ("M418 562 C510 544 600 528 664 512", "M430 574 C540 548 640 544 724 552"):
        c.line(path(outline), 2.5, CREAM, alpha=0.5, clip=brim)
    c.line(path("M430 586 C520 564 640 554 752 584"), 7, RUST_DARK, clip=brim)
    c.fill(path("M250 300 C280 250 330 232 356 232 C320 256 290 290 276 330 Z"), "#ffffff", alpha=0.12, blur=6)
    return c
