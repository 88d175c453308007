"""Things for the camp: lantern, tent, stove."""

from adserver.demo.pictures.canvas import Canvas, Points, across, box, down, ellipse, mirror, path
from adserver.demo.pictures.palette import (
    BRASS,
    BRASS_DARK,
    BRASS_LIGHT,
    CREAM,
    CREAM_SHADE,
    INK,
    LEATHER_DARK,
    MUSTARD,
    MUSTARD_DARK,
    MUSTARD_LIGHT,
    NAVY,
    NAVY_DARK,
    NAVY_LIGHT,
    PINE,
    PINE_LIGHT,
    RUST,
    RUST_DARK,
    RUST_LIGHT,
    SAGE_WALL,
    SAND_WALL,
    SKY_WALL,
    STEEL,
    STEEL_DARK,
    STEEL_LIGHT,
)


def lantern() -> Canvas:
    """A storm lantern in rust enamel, lit."""
    c = Canvas(*SKY_WALL)
    c.shadow(400, 690, 180, 18)
    c.fill(ellipse(400, 410, 190), "#ffd98a", alpha=0.55, blur=46)
    c.line(path("M276 360 C250 60 550 60 524 360"), 9, STEEL_DARK)
    tube = path("M306 600 L284 566 L284 310 C284 262 320 246 362 246")
    for side in (tube, mirror(tube)):
        c.line(side, 22, RUST_DARK)
        c.line([(x - 4, y) for x, y in side], 6, RUST_LIGHT)
    glass = path("M346 286 C296 340 296 440 350 508 L450 508 C504 440 504 340 454 286 Z")
    c.fill(glass, down("#fff3cf", "#ffdf93", "#f9c765"))
    c.fill(ellipse(400, 430, 62, 80), "#fff6d8", alpha=0.9, blur=18, clip=glass)
    c.fill(path("M400 350 C440 405 446 450 400 484 C354 450 360 405 400 350 Z"), down(MUSTARD, "#f08a3c", RUST))
    c.fill(path("M400 404 C422 436 424 460 400 480 C376 460 378 436 400 404 Z"), "#fff0b8")
    c.fill(path("M328 340 C314 390 320 440 338 470 C330 420 332 380 346 336 Z"), "#ffffff", alpha=0.7)
    for line in (
        "M352 290 C318 340 318 450 352 506",
        "M448 290 C482 340 482 450 448 506",
        "M312 398 L488 398",
    ):
        c.line(path(line), 5, STEEL_DARK, alpha=0.85)
    _chimney(c)
    c.fill(box(346, 500, 454, 540, 10), across(BRASS_LIGHT, BRASS, BRASS_DARK))
    c.line(path("M454 520 L540 520"), 7, BRASS_DARK)
    c.fill(ellipse(544, 520, 14), down(BRASS_LIGHT, BRASS_DARK))
    tank = path(
        "M318 536 L482 536 C506 536 518 552 526 584 L538 640 C544 664 530 670 510 670 L290 670 "
        "C270 670 256 664 262 640 L274 584 C282 552 294 536 318 536 Z"
    )
    c.fill(tank, across(RUST_DARK, RUST_LIGHT, RUST, RUST_DARK))
    c.fill(box(260, 600, 540, 612), RUST_DARK, alpha=0.45, clip=tank)
    c.fill(box(248, 662, 552, 692, 12), across(RUST_DARK, RUST, RUST_DARK))
    c.fill(box(452, 548, 490, 566, 6), down(BRASS_LIGHT, BRASS_DARK))
    return c


def _chimney(c: Canvas) -> None:
    hood = path("M358 190 L442 190 L472 292 L328 292 Z")
    c.fill(hood, across(RUST_DARK, RUST_LIGHT, RUST, RUST_DARK))
    for x in (364, 388, 412, 436):
        c.fill(ellipse(x, 258, 7, 11), INK, alpha=0.7)
    c.fill(box(318, 282, 482, 300, 8), across(STEEL_DARK, STEEL_LIGHT, STEEL_DARK))
    c.fill(path("M340 196 C340 160 460 160 460 196 Z"), across(RUST_DARK, RUST_LIGHT, RUST_DARK))
    c.fill(ellipse(400, 160, 12), STEEL_DARK)


