"""Addresses: where an endpoint may be, so that nobody makes us call into our own network."""

import ipaddress
from urllib.parse import urlsplit

from models.webhook.table import EndpointRefused

LONGEST_URL = 2000
TRANSLATED = tuple(
    ipaddress.IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")
)
"""IPv6 addresses that lead to an IPv4 one written inside them."""


def is_public(address: str) -> bool:
    """Tell whether an IP address lies on the internet: not here, not in a private network."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return is_public(str(parsed.ipv4_mapped))
        if parsed.teredo is not None or any(parsed in network for network in TRANSLATED):
            return False
    return parsed.is_global and not parsed.is_multicast


def check_url(url: str, *, allow_private: bool) -> str:
    """Return an endpoint's URL where it will do. Raises EndpointRefused.

    It is https, but for the demo, which may also call this machine. What its name leads to is
    checked at each call, by whoever calls.
    """
    url = url.strip()
    if not 0 < len(url) <= LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise EndpointRefused(why="url")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise EndpointRefused(why="url") from error
    if parts.scheme not in (("https", "http") if allow_private else ("https",)):
        raise EndpointRefused(why="scheme")
    if not host or "@" in parts.netloc or parts.fragment:
        raise EndpointRefused(why="url")
    if not allow_private and is_literal(host) and not is_public(host):
        raise EndpointRefused(why="private_address")
    return url


def is_literal(host: str) -> bool:
    """Tell whether a host is an IP address itself, so that no name is looked up."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
