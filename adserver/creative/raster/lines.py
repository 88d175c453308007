"""Text broken into the lines of a box."""

from collections.abc import Callable

from adserver.creative.raster.readable import clusters, hyphenations, words

Width = Callable[[str], float]

ELLIPSIS = "…"
SOFT_HYPHEN = "\u00ad"


def lines(text: str, room: float, most: int, width: Width) -> list[str]:
    """At most ``most`` lines, none wider than ``room`` by ``width``; what is left out is told by an ellipsis. A word
    that is longer than a line is parted with a hyphen, or anywhere."""
    made: list[str] = []
    rest = words(text)
    while rest and len(made) < most:
        line, rest = _line(rest, room, width)
        made.append(line)
    if rest and made:
        made[-1] = shortened(made[-1], room, width)
    return [line.replace(SOFT_HYPHEN, "") for line in made]


def shortened(text: str, room: float, width: Width) -> str:
    """``text`` with an ellipsis at the end, as long as fits; empty where not even that does."""
    units = clusters(text.replace(SOFT_HYPHEN, ""))
    least, most = 0, len(units)
    while least < most:
        middle = (least + most + 1) // 2
        if width("".join(units[:middle]).rstrip() + ELLIPSIS) <= room:
            least = middle
        else:
            most = middle - 1
    return "".join(units[:least]).rstrip(" ,;:-–/") + ELLIPSIS


def _line(rest: list[str], room: float, width: Width) -> tuple[str, list[str]]:
    """The first line, and what is left."""
    line = ""
    used = 0.0
    for number, word in enumerate(rest):
        wide = width(word.rstrip(" "))
        if used + wide <= room:
            line += word
            used += wide if not word.endswith(" ") else width(word)
            continue
        if wide <= room and line:
            return line.rstrip(), rest[number:]
        head, tail = _parted(word, room - used, width, whole_line=not line)
        if head:
            return (line + head).rstrip(), [tail, *rest[number + 1 :]]
        return line.rstrip(), rest[number:]
    return line.rstrip(), []


def _parted(word: str, room: float, width: Width, *, whole_line: bool) -> tuple[str, str]:
    """A word that is longer than any line: by a hyphen, else, where it has a line of its own, anywhere."""
    for place in sorted(hyphenations(word), reverse=True):
        head = word[:place] + "-"
        if width(head) <= room:
            return head, word[place:]
    if not whole_line:
        return "", word
    units = clusters(word)
    taken = 1
    while taken < len(units) and width("".join(units[: taken + 1])) <= room:
        taken += 1
    return "".join(units[:taken]), "".join(units[taken:])
