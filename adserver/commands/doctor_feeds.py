"""The feeds, as ``adserver doctor`` sees them: failing, held back, too old, or in order."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from adserver.commands.feed_report import accept_command, counted
from adserver.commands.finding import Finding, Level
from adserver.model.account import span
from adserver.model.feed_import import FeedImport, Outcome
from adserver.model.source import shown_source
from adserver.storage.sql.feeds import FeedState


def feed_findings(state: FeedState, now: datetime) -> Iterator[Finding]:
    """What is to be said about one feed."""
    name, last = state.advertiser.id, state.last
    if last is not None and not last.outcome.is_good:
        yield _trouble(state, last)
    elif state.in_use is None:
        by_itself = state.feed is not None and state.feed.every_s
        remedy = "The server does so by itself." if by_itself else f"Import it: adserver feed import {name}"
        yield Finding(Level.NOTE, f"The feed of {name} was not imported yet.", remedy)
    else:
        products, source = state.in_use.products, shown_source(state.in_use.source)
        yield Finding(Level.GOOD, f"{name} has {counted(products, 'product')} from {source}.")
    yield from _age(state, now)


def _trouble(state: FeedState, last: FeedImport) -> Finding:
    name = state.advertiser.id
    stays = "The products from before stay in use." if state.in_use else "It has no products yet."
    if last.outcome is Outcome.HELD_BACK:
        own = state.feed is not None and last.source == state.feed.source
        accept = accept_command(name, None if own else last.source)
        return Finding(
            Level.BAD,
            f"The feed of {name} is held back: {last.reason}. {stays}",
            f"See what changed: adserver feed show {name}. If it is as it should be: {accept}",
        )
    times = f" {state.failures} times in a row" if state.failures > 1 else ""
    return Finding(
        Level.BAD,
        f"The last import of the feed of {name} failed{times}: {last.reason}. {stays}",
        f"Mend the feed, then: adserver feed import {name}",
    )


def _long(age: timedelta) -> str:
    hours = age / timedelta(hours=1)
    if hours < 2:
        return f"{age // timedelta(minutes=1)} minutes"
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"


def _age(state: FeedState, now: datetime) -> Iterator[Finding]:
    """Products of a feed that is too old are not advertised, whatever the reason."""
    if state.feed is None or state.in_use is None or not state.feed.max_age_s:
        return
    name, age = state.advertiser.id, now - state.in_use.checked_at
    allowed = timedelta(seconds=state.feed.max_age_s)
    ago = f"{_long(age)} ago"
    if age > allowed:
        yield Finding(
            Level.BAD,
            f"No product of {name} is advertised: its feed was last found good {ago}, and max_age is "
            f"{span(state.feed.max_age_s)}.",
            f"Import it: adserver feed import {name}; or set max_age in [advertisers.{name}.feed].",
        )
    elif state.feed.every_s >= state.feed.max_age_s:
        yield Finding(
            Level.NOTE,
            f"The feed of {name} is looked at every {span(state.feed.every_s)}, but its products are advertised for "
            f"{span(state.feed.max_age_s)} only.",
            f"Make max_age in [advertisers.{name}.feed] a good deal longer than every.",
        )
    elif age > allowed / 2:
        yield Finding(
            Level.NOTE,
            f"The feed of {name} was last found good {ago}; its products are advertised for "
            f"{span(state.feed.max_age_s)} only.",
            f"See what happened: adserver feed history {name}",
        )
