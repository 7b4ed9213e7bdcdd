"""A message whose fate nobody knows is looked for in the provider's list."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels.outcome import ProviderUnavailable
from channels.sms import TwilioSms
from channels.whatsapp import TwilioWhatsApp
from tests.unit.channels.loopback import PHONE, Provider, send_sms, send_whatsapp, settings


def _since() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=5)


async def test_a_message_whose_response_was_lost_is_found_by_its_reference(provider: Provider) -> None:
    provider.fail("drop_response", count=2)
    await send_sms(provider.settings)
    await send_whatsapp(provider.settings)
    by_channel = {message["channel"]: message["id"] for message in provider.messages}
    found_sms = await TwilioSms(provider.settings).find(PHONE, "R-7K2M", _since())
    found_whatsapp = await TwilioWhatsApp(provider.settings).find(PHONE, "R-7K2M", _since())
    assert {"sms": found_sms, "whatsapp": found_whatsapp} == by_channel


async def test_another_reference_or_recipient_is_not_found(provider: Provider) -> None:
    await send_sms(provider.settings)
    assert await TwilioSms(provider.settings).find(PHONE, "R-OTHER", _since()) is None
    assert await TwilioSms(provider.settings).find("+12025550124", "R-7K2M", _since()) is None


async def test_a_message_is_found_whatever_the_callers_clock_says(provider: Provider) -> None:
    await send_sms(provider.settings)
    in_a_year = datetime.now(UTC) + timedelta(days=365)
    assert await TwilioSms(provider.settings).find(PHONE, "R-7K2M", in_a_year) is not None


async def test_a_lagging_list_shows_a_message_late(provider: Provider) -> None:
    await send_sms(provider.settings)
    provider.fail("lagging_list", seconds=30)
    assert await TwilioSms(provider.settings).find(PHONE, "R-7K2M", _since()) is None
    assert await TwilioSms(provider.settings).find(PHONE, "R-7K2M", _since()) is not None


async def test_an_unreadable_list_says_nothing_about_the_message(provider: Provider) -> None:
    provider.fail("unreadable_list")
    with pytest.raises(ProviderUnavailable) as caught:
        await TwilioSms(provider.settings).find(PHONE, "R-7K2M", _since())
    assert PHONE[1:] not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize("method", ["sms", "whatsapp"])
async def test_a_list_behind_a_closed_port_cannot_be_read(method: str, unused_tcp_port: int) -> None:
    unreachable = settings(f"http://127.0.0.1:{unused_tcp_port}")
    channel: Any = TwilioSms(unreachable) if method == "sms" else TwilioWhatsApp(unreachable)
    with pytest.raises(ProviderUnavailable):
        await channel.find(PHONE, "R-7K2M", _since())