def tent() -> Canvas:
    """A ridge tent for two, open in the evening."""
    c = Canvas(*SAGE_WALL)
    c.shadow(420, 634, 320, 16, 0.26)
    for line in ("M322 208 L92 630", "M586 262 L738 612", "M322 208 L168 640"):
        c.line(path(line), 3, CREAM, alpha=0.95)
    side = path("M322 214 C410 252 500 262 588 266 C624 380 660 480 706 596 L508 634 Z")
    c.fill(side, across(RUST_LIGHT, RUST, RUST_DARK))
    c.fill(
        path("M588 266 C624 380 660 480 706 596 L650 606 C626 490 604 380 560 264 Z"),
        RUST_DARK,
        alpha=0.5,
        clip=side,
    )
    c.line(path("M420 249 C480 380 530 500 580 622"), 3, RUST_DARK, alpha=0.6)
    front = path("M322 214 C270 370 210 510 136 634 L508 634 C440 500 380 370 322 214 Z")
    c.fill(front, down(MUSTARD_LIGHT, MUSTARD))
    c.fill(
        path("M322 214 C380 370 440 500 508 634 L470 634 C408 500 356 370 318 226 Z"),
        MUSTARD_DARK,
        alpha=0.4,
        clip=front,
    )
    door = path("M322 300 C300 420 268 530 232 634 L412 634 C376 530 344 420 322 300 Z")
    c.fill(door, down(LEATHER_DARK, "#3b2a22"))
    c.fill(ellipse(322, 600, 74, 46), "#f6c56a", alpha=0.65, blur=22, clip=door)
    c.fill(box(248, 606, 396, 640, 14), down(PINE_LIGHT, PINE), clip=door)
    c.fill(
        path("M322 300 C300 420 268 530 232 634 L210 634 C230 560 262 520 264 470 C272 420 304 380 322 300 Z"),
        down(CREAM, CREAM_SHADE),
    )
    c.fill(
        path("M322 300 C344 420 376 530 412 634 L436 634 C414 560 384 520 380 470 C372 420 340 380 322 300 Z"),
        down(CREAM_SHADE, "#cdb893"),
    )
    for x, y in ((259, 498), (386, 498)):
        c.fill(box(x - 14, y - 5, x + 14, y + 5, 4), RUST_DARK)
    c.line(path("M322 214 L322 186"), 7, LEATHER_DARK)
    c.fill(path("M324 186 L378 200 L324 216 Z"), RUST)
    _grass(c)
    return c


def _grass(c: Canvas) -> None:
    for x, y, tall in (
        (120, 640, 24),
        (176, 646, 18),
        (470, 644, 20),
        (556, 640, 26),
        (700, 618, 24),
        (744, 622, 16),
        (90, 640, 15),
    ):
        for lean in (-9, -2, 7):
            c.line([(x, y), (x + lean, y - tall + abs(lean))], 4, PINE_LIGHT)
    for x, y in ((92, 630), (168, 640), (738, 612)):
        c.line([(x - 4, y - 8), (x + 4, y + 10)], 6, LEATHER_DARK)


def stove() -> Canvas:
    """A gas stove with a small steel pot on its flame."""
    c = Canvas(*SAND_WALL)
    c.shadow(400, 702, 170, 18)
    _pot(c)
    for x in (-1, 1):
        arm = [(400 + x * 22, 470), (400 + x * 96, 430), (400 + x * 106, 386)]
        c.line(arm, 11, STEEL_DARK)
        c.line([(px - 2, py - 2) for px, py in arm], 3, STEEL_LIGHT)
    for x in (340, 364, 388, 412, 436, 460):
        tip = 382 + abs(x - 400) / 6
        flame = path(f"M{x - 10} 438 C{x - 14} 418 {x - 2} 408 {x} {tip:.1f} C{x + 2} 408 {x + 14} 418 {x + 10} 438 Z")
        c.fill(flame, down("#9fd0ee", "#3f86c8"))
        c.fill(ellipse(x, 430, 4, 9), "#f3fbff")
    c.fill(path("M330 436 L470 436 L446 474 L354 474 Z"), across(STEEL_DARK, STEEL_LIGHT, STEEL, STEEL_DARK))
    c.fill(box(384, 470, 416, 530, 4), across(BRASS_DARK, BRASS_LIGHT, BRASS_DARK))
    c.line(path("M416 506 L500 506"), 7, STEEL_DARK)
    loop = path("M500 494 C530 484 560 492 560 506 C560 520 530 528 500 518 Z")
    c.line([*loop, loop[0]], 6, RUST)
    can = path(
        "M368 526 L432 526 C490 532 530 556 530 590 L530 676 C530 694 514 704 494 704 L306 704 "
        "C286 704 270 694 270 676 L270 590 C270 556 310 532 368 526 Z"
    )
    c.fill(can, across(NAVY_DARK, NAVY_LIGHT, NAVY, NAVY_DARK))
    c.fill(box(262, 616, 538, 672), across("#d8c8a6", CREAM, CREAM_SHADE, "#b7a57f"), clip=can)
    c.fill(path("M344 664 L384 624 L404 646 L418 632 L456 664 Z"), RUST)
    c.fill(box(266, 690, 534, 706), INK, alpha=0.4, clip=can)
    c.fill(box(356, 518, 444, 536, 7), across(STEEL_DARK, STEEL_LIGHT, STEEL_DARK))
    return c


def _pot(c: Canvas) -> None:
    for points in _steam():
        c.line(points, 11, "#ffffff", alpha=0.55, blur=4)
    pot: Points = path("M276 236 L524 236 L520 360 C518 378 506 386 488 386 L312 386 C294 386 282 378 280 360 Z")
    c.fill(pot, across(STEEL_DARK, STEEL_LIGHT, STEEL, STEEL_DARK))
    c.fill(box(270, 340, 530, 390), INK, alpha=0.22, blur=10, clip=pot)
    c.line(path("M524 268 C590 262 640 262 668 276"), 17, RUST)
    c.line(path("M524 268 L560 266"), 12, STEEL_DARK)
    c.fill(path("M284 228 C300 196 500 196 516 228 Z"), across(STEEL_DARK, STEEL_LIGHT, STEEL, STEEL_DARK))
    c.fill(box(266, 224, 534, 242, 9), across(STEEL_DARK, STEEL_LIGHT, STEEL, STEEL_DARK))
    c.fill(ellipse(400, 192, 17, 14), down(RUST_LIGHT, RUST_DARK))


def _steam() -> list[Points]:
    return [
        path("M340 180 C320 150 360 140 342 104"),
        path("M456 176 C436 146 478 132 458 96"),
    ]
