"""The form of the contact sheet, filled with what was asked for, and with the names that the key may know."""

from collections.abc import Mapping, Sequence

from adserver.creative.creative import Creative
from adserver.creative.options import Option, OptionType
from adserver.creative.preview_page import Field, Group
from adserver.creative.samples import SAMPLES
from adserver.creative.words import shared_words
from adserver.model.access import Scope, ScopeKind
from adserver.model.account import Accounts
from adserver.model.segment import Rung
from adserver.model.snapshot import Snapshot
from adserver.service.preview_wish import BECAUSE, GROUNDS, MAX_PRODUCTS, OPTION, THIS_BROWSER, Wish

MAX_HINTS = 200
"""Names that a list offers; others can still be written."""


def form_of(
    wish: Wish, creatives: Mapping[str, Creative], sizes: Sequence[str], snapshot: Snapshot | None, scope: Scope
) -> Sequence[Group]:
    """What a key does not open is left out."""
    accounts = snapshot.accounts if snapshot else Accounts()
    about = {name: sample.about for name, sample in SAMPLES.items()}
    groups = [
        Group(
            "Banners (none ticked: all, or as decided)",
            [
                Field("creative", "Creative", wish.creatives, _named(creatives), kind="checks"),
                Field("size", "Size", wish.sizes, _named(sizes), kind="checks"),
            ],
        ),
        Group(
            "Made-up content",
            [
                _choice("sample", "Content", wish.sample, about, unsaid="none, or a usual shop"),
                Field("lang", "Language", (wish.lang,), hints=sorted(shared_words())),
                Field("ground", "Page around", (wish.ground,), _named(GROUNDS)),
            ],
        ),
    ]
    if scope.kind is not ScopeKind.PUBLISHER:
        groups.append(_shop(wish, accounts, scope))
    if scope.kind is not ScopeKind.ADVERTISER:
        groups.append(_decision(wish, accounts, scope))
    groups.append(_instead(wish))
    if len(wish.creatives) == 1 and (options := creatives[wish.creatives[0]].options):
        title = f"Options of {wish.creatives[0]}"
        groups.append(Group(title, [_option(option, wish.options.get(name, "")) for name, option in options.items()]))
    return groups


def _shop(wish: Wish, accounts: Accounts, scope: Scope) -> Group:
    ids = [name for name in accounts.advertisers if scope.covers(ScopeKind.ADVERTISER, name)]
    segments = [
        name for name, segment in accounts.segments.items() if scope.covers(ScopeKind.ADVERTISER, segment.advertiser)
    ]
    products = [Field("product", "Product id", (product,)) for product in wish.products]
    return Group(
        "Products of a shop",
        [
            Field("advertiser", "Advertiser", (wish.advertiser,), hints=ids[:MAX_HINTS]),
            Field("count", "How many", (str(wish.how_many or ""),), kind="number"),
            *products,
            *([Field("product", "Product id", ("",))] if len(products) < MAX_PRODUCTS else ()),
            Field("segment", "As seen by segment", (wish.segment,), hints=[*Rung, *segments][:MAX_HINTS]),
        ],
    )


def _decision(wish: Wish, accounts: Accounts, scope: Scope) -> Group:
    ids = [name for name, found in accounts.placements.items() if scope.covers(ScopeKind.PUBLISHER, found.publisher)]
    fields = [Field("placement", "Placement", (wish.placement,), hints=ids[:MAX_HINTS])]
    if scope.kind is ScopeKind.OPERATOR:
        fields.append(Field("visitor", "Visitor (id or cookie)", (wish.visitor,), hints=[THIS_BROWSER]))
    return Group("What somebody would get", fields)


def _instead(wish: Wish) -> Group:
    return Group(
        "Instead of what is there",
        [
            _choice("because", "Shown because", wish.because, {name: name.replace("_", " ") for name in BECAUSE}),
            Field("color", "Brand colour", (wish.color,)),
            Field("offer", "Offer", (wish.offer,)),
            Field("coupon", "Coupon", (wish.coupon,)),
            Field("ends", "Ends in minutes", (str(wish.ends or ""),), kind="number"),
        ],
    )


def _option(option: Option, value: str) -> Field:
    name, label = OPTION + option.name, option.name.replace("_", " ")
    if option.type is OptionType.CHOICE:
        return _choice(name, label, value, {choice: choice for choice in option.choices}, help=option.help)
    if option.type is OptionType.YES_NO:
        return _choice(name, label, value, {"yes": "yes", "no": "no"}, help=option.help)
    return Field(name, label, (value,), help=option.help)


def _choice(
    name: str,
    label: str,
    value: str,
    choices: Mapping[str, str],
    *,
    unsaid: str = "as it is",
    help: str = "",  # noqa: A002
) -> Field:
    return Field(name, label, (value,), [("", unsaid), *choices.items()], help=help)


def _named(names: Sequence[str] | Mapping[str, object]) -> Sequence[tuple[str, str]]:
    return [(name, name) for name in names]
