"""A feed is read through and nothing is kept: what an import would say of it."""

from dataclasses import dataclass, field

from adserver.catalog.feed import FeedError, read_feed
from adserver.catalog.format_name import format_of
from adserver.catalog.summary import ImportSummary
from adserver.service.import_feed import OpenSource
from adserver.storage.interfaces import SourceUnavailable


@dataclass(frozen=True, slots=True)
class Checked:
    """``reason`` says why the feed can not be used; empty where it can. Where it can not be read, ``facts`` has the
    ``code`` of that and a ``fix``.
    """

    summary: ImportSummary
    reason: str = ""
    facts: dict[str, object] = field(default_factory=dict)

    @property
    def report(self) -> dict[str, object]:
        """As an import keeps it."""
        return {**self.facts, **self.summary.as_dict()}

    def as_dict(self) -> dict[str, object]:
        """The reason and the report."""
        return {"reason": self.reason, **self.report}


async def check_feed(open_source: OpenSource, source: str, currency: str) -> Checked:
    """Read ``source`` (path or URL); ``currency`` (ISO 4217) is meant where a price names none."""
    summary, facts = ImportSummary(), dict[str, object]()
    try:
        async with open_source(source) as opened:
            assert opened.stream is not None
            facts |= {"format": format_of(opened.stream), "bytes": opened.size}
            for item in read_feed(opened.stream, currency=currency):
                summary.add(item)
    except FeedError as error:
        return Checked(summary, str(error), facts | {"code": error.code, "fix": error.fix})
    except SourceUnavailable as error:
        return Checked(summary, str(error), facts)
    return Checked(summary, "" if summary.products else "it has no product that can be used", facts)
