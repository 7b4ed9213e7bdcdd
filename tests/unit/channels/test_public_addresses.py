"""Which addresses outgoing webhooks may call: those of the public internet, and no other way to write one inside."""

from collections.abc import Sequence

import pytest

from channels.public_addresses import AddressRefused, Resolver, is_public, public_place

PUBLIC = "93.184.215.14"


def answering(*addresses: str) -> Resolver:
    """A resolver that knows these addresses for every name."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.1", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.8.8.8", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.9", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::8.8.8.8", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
        "2001:db8::1", "3fff::1", "100::1", "2001::1", "5f00::1", "64:ff9b:1::8.8.8.8",
        "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:100.64.0.1",
        "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    ],
)  # fmt: skip
def test_an_address_that_leads_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        PUBLIC,
        "8.8.8.8",
        "100.63.255.255",
        "172.32.0.1",
        "2606:4700::1111",
        "64:ff9b::808:808",
        "::ffff:8.8.8.8",
    ],
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example.com/", "not_https"),
        ("ftp://hooks.example.com/", "not_https"),
        ("hooks.example.com/regua", "bad_url"),
        ("https:///regua", "bad_url"),
        ("https://hooks.example.com/#part", "bad_url"),
        ("https://hooks.example.com/" + "x" * 2_000, "bad_url"),
        ("https://\x00.example.com/", "bad_url"),
        ("https://user:word@hooks.example.com/", "credentials_in_url"),
        ("https://hooks.example.com:25/", "bad_port"),
        ("https://hooks.example.com:1023/", "bad_port"),
        ("https://hooks.example.com:99999/", "bad_port"),
        ("https://0177.0.0.1/", "bad_url"),
    ],
)
async def test_a_url_that_is_not_to_be_called_is_refused_with_its_code(url: str, code: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        await public_place(url, resolve=answering(PUBLIC))
    assert refused.value.code == code


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"],
)
async def test_this_machine_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        await public_place(f"https://{host}:8443/hook")
    assert refused.value.code == "not_public"


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(AddressRefused) as refused:
        await public_place("https://hooks.example.com/", resolve=answering(PUBLIC, "10.0.0.1"))
    assert refused.value.code == "not_public"


async def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(AddressRefused) as refused:
        await public_place("https://hooks.example.com/", resolve=answering())
    assert refused.value.code == "unresolvable"


@pytest.mark.parametrize("host", ["a" * 64 + ".example.com", "hooks..example.com", "hooks.invalid"])
async def test_a_name_that_cannot_be_looked_up_is_refused_and_nothing_else(host: str) -> None:
    with pytest.raises(AddressRefused):
        await public_place(f"https://{host}/")


async def test_a_public_host_is_called_at_the_addresses_that_were_checked() -> None:
    place = await public_place(
        "https://bücher.example:8443/hook?x=1", resolve=answering(PUBLIC, "2606:4700::1111")
    )
    assert place.name == "xn--bcher-kva.example"
    assert [str(place.at(each)) for each in place.addresses] == [
        f"https://{PUBLIC}:8443/hook?x=1",
        "https://[2606:4700::1111]:8443/hook?x=1",
    ]


async def test_the_switch_lets_private_networks_and_plain_http_through() -> None:
    place = await public_place("http://127.0.0.1:8080/hook", private_too=True)
    assert place.addresses == ("127.0.0.1",)
