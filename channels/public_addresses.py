"""Whether an address given by somebody may be called: only one that leads to the public internet, and where to."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import SOCK_STREAM

import httpx

LONGEST_URL = 2_000
LOOK_UP_SECONDS = 5.0
# What `ipaddress` calls global and is no host of the internet: protocol assignments (RFC 6890), relays of 6to4
# (RFC 7526), documentation (RFC 9637).
_SPECIAL = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")))
# The public part of IPv6 (RFC 4291); whatever lies beyond it is special, reserved or not assigned.
_GLOBAL_UNICAST = ip_network("2000::/3")
# Addresses that end in the IPv4 address which they reach: mapped (RFC 4291), and translated by NAT64 (RFC 6052).
_CARRIERS = tuple(map(ip_network, ("::ffff:0:0/96", "64:ff9b::/96")))


class AddressRefused(Exception):
    """An address that is not called. `code` is stable; the text says what is wrong and what to do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Place:
    """Where to connect: the checked addresses of `url`'s host, in the order in which to try them."""

    url: httpx.URL
    addresses: tuple[str, ...]

    @property
    def name(self) -> str:
        """The host's name as certificates and DNS write it."""
        return self.url.raw_host.decode("ascii")

    def at(self, address: str) -> httpx.URL:
        """The URL with the name replaced by an address, so that no name is looked up again."""
        return self.url.copy_with(host=address)


Resolver = Callable[[str, int], Awaitable[Sequence[str]]]


async def look_up(host: str, port: int) -> Sequence[str]:
    """Every address of a host, as the operating system knows them; raise OSError or UnicodeError where it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def public_place(url: str, *, private_too: bool = False, resolve: Resolver = look_up) -> Place:
    """Check a URL and every address of its host, now; raise AddressRefused with a sentence.

    `private_too` is the switch for tests and a stack on one machine: private networks and plain http are let through.
    """
    parsed = _parsed(url, private_too=private_too)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    try:
        async with asyncio.timeout(LOOK_UP_SECONDS):
            addresses = await resolve(parsed.raw_host.decode("ascii"), port)
    except (OSError, UnicodeError):
        addresses = ()
    if not addresses:
        raise AddressRefused(
            "unresolvable", "the host name has no address; check its spelling, or its DNS records"
        )
    if not private_too and not all(map(is_public, addresses)):
        raise AddressRefused(
            "not_public",
            "the host leads to a private, loopback or reserved network; give an address on the public internet",
        )
    return Place(parsed, tuple(addresses))


def _parsed(url: str, *, private_too: bool) -> httpx.URL:
    try:
        # The parser of the client that will call, so that both read the same host.
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        raise AddressRefused("bad_url", "this is no URL; write it like https://host.example/path") from None
    if len(url) > LONGEST_URL or not parsed.host or parsed.fragment:
        raise AddressRefused(
            "bad_url", f"write the URL like https://host.example/path, in {LONGEST_URL} characters, without #"
        )
    if parsed.scheme != "https" and not (private_too and parsed.scheme == "http"):
        raise AddressRefused("not_https", "the URL must begin with https://")
    if parsed.userinfo:
        raise AddressRefused(
            "credentials_in_url", "leave user and password out of the URL: the signature says who calls"
        )
    if parsed.port is not None and not 1024 <= parsed.port <= 65535:
        raise AddressRefused(
            "bad_port", "use port 443, or one from 1024 to 65535: those below are of other services"
        )
    return parsed


def is_public(address: str) -> bool:
    """Whether an IP address is of the public internet, also when it carries another one inside."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return _public_v4(ip)
    carried = _carried(ip)
    if carried is not None:
        return _public_v4(carried)
    return ip in _GLOBAL_UNICAST and ip.is_global and not _special(ip)


def _public_v4(ip: IPv4Address) -> bool:
    # A group of hosts counts as global, too.
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not _special(ip)


def _special(ip: IPv4Address | IPv6Address) -> bool:
    return any(ip in network for network in _SPECIAL)


def _carried(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that is reached by this one, where there is one (6to4 is RFC 3056)."""
    if ip.sixtofour:
        return ip.sixtofour
    if any(ip in carrier for carrier in _CARRIERS):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return None
