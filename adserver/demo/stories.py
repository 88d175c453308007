"""Invented, harmless news of an invented town."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One article of the front page."""

    section: str
    headline: str
    byline: str
    text: tuple[str, ...]
    teaser: str = ""


LEAD = Story(
    section="Town",
    headline="First ferry in nine years docks to a brass band and a great deal of cake",
    byline="By Maren Holt, harbour correspondent",
    teaser="The ‘Island Queen’ is back on the morning crossing. Half the town got up to see it.",
    text=(
        "She came round the lighthouse at ten to seven, four minutes early, which the harbour "
        "master called “showing off” and the crowd on the north pier called worth getting up for.",
        "The ferry had not crossed since the old slipway closed. The new one, built over two "
        "winters by the town’s own yard, is three metres wider and, in the words of foreman Pia "
        "Lund, “boring in every way a slipway should be”. The first car ashore was a bakery van. It "
        "had been ordered.",
        "Crossings run five times a day until the end of October. Bicycles travel free, dogs pay a "
        "biscuit, and the kiosk on the upper deck promises coffee that can be told apart from the "
        "sea.",
        "Mayor Anselm Reyes kept his speech to forty seconds. “You can all see the boat,” he said, "
        "and cut the ribbon with a bread knife, the scissors having been left on the other side.",
    ),
)

SECOND = Story(
    section="Food",
    headline="The bakery on Quay Street wins its argument with the seagulls",
    byline="By Tomas Brandt",
    teaser="A striped awning, a wooden owl and, in the end, a door that closes.",
    text=(
        "After a summer in which eleven loaves left the shop without being paid for, Ines Moreau "
        "has found what works. “Not the owl,” she says. “They sat on the owl.”",
    ),
)

COLUMNS: tuple[Story, ...] = (
    Story(
        section="Outdoors",
        headline="Coastal path reopens as far as the second bench",
        byline="By Lotte Sand",
        text=(
            "Volunteers have cleared the brambles from the cliff walk and put back the handrail. The "
            "view is where it was. Stout shoes are advised, and a flask.",
        ),
    ),
    Story(
        section="Culture",
        headline="Library lends out its thousandth umbrella",
        byline="By Per Okafor",
        text=(
            "What began as a box by the door is now the busiest shelf in the building. Nine in ten come "
            "back, and some with a new button.",
        ),
    ),
    Story(
        section="Weather",
        headline="A dry weekend, says the woman who has been right since March",
        byline="By the weather desk",
        text=(
            "Light wind from the west, mist until breakfast, sun on the south side of everything. The "
            "nights turn cold: bring a blanket to the open-air cinema.",
        ),
    ),
)

BRIEFS: tuple[tuple[str, str], ...] = (
    ("07:40", "Lighthouse to be painted in its old colours, committee finally agrees which"),
    ("08:15", "School orchestra seeks a second tuba, or a very patient first one"),
    ("09:05", "Swimming club counts 61 at the dawn dip, one of them by accident"),
    ("10:20", "Clock on the town hall is right again after a helpful shove"),
    ("11:30", "Allotment prize goes to a pumpkin that needed two wheelbarrows"),
)

LETTERS: tuple[tuple[str, str], ...] = (
    (
        "“Your tide table was right again on Tuesday. I mention it because I had told everyone it would not be.”",
        "H. Aldous, Pilot Lane",
    ),
    (
        "“To whoever returned my left glove to the bench: the right one sends its thanks.”",
        "A reader, Upper Town",
    ),
)
