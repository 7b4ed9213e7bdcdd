"""What a stolen token or header could say of money, where the provider can be asked and knows better."""

import json

import pytest

from channels.rails.money import NotConfirmed, Reference
from tests.unit.channels.test_rails_providers import World, playing, world

__all__ = ["playing", "world"]  # fixtures


@pytest.mark.parametrize(
    "event",
    [
        "PAYMENT_REFUNDED",
        "PAYMENT_RECEIVED_IN_CASH_UNDONE",
        "PAYMENT_CHARGEBACK_REQUESTED",
        "PAYMENT_AWAITING_CHARGEBACK_REVERSAL",
    ],
)
async def test_money_that_asaas_says_is_still_there_is_not_taken_back(world: World, event: str) -> None:
    world.pay("asaas")
    told = json.loads(world.receiver.calls[-1].body)
    forged = told | {"id": "evt_forged", "event": event}
    forged["payment"] |= {"status": "REFUNDED"}
    [entry] = world.rails["asaas"].entries(json.dumps(forged).encode(), {}, {})
    with pytest.raises(NotConfirmed, match="status_differs"):
        await world.rails["asaas"].read(entry.body)


async def test_which_charge_a_pix_paid_is_what_its_psp_says(world: World) -> None:
    world.pay("pix", reference="a" * 26)
    told = json.loads(world.receiver.calls[-1].body)
    told["pix"][0] |= {"txid": "b" * 26, "infoPagador": "INV-9"}
    [entry] = world.rails["pix"].entries(json.dumps(told).encode(), {}, {})
    [note] = await world.rails["pix"].read(entry.body)
    assert Reference("pix_txid", "a" * 26) in note.references
    assert {each.value for each in note.references}.isdisjoint({"b" * 26, "INV-9"})
