"""Whether an event comes from where the advertiser's tag may run."""

from functools import lru_cache

from adserver.model.domain import covers


@lru_cache(4_096)
def is_foreign(page_hosts: tuple[str, ...], domains: tuple[str, ...]) -> bool:
    """Whether Origin or Referer names a page outside ``domains``. Neither sent: not foreign.

    Else a third site could fire a shop's pixel with products of its choice and so write into a visitor's profile.
    """
    return any(not covers(domains, host) for host in page_hosts)
