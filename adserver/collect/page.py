"""Whether an event comes from where the advertiser's tag may run."""

from collections.abc import Iterable

from adserver.model.domain import covers


def is_foreign(page_hosts: Iterable[str], domains: tuple[str, ...]) -> bool:
    """Whether Origin or Referer names a page outside ``domains``. Neither sent: not foreign.

    Else a third site could fire a shop's pixel with products of its choice and so write into a visitor's profile.
    """
    return any(not covers(domains, host) for host in page_hosts)
