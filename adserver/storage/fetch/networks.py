"""Which addresses belong to the public web.

A list of our own: what ``ipaddress.is_global`` says differs between releases of Python, and some were wrong. It follows
the special-purpose registries of IANA (RFC 6890 and its successors).
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carrier-grade NAT
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # the inside service of a cloud, on an address that looks public
            "169.254.0.0/16",  # link-local, and the metadata services of clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)

UNICAST_6 = IPv6Network("2000::/3")
"""All that is handed out. Outside: loopback, unspecified, IPv4-mapped, NAT64, discard, unique local, link-local,
site-local, multicast, and what is not assigned."""

NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address of anybody's choice inside
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # the old test network
            "3fff::/20",  # documentation
        ),
    )
)

_ISATAP = (0x00005EFE, 0x02005EFE)
"""The third quarter of an address that has an IPv4 address of anybody's choice in its last."""


def is_public(address: Address) -> bool:
    """Whether a shop's server may have this address."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_4)
    if address not in UNICAST_6 or address.scope_id or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return False
    return not any(address in network for network in NOT_PUBLIC_6)
